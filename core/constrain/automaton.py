"""The automaton of a schema: a finite-state machine over bytes, independent of any tokenizer.

It is trimmed (every state lies on the way to an answer) and minimal. This file walks one and describes its
states; `compile.py` and `template.py` build it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

NONE = -1


@dataclass(frozen=True, eq=False)
class Automaton:
    """`next_state` (states, 256) int32, NONE where a byte is refused; `accepting` (states,) bool; `parts`
    (states,) the part of the schema that each state writes, as a path such as `items[].price`."""

    name: str
    next_state: np.ndarray
    accepting: np.ndarray
    parts: tuple[str, ...]
    start: int = 0

    def __len__(self) -> int:
        return len(self.next_state)

    def walk(self, text: bytes, state: int) -> int:
        """The state that `text` leads to from `state`, or NONE once a byte is refused."""
        for byte in text:
            state = self.next_state.item(state, byte)
            if state == NONE:
                return NONE
        return state

    def read(self, text: bytes, state: int) -> tuple[int, int]:
        """How many bytes of `text` can be read from `state`, and the state after them."""
        for offset, byte in enumerate(text):
            following = self.next_state.item(state, byte)
            if following == NONE:
                return offset, state
            state = following
        return len(text), state

    def matches(self, text: str) -> bool:
        """Whether `text` is a whole answer: the question that tests ask."""
        state = self.walk(text.encode("utf-8", "surrogatepass"), self.start)
        return state != NONE and bool(self.accepting[state])

    def allowed_bytes(self, state: int) -> bytes:
        return bytes(np.flatnonzero(self.next_state[state] != NONE).astype(np.uint8))

    @cached_property
    def _forced(self) -> tuple[list[int], list[int]]:
        """For each state the only byte that can follow, NONE where there is a choice or a possible end, and the state
        after it. Lists, because one number out of an array takes ten times as long."""
        allowed = self.next_state != NONE
        only = (np.count_nonzero(allowed, axis=1) == 1) & ~self.accepting
        byte = np.where(only, allowed.argmax(axis=1), NONE)
        return byte.tolist(), self.next_state[np.arange(len(self)), byte].tolist()

    def forced(self, state: int) -> bytes:
        """The bytes that must come next: up to a choice or the end."""
        only, following = self._forced
        text = bytearray()
        while (byte := only[state]) != NONE:
            text.append(byte)
            state = following[state]
        return bytes(text)
