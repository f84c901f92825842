"""Why each token of a vocabulary is refused in one state: the byte at which it dies, and what could stand there."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from core.constrain.engines.constraint import describe_bytes
from core.constrain.engines.dfa import DfaConstraint

ALLOWED = -1


@dataclass(frozen=True)
class Reason:
    """The offset of a token's first refused byte, and what could stand there, in words."""

    dies_at: int
    expected: str


@dataclass(frozen=True, eq=False)
class Refusals:
    """`reason` (tokens,) int32 is the place in `reasons` of why a token is refused, or ALLOWED."""

    reason: np.ndarray
    reasons: tuple[Reason, ...]


def refusals(constraint: DfaConstraint, state: int) -> Refusals:
    """One walk of the trie: every refused token at once. Special tokens die at byte 0."""
    automaton, tokens = constraint.automaton, constraint.tokens
    reached = np.full(len(tokens), state, np.int32)
    dies_at = np.zeros(len(tokens), np.int32)  # as special tokens do, which are not in the trie
    trie = tokens.trie
    _walk(
        automaton.next_state,
        state,
        trie.byte,
        trie.depth,
        trie.end,
        trie.first,
        trie.tokens,
        trie.longest,
        reached,
        dies_at,
    )
    if automaton.accepting[state]:
        dies_at[tokens.eos] = ALLOWED
    key = np.where(dies_at == ALLOWED, -1, dies_at.astype(np.int64) * len(automaton) + reached)
    keys, reason = np.unique(key, return_inverse=True)
    allowed = int(len(keys) > 0 and keys[0] == -1)
    reasons = tuple(_reason(constraint, *divmod(int(k), len(automaton))) for k in keys[allowed:])
    return Refusals((reason - allowed).astype(np.int32), reasons)


def _reason(constraint: DfaConstraint, dies_at: int, state: int) -> Reason:
    return Reason(
        dies_at, describe_bytes(constraint.automaton.allowed_bytes(state), constraint.may_end(state)) or "nothing"
    )


@njit(cache=True, nogil=True)
def _walk(next_state, state, byte, depth, end, first, tokens, longest, reached, dies_at):  # type: ignore[no-untyped-def]
    path = np.empty(longest + 1, np.int32)  # path[d]: the state before byte d of the token
    path[0] = state
    node = 0
    while node < len(byte):
        d = depth[node]
        target = next_state[path[d], byte[node]]
        if target < 0:  # nor can any token below it be read
            for j in range(first[node], first[end[node]]):
                reached[tokens[j]] = path[d]
                dies_at[tokens[j]] = d
            node = end[node]
            continue
        path[d + 1] = target
        for j in range(first[node], first[node + 1]):
            dies_at[tokens[j]] = -1
        node += 1
