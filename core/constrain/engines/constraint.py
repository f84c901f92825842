"""The constraint: one schema over one tokenizer. State in, allowed tokens out.

This interface is all that decoding, training and the screen know of a schema. Nothing here touches logits.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.constrain.automaton import NONE as NONE
from core.constrain.tokens import TokenTable
from core.errors import SchemaError


@dataclass(frozen=True)
class Reading:
    """How far a text could be read: `length` bytes of it, after which one of the bytes `expected` could
    stand, or the end if `may_end`."""

    length: int
    expected: bytes
    may_end: bool


class Constraint(Protocol):
    """What every engine offers. States are integers; NONE means refused."""

    tokens: TokenTable

    @property
    def name(self) -> str: ...

    @property
    def engine(self) -> str: ...

    @property
    def start(self) -> int: ...

    def mask(self, state: int) -> np.ndarray:
        """Packed row (words,) uint32 of the tokens allowed in `state`; eos where the answer may end."""
        ...

    def advance(self, state: int, token: int) -> int:
        """The state after `token`, or NONE if it is refused. eos does not move."""
        ...

    def forced(self, state: int) -> bytes:
        """The bytes that must come next; empty where there is a choice, or the engine cannot tell."""
        ...

    def may_end(self, state: int) -> bool: ...

    def read(self, state: int, text: bytes) -> Reading:
        """How far `text` can be read from `state`, byte by byte."""
        ...

    def describe(self, state: int) -> str:
        """Which part of the schema is being written, for people; empty if the engine does not know."""
        ...


def refusal(constraint: Constraint, state: int, token: int) -> tuple[int, str]:
    """The offset of the byte at which a refused token dies, and what could stand there instead."""
    reading = constraint.read(state, constraint.tokens.bytes_of[token])
    return reading.length, describe_bytes(reading.expected, reading.may_end)


def check_beginning(constraint: Constraint, answer: str) -> bool:
    """Whether `answer` is complete. Raises SchemaError, with the byte offset and what was expected, if no
    valid answer begins like it."""
    return check_bytes(constraint, encode(answer))


def encode(text: str) -> bytes:
    """Raises SchemaError for half a surrogate pair, which no tokenizer can read."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise SchemaError(
            f"character {error.start} is half a surrogate pair, which is no text: leave it out."
        ) from error


def check_bytes(constraint: Constraint, text: bytes) -> bool:
    """As `check_beginning`, of a text that may end within a character."""
    reading = constraint.read(constraint.start, text)
    if reading.length == len(text):
        return reading.may_end
    expected = describe_bytes(reading.expected, reading.may_end)
    found = text[reading.length : reading.length + 12].decode("utf-8", "replace")
    where = f"the answer does not match the schema {constraint.name!r} at byte {reading.length}"
    raise SchemaError(f"{where}: found {found!r}, expected {expected}.")


def check_answer(constraint: Constraint, answer: str) -> None:
    """Raises SchemaError if `answer` does not match, or matches only as far as it goes."""
    if not check_beginning(constraint, answer):
        raise SchemaError(f"the answer ends too early for the schema {constraint.name!r}: {answer[-40:]!r}.")


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
