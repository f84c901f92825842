"""The vocabulary grid: every token a cell, allowed or refused, class by class; one of them can be pinned."""

import base64
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st

from core.constrain.engines.constraint import Constraint, refusal
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.refusals import ALLOWED, Reason, Refusals, refusals
from core.constrain.token_classes import CLASSES, classify
from core.constrain.tokens import TokenTable, once_per_table
from ui.components.component import component, news, nothing, signature, told, turn
from ui.text import share

_component = component(
    "vocabulary_grid",
    """
    <div class="grid">
      <div class="total"></div>
      <div class="bands"></div>
      <div class="pinned" aria-live="polite"></div>
      <div class="spoken" aria-live="polite" style="position:absolute;width:1px;height:1px;overflow:hidden"></div>
    </div>
    <div class="tools"></div>
    <div class="card" popover="manual" role="tooltip"></div>
    """,
)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What the browser is told of a vocabulary once: texts and `ids` (tokens,) int32 in the order of the cells."""

    identity: str
    texts: list[str]
    ids: np.ndarray
    kind: np.ndarray


@dataclass(frozen=True)
class Pinned:
    """A token looked at more closely: its text, and what is known of it, name and value."""

    text: str
    facts: tuple[tuple[str, str], ...]


@once_per_table
def vocabulary(tokens: TokenTable) -> Vocabulary:
    found = classify(tokens)
    texts = [spelled(tokens, int(i)) for i in found.order]
    return Vocabulary(signature(texts), texts, found.order, found.kind)


def spelled(tokens: TokenTable, token: int) -> str:
    """A token's text, the bytes of a part of a character, or what it is if it has none."""
    raw = tokens.bytes_of[token]
    if not raw:
        return "⟨end⟩" if token == tokens.eos else f"⟨special token {token}⟩"
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return " ".join(f"0x{byte:02X}" for byte in raw)


def reasons(constraint: Constraint, state: int) -> Refusals:
    """Why each token is refused; from an engine other than ours only whether, because it would take seconds."""
    hashable: Any = constraint  # the protocol does not say so, but every constraint is
    return _reasons(hashable, state)


@lru_cache(maxsize=64)
def _reasons(constraint: Any, state: int) -> Refusals:
    if isinstance(constraint, DfaConstraint):
        return refusals(constraint, state)
    allowed = constraint.tokens.unpack(constraint.mask(state))
    return Refusals(np.where(allowed, ALLOWED, 0).astype(np.int32), ())


def reason_of(constraint: Constraint, state: int, token: int) -> Reason | None:
    """Why one token is refused, from any engine; None if it is allowed."""
    found = reasons(constraint, state)
    place = int(found.reason[token])
    if place == ALLOWED:
        return None
    return found.reasons[place] if found.reasons else Reason(*refusal(constraint, state, token))


def pinned_token(tokens: TokenTable, *, key: str, first: int = -1) -> int | None:
    """The token that was pinned last, if it was of this vocabulary; `first` counts as pinned before any was."""
    pinned = st.session_state.setdefault(_kept(key), {"identity": vocabulary(tokens).identity, "token": first})
    token = pinned.get("token") if pinned.get("identity") == vocabulary(tokens).identity else None
    return token if isinstance(token, int) and 0 <= token < len(tokens) else None


def _pin(key: str) -> None:
    """A cell was clicked: its token is kept until a reset of the page, whatever the browser goes on saying."""
    if pinned := news(key, "pinned"):
        st.session_state[_kept(key)] = pinned


def _kept(key: str) -> str:
    return f"{key}_pinned"


def vocabulary_grid(constraint: Constraint, state: int, *, key: str, pinned: Pinned | None) -> None:
    """Shows what the mask of `state` does to every token. What is `pinned` stands below."""
    words = vocabulary(constraint.tokens)
    data = {
        "identity": words.identity,
        **cells(constraint, state),
        "pinned": pinned and {"text": pinned.text, "facts": pinned.facts},
        "turn": turn(key),
        **_texts_if_missing(words, key),
    }
    _component(key=key, data=data, on_pinned_change=partial(_pin, key), on_missing_change=nothing)


def cells(constraint: Constraint, state: int) -> dict[str, Any]:
    """What changes from step to step: for each cell 0 if its token is allowed, else 1 + the place of its reason."""
    words, found = vocabulary(constraint.tokens), reasons(constraint, state)
    wide = len(found.reasons) > 254
    reason = (found.reason[words.ids] + 1).astype(np.uint16 if wide else np.uint8)
    allowed = int(np.count_nonzero(reason == 0))
    return {
        "reason": base64.b64encode(reason.tobytes()).decode(),
        "wide": wide,
        "reasons": [(r.dies_at, r.expected) for r in found.reasons],
        "bands": _bands(words.kind, found.reason),
        "total": f"{allowed:,} of {len(reason):,} tokens allowed ({share(allowed / len(reason))})",
    }


def _bands(kind: np.ndarray, reason: np.ndarray) -> list[dict[str, Any]]:
    counts = np.bincount(kind, minlength=len(CLASSES)).tolist()
    allowed = np.bincount(kind[reason == ALLOWED], minlength=len(CLASSES)).tolist()
    return [
        {"name": name, "count": count, "text": f"{some:,} of {count:,} allowed ({share(some / count)})"}
        for name, count, some in zip(CLASSES, counts, allowed, strict=True)
        if count
    ]


def _texts_if_missing(words: Vocabulary, key: str) -> dict[str, Any]:
    """The texts, if the browser has not been sent them in this session or says that it lost them."""
    asked = told(key, "missing").get("turn", 0)
    known = f"{key}_sent"
    if st.session_state.get(known) == (words.identity, asked):
        return {"asked": asked}
    st.session_state[known] = (words.identity, asked)
    return {"asked": asked, "texts": words.texts, "ids": base64.b64encode(words.ids.tobytes()).decode()}
