"""Forced strings as tokens: what the schema dictates, spelled as the tokenizer itself would spell it.

Decoding appends these tokens without asking the model; training skips them. Both call `forced_tokens`,
so a position is free in training exactly where the model is asked in decoding.
"""

from collections.abc import Callable

import numpy as np

from core.constrain.engines.constraint import NONE, Constraint

Encode = Callable[[str], list[int]]
MANY = 256


def forced_tokens(constraint: Constraint, state: int, encode: Encode, merges: dict[tuple[int, int], bool]) -> list[int]:
    """Ids of the text that must come next, eos included where nothing else can follow.

    The last ones are left out while they could merge with what follows: there the model chooses. So is all
    that the tokenizer cannot write. `merges` remembers (token, next token) pairs; keep one dictionary a tokenizer.
    """
    raw = constraint.forced(state)
    table = constraint.tokens
    ids = _spelled(encode(raw.decode("utf-8", "ignore")) if raw else [], raw, table.bytes_of)
    states = _states(constraint, state, ids)
    ids = ids[: len(states) - 1]
    if sum(len(table.bytes_of[i]) for i in ids) == len(raw) and _only_eos(constraint, states[-1]):
        return [*ids, table.eos]
    while ids:
        mask = constraint.mask(states[len(ids)])
        few = np.bitwise_count(mask).sum() <= MANY
        if few and not any(_merges(ids[-1], t, constraint, encode, merges) for t in table.ids(mask).tolist()):
            break
        ids = ids[:-1]
    return ids


def _spelled(ids: list[int], raw: bytes, bytes_of: tuple[bytes, ...]) -> list[int]:
    """The first ids that spell a beginning of `raw`: a tokenizer may normalise, or a character be cut."""
    spelled = b""
    for count, i in enumerate(ids):
        spelled += bytes_of[i]
        if not bytes_of[i] or not raw.startswith(spelled):
            return ids[:count]
    return ids


def _states(constraint: Constraint, state: int, ids: list[int]) -> list[int]:
    """The states from `state` on, until an engine refuses a spelling."""
    found = [state]
    for i in ids:
        state = constraint.advance(state, i)
        if state == NONE:
            break
        found.append(state)
    return found


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
