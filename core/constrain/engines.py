"""The constraint: one schema over one tokenizer. State in, allowed tokens out.

`Constraint` is all that decoding, training and the screen know of a schema. `DfaConstraint` walks
the trie of tokens with the schema's byte automaton, once a state. Nothing here touches logits.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numba import njit

from core.constrain.automaton import NONE, Automaton
from core.constrain.tokens import TokenTable
from core.errors import SchemaError


class Constraint(Protocol):
    """What every engine offers. States are integers; NONE means refused."""

    tokens: TokenTable

    @property
    def start(self) -> int: ...

    def mask(self, state: int) -> np.ndarray:
        """Packed row (words,) uint32 of the tokens allowed in `state`; eos where the answer may end."""
        ...

    def advance(self, state: int, token: int) -> int:
        """The state after `token`, or NONE if it is refused. eos does not move."""
        ...

    def forced(self, state: int) -> tuple[bytes, int]:
        """The bytes that must come next and the state after them; empty where there is a choice."""
        ...

    def may_end(self, state: int) -> bool: ...


@dataclass(eq=False)
class DfaConstraint:
    automaton: Automaton
    tokens: TokenTable
    _masks: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def start(self) -> int:
        return self.automaton.start

    def mask(self, state: int) -> np.ndarray:
        if state not in self._masks:
            trie = self.tokens.trie
            row = np.zeros(self.tokens.words, np.uint32)
            _allow(self.automaton.next_state, state, trie.byte, trie.depth, trie.end, trie.first, trie.tokens, row)
            if self.may_end(state):
                row[self.tokens.eos >> 5] |= np.uint32(1 << (self.tokens.eos & 31))
            self._masks[state] = row
        return self._masks[state]

    def advance(self, state: int, token: int) -> int:
        if token == self.tokens.eos:
            return state if self.may_end(state) else NONE
        text = self.tokens.bytes_of[token]
        return self.automaton.walk(text, state) if text else NONE

    def forced(self, state: int) -> tuple[bytes, int]:
        return self.automaton.forced(state)

    def may_end(self, state: int) -> bool:
        return bool(self.automaton.accepting[state])


@njit(cache=True, nogil=True)
def _allow(next_state, start, byte, depth, end, first, tokens, row):  # type: ignore[no-untyped-def]
    """Sets in `row` the bit of every token that the automaton can read from `start`."""
    path = np.empty(depth.max() + 2, np.int32)  # path[d]: the state before byte d of the token
    path[0] = start
    node = 0
    while node < byte.shape[0]:
        target = next_state[path[depth[node]], byte[node]]
        if target < 0:
            node = end[node]  # no token below this byte can be read
            continue
        path[depth[node] + 1] = target
        for i in range(first[node], first[node + 1]):
            token = tokens[i]
            row[token >> 5] |= np.uint32(1) << np.uint32(token & 31)
        node += 1


def check_beginning(constraint: DfaConstraint, answer: str) -> bool:
    """Whether `answer` is complete. Raises SchemaError, with the byte offset and what was expected, if no
    valid answer begins like it."""
    automaton, text = constraint.automaton, answer.encode()
    offset = automaton.refused_at(text, automaton.start)
    if offset is None:
        return bool(automaton.accepting[automaton.walk(text, automaton.start)])
    state = automaton.walk(text[:offset], automaton.start)
    expected = describe_bytes(automaton.allowed_bytes(state), bool(automaton.accepting[state]))
    found = text[offset : offset + 12].decode("utf-8", "replace")
    where = f"the answer does not match the schema {automaton.name!r} at byte {offset}"
    raise SchemaError(f"{where}: found {found!r}, expected {expected}.")


def check_answer(constraint: DfaConstraint, answer: str) -> None:
    """Raises SchemaError if `answer` does not match, or matches only as far as it goes."""
    if not check_beginning(constraint, answer):
        raise SchemaError(f"the answer ends too early for the schema {constraint.automaton.name!r}: {answer[-40:]!r}.")


def describe_bytes(allowed: bytes, may_end: bool) -> str:
    """Bytes in words: up to six of them by name, more as ranges."""
    names = [chr(b) if 32 < b < 127 else {32: "a blank", 10: "a new line"}.get(b, f"0x{b:02X}") for b in allowed]
    ranges: list[str] = []
    start = 0
    for i in range(1, len(allowed) + 1):
        if i == len(allowed) or allowed[i] != allowed[i - 1] + 1:
            ranges.append(names[start] if i - start == 1 else f"{names[start]} to {names[i - 1]}")
            start = i
    shown = names if len(names) <= 6 else ranges[:6] + (["…"] if len(ranges) > 6 else [])
    return ", ".join([*shown, *(["the end"] if may_end else [])])
