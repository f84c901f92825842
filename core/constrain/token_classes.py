"""The tokens of a vocabulary by what they are made of: an order in which a mask's picture has a shape."""

import unicodedata
from dataclasses import dataclass

import numpy as np

from core.constrain.tokens import TokenTable, once_per_table

CLASSES = (
    "letters", "digits", "punctuation", "white space and control", "other scripts", "parts of characters",
    "special tokens",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class TokenClasses:
    """`kind` (tokens,) uint8 is a token's place in CLASSES; `order` (tokens,) int32 all ids, class by class and in
    each alphabetically, whatever their case and with or without a blank before them."""

    kind: np.ndarray
    order: np.ndarray


@once_per_table
def classify(tokens: TokenTable) -> TokenClasses:
    texts = [_text(spelled) for spelled in tokens.bytes_of]
    kinds = [_kind(spelled, text) for spelled, text in zip(tokens.bytes_of, texts)]
    names = [text.strip().casefold() if text else "" for text in texts]
    order = sorted(range(len(tokens)), key=lambda i: (kinds[i], names[i], tokens.bytes_of[i]))
    return TokenClasses(np.array(kinds, np.uint8), np.array(order, np.int32))


def _text(spelled: bytes) -> str | None:
    try:
        return spelled.decode()
    except UnicodeDecodeError:
        return None


def _kind(spelled: bytes, text: str | None) -> int:
    """By the first character that is not white space: " the" is letters, '":' is punctuation."""
    if not spelled:
        return CLASSES.index("special tokens")
    if text is None:
        return CLASSES.index("parts of characters")
    first = text.strip()[:1]
    if not first or unicodedata.category(first) in ("Cc", "Cf", "Zl", "Zp"):
        return CLASSES.index("white space and control")
    if first.isalpha():
        latin = first.isascii() or unicodedata.name(first, "").startswith("LATIN")
        return CLASSES.index("letters" if latin else "other scripts")
    if first.isdigit():
        return CLASSES.index("digits")
    return CLASSES.index("punctuation" if unicodedata.category(first)[0] in "PSN" else "other scripts")
