"""Forced strings as tokens: what the schema dictates, spelled as the tokenizer itself would spell it.

Decoding appends these tokens without asking the model; training skips them. Both call `forced_tokens`,
so a position is free in training exactly where the model is asked in decoding.
"""

from collections.abc import Callable

import numpy as np

from core.constrain.engines.constraint import NONE, Constraint
from core.constrain.engines.dfa import DfaConstraint

Encode = Callable[[str], list[int]]
MANY = 256  # tokens; more are not asked about one by one: the model chooses (masks.SMALL is about memory alone)


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
        following = _few(constraint, states[len(ids)])
        if following is not None and not _merges(ids[-1], following, table.bytes_of, encode, merges):
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


def _few(constraint: Constraint, state: int) -> list[int] | None:
    """The tokens that may follow, or None if they are many."""
    if isinstance(constraint, DfaConstraint):
        counts, ids = constraint.few(np.array([state], np.int32), MANY)
        return ids[0, : counts[0]].tolist() if counts[0] <= MANY else None
    mask = constraint.mask(state)
    return constraint.tokens.ids(mask).tolist() if np.bitwise_count(mask).sum() <= MANY else None


def _merges(
    last: int, following: list[int], bytes_of: tuple[bytes, ...], encode: Encode, known: dict[tuple[int, int], bool]
) -> bool:
    """Would the tokenizer spell `last` and one of `following` in another way?"""
    for token in following:
        if (last, token) not in known:
            try:
                known[last, token] = encode((bytes_of[last] + bytes_of[token]).decode())[0] != last
            except UnicodeDecodeError:
                known[last, token] = True
        if known[last, token]:
            return True
    return False
