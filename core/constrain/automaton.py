"""The automaton of a schema: a finite-state machine over bytes, independent of any tokenizer.

It is trimmed (every state lies on the way to an answer) and minimal. This file walks one, describes its
states and keeps it on disk; `compile.py` and `template.py` build it.
"""

import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from core.errors import SchemaError

NONE = -1
FORMAT = 1  # of the file


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
            state = int(self.next_state[state, byte])
            if state == NONE:
                return NONE
        return state

    def read(self, text: bytes, state: int) -> tuple[int, int]:
        """How many bytes of `text` can be read from `state`, and the state after them."""
        for offset, byte in enumerate(text):
            following = int(self.next_state[state, byte])
            if following == NONE:
                return offset, state
            state = following
        return len(text), state

    def matches(self, text: str) -> bool:
        state = self.walk(text.encode("utf-8", "surrogatepass"), self.start)
        return state != NONE and bool(self.accepting[state])

    def allowed_bytes(self, state: int) -> bytes:
        return bytes(np.flatnonzero(self.next_state[state] != NONE).astype(np.uint8))

    @cached_property
    def forced_byte(self) -> np.ndarray:
        """(states,) int16: the only byte that can follow, or NONE where there is a choice or a possible end."""
        allowed = self.next_state != NONE
        only = (np.count_nonzero(allowed, axis=1) == 1) & ~self.accepting
        return np.where(only, allowed.argmax(axis=1), NONE).astype(np.int16)

    def forced(self, state: int) -> bytes:
        """The bytes that must come next: up to a choice or the end."""
        text = bytearray()
        while (byte := int(self.forced_byte[state])) != NONE:
            text.append(byte)
            state = int(self.next_state[state, byte])
        return bytes(text)

    def save(self, path: Path) -> None:
        """One file, without code: arrays, and the names as UTF-8."""
        names = list(dict.fromkeys(self.parts))
        number = {name: i for i, name in enumerate(names)}
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                format=FORMAT,
                next_state=self.next_state,
                accepting=self.accepting,
                start=self.start,
                part=np.array([number[name] for name in self.parts], np.int32),
                texts=np.frombuffer("\0".join([self.name, *names]).encode(), np.uint8),
            )


def load(path: Path) -> Automaton:
    """Raises SchemaError for a file that is not a saved automaton."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if int(file["format"]) != FORMAT:
                raise SchemaError(f"{path.name} was saved by another version: compile the schema again.")
            name, *names = file["texts"].tobytes().decode().split("\0")
            parts = tuple(names[i] for i in file["part"].tolist())
            found = Automaton(name, file["next_state"], file["accepting"], parts, int(file["start"]))
    except (OSError, ValueError, KeyError, IndexError, EOFError, BadZipFile, zlib.error) as error:
        raise SchemaError(f"{path.name} is not a saved automaton: compile the schema again.") from error
    _check(found, path)
    return found


def _check(found: Automaton, path: Path) -> None:
    """A table whose states lie outside it would be read beyond its end by compiled code."""
    shape, states = found.next_state.shape, len(found.next_state)
    fits = shape == (states, 256) and found.accepting.shape == (states,) and len(found.parts) == states
    inside = states > 0 and found.next_state.min() >= NONE and found.next_state.max() < states
    if not (fits and inside and found.next_state.dtype == np.int32 and 0 <= found.start < states):
        raise SchemaError(f"{path.name} is damaged: compile the schema again.")
