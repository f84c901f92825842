"""Our engine: the trie of tokens walked with the schema's byte automaton, once a state.

Exact for every schema that has an automaton, and the only engine whose states people can look at.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numba import njit

from core.constrain.automaton import Automaton
from core.constrain.engines.constraint import NONE, Reading
from core.constrain.engines.recent import MASKS_KEPT, Recent
from core.constrain.tokens import TokenTable


@dataclass(eq=False)
class DfaConstraint:
    automaton: Automaton
    tokens: TokenTable
    engine: ClassVar[str] = "dfa"
    _masks: Recent[np.ndarray] = field(default_factory=lambda: Recent(MASKS_KEPT), repr=False)

    @property
    def name(self) -> str:
        return self.automaton.name

    @property
    def start(self) -> int:
        return self.automaton.start

    def mask(self, state: int) -> np.ndarray:
        row = self._masks.get(state)
        if row is None:
            row = self.masks(np.array([state], np.int32))[0]
            self._masks.keep(state, row)
        return row

    def masks(self, states: np.ndarray) -> np.ndarray:
        """Packed rows (n, words) uint32 of `states` (n,) int32."""
        rows = np.zeros((len(states), self.tokens.words), np.uint32)
        _fill(*self._machine, states, *self._trie, rows)
        return rows

    def few(self, states: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
        """How many tokens each of `states` (n,) int32 allows, (n,) int32, `most` + 1 standing for any more than
        `most`; and up to that many their ids (n, most) int32, ascending, at the beginning of the row."""
        counts, ids = np.zeros(len(states), np.int32), np.empty((len(states), most), np.int32)
        _collect(*self._machine, states, *self._trie, counts, ids)
        return counts, ids

    @property
    def _machine(self) -> tuple[np.ndarray, np.ndarray, int]:
        return self.automaton.next_state, self.automaton.accepting, self.tokens.eos

    @property
    def _trie(self) -> tuple[Any, ...]:
        trie = self.tokens.trie
        return trie.byte, trie.depth, trie.end, trie.first, trie.tokens, trie.longest

    def states(self, ids: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, int]:
        """The state before each token of `ids` (n,) int32, where answers begin at `starts`, and the place of
        the first token that is refused, or NONE."""
        spellings = self.tokens.spellings
        states = np.empty(len(ids), np.int32)
        refused = _follow(
            self.automaton.next_state,
            self.automaton.accepting,
            self.start,
            self.tokens.eos,
            ids,
            starts,
            spellings.byte,
            spellings.offset,
            states,
        )
        return states, refused

    def advance(self, state: int, token: int) -> int:
        if token == self.tokens.eos:
            return state if self.may_end(state) else NONE
        text = self.tokens.bytes_of[token]
        return self.automaton.walk(text, state) if text else NONE

    def forced(self, state: int) -> bytes:
        return self.automaton.forced(state)

    def may_end(self, state: int) -> bool:
        return bool(self.automaton.accepting[state])

    def read(self, state: int, text: bytes) -> Reading:
        length, reached = self.automaton.read(text, state)
        return Reading(length, self.automaton.allowed_bytes(reached), self.may_end(reached))

    def describe(self, state: int) -> str:
        return self.automaton.parts[state]


@njit(cache=True, nogil=True)
def _fill(next_state, accepting, eos, states, byte, depth, end, first, tokens, longest, rows):  # type: ignore[no-untyped-def]
    """Sets in each row the bit of every token that the automaton can read from the row's state."""
    path = np.empty(longest + 1, np.int32)  # path[d]: the state before byte d of the token
    for i in range(len(states)):
        path[0] = states[i]
        node, row = 0, rows[i]
        while node < len(byte):
            target = next_state[path[depth[node]], byte[node]]
            if target < 0:
                node = end[node]  # no token below this byte can be read
                continue
            path[depth[node] + 1] = target
            for j in range(first[node], first[node + 1]):
                row[tokens[j] >> 5] |= np.uint32(1) << np.uint32(tokens[j] & 31)
            node += 1
        if accepting[states[i]]:
            row[eos >> 5] |= np.uint32(1) << np.uint32(eos & 31)


@njit(cache=True, nogil=True)
def _collect(next_state, accepting, eos, states, byte, depth, end, first, tokens, longest, counts, ids):  # type: ignore[no-untyped-def]
    """As `_fill`, but the tokens' ids, until there are more than there is room for."""
    path = np.empty(longest + 1, np.int32)
    most = ids.shape[1]
    for i in range(len(states)):
        path[0] = states[i]
        node, count = 0, 0
        if accepting[states[i]]:
            ids[i, 0] = eos
            count = 1
        while node < len(byte) and count <= most:
            target = next_state[path[depth[node]], byte[node]]
            if target < 0:
                node = end[node]
                continue
            path[depth[node] + 1] = target
            for j in range(first[node], first[node + 1]):
                if count < most:
                    ids[i, count] = tokens[j]
                count += 1
            node += 1
        counts[i] = min(count, most + 1)
        if 1 < count <= most:
            ids[i, :count].sort()


@njit(cache=True, nogil=True)
def _follow(next_state, accepting, start, eos, ids, starts, byte, offset, states):  # type: ignore[no-untyped-def]
    state, answer = start, 0
    for i in range(len(ids)):
        while answer < len(starts) and starts[answer] == i:  # an answer may be empty
            state = start
            answer += 1
        states[i] = state
        token = ids[i]
        if state < 0:  # something was read after the end
            return i
        if token == eos:
            if not accepting[state]:
                return i
            state = NONE
            continue
        if offset[token] == offset[token + 1]:
            return i
        for j in range(offset[token], offset[token + 1]):
            state = next_state[state, byte[j]]
            if state < 0:
                return i
    return NONE
