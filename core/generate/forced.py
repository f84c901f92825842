"""Forced strings as tokens: what the schema dictates, spelled as the tokenizer itself would spell it.

Decoding appends these tokens without asking the model; training skips them. Both call `forced_tokens`,
so a position is free in training exactly where the model is asked in decoding.
"""

from collections.abc import Callable

import numpy as np

from core.constrain.engines import Constraint

Encode = Callable[[str], list[int]]
MANY = 256


def forced_tokens(constraint: Constraint, state: int, encode: Encode, merges: dict[tuple[int, int], bool]) -> list[int]:
    """Ids of the text that must come next, eos included where nothing else can follow.

    The last ones are left out while they could merge with what follows: there the model chooses.
    `merges` remembers (token, next token) pairs; keep one dictionary a tokenizer.
    """
    raw, after = constraint.forced(state)
    ids = encode(_whole_characters(raw)) if raw else []
    table = constraint.tokens
    if b"".join(table.bytes_of[i] for i in ids) != raw:
        ids, after = _longest_prefix(ids, raw, table.bytes_of), -1
    if after >= 0 and _only_eos(constraint, after):
        return [*ids, table.eos]
    while ids:
        end = _advance(constraint, state, ids)
        allowed = np.flatnonzero(table.unpack(constraint.mask(end)))
        if len(allowed) <= MANY and not any(_merges(ids[-1], int(t), constraint, encode, merges) for t in allowed):
            break
        ids = ids[:-1]
    return ids


def _whole_characters(raw: bytes) -> str:
    """`raw` as text without an incomplete last character."""
    return raw.decode("utf-8", "ignore")


def _longest_prefix(ids: list[int], raw: bytes, bytes_of: tuple[bytes, ...]) -> list[int]:
    """The first ids that spell a beginning of `raw`: a tokenizer may normalise, or a character be cut."""
    spelled = b""
    for count, i in enumerate(ids):
        spelled += bytes_of[i]
        if not bytes_of[i] or not raw.startswith(spelled):
            return ids[:count]
    return ids


def _advance(constraint: Constraint, state: int, ids: list[int]) -> int:
    for i in ids:
        state = constraint.advance(state, i)
    return state


def _only_eos(constraint: Constraint, state: int) -> bool:
    return constraint.may_end(state) and int(np.bitwise_count(constraint.mask(state)).sum()) == 1


def _merges(
    last: int, following: int, constraint: Constraint, encode: Encode, known: dict[tuple[int, int], bool]
) -> bool:
    """Would the tokenizer spell `last` + `following` in another way?"""
    if (last, following) not in known:
        table = constraint.tokens
        text = table.bytes_of[last] + table.bytes_of[following]
        try:
            known[last, following] = encode(text.decode())[0] != last
        except UnicodeDecodeError:
            known[last, following] = True
    return known[last, following]
