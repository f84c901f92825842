"""Regular expressions as plain data: what a text must look like, without any notation.

Schemas, patterns and templates are all made of these. Leaves are characters, not bytes; `compile.py` knows
how characters are spelled in UTF-8.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

SURROGATES = (0xD800, 0xDFFF)  # code points that no UTF-8 text holds
LAST = 0x10FFFF


@dataclass(frozen=True)
class Text:
    """Exactly this text."""

    text: str


@dataclass(frozen=True)
class Chars:
    """One character out of `ranges` of code points, both ends included; sorted and apart."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Then:
    """One part after the other."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True)
class Either:
    """Any one of the options. Without options: nothing matches."""

    options: tuple["Expression", ...]


@dataclass(frozen=True)
class Repeat:
    """`body` at least `least` and at most `most` times (None: without end), with `separator` in between."""

    body: "Expression"
    least: int = 0
    most: int | None = None
    separator: str = ""


@dataclass(frozen=True)
class Listed:
    """Parts in their order with `separator` between them; those that are not required may be left out."""

    parts: tuple[tuple["Expression", bool], ...]
    separator: str


@dataclass(frozen=True)
class Both:
    """What matches both."""

    left: "Expression"
    right: "Expression"


@dataclass(frozen=True)
class Without:
    """What matches `left` and not `right`."""

    left: "Expression"
    right: "Expression"


@dataclass(frozen=True)
class Field:
    """`body`, known to people as `name`: a part of the path that an automaton's states are described by."""

    name: str
    body: "Expression"


Expression: TypeAlias = Text | Chars | Then | Either | Repeat | Listed | Both | Without | Field


def then(*parts: Expression | str) -> Expression:
    return Then(tuple(Text(part) if isinstance(part, str) else part for part in parts))


def either(*options: Expression | str) -> Expression:
    return Either(tuple(Text(option) if isinstance(option, str) else option for option in options))


def optional(body: Expression) -> Expression:
    return Repeat(body, 0, 1)


def chars(*ranges: tuple[int, int]) -> Chars:
    """The characters in any of `ranges`, surrogates left out."""
    return Chars(_without([*merged(ranges)], SURROGATES))


def one_of(text: str) -> Chars:
    return chars(*((ord(c), ord(c)) for c in text))


def none_of(ranges: tuple[tuple[int, int], ...]) -> Chars:
    """Every character outside `ranges`."""
    found, start = [], 0
    for low, high in merged(ranges):
        found.append((start, low - 1))
        start = high + 1
    return chars(*(r for r in [*found, (start, LAST)] if r[0] <= r[1]))


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same code points, ascending, in as few ranges as hold them."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def _without(ranges: list[tuple[int, int]], hole: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    first, last = hole
    pieces = [(low, min(high, first - 1)) for low, high in ranges] + [
        (max(low, last + 1), high) for low, high in ranges
    ]
    return tuple(sorted({(low, high) for low, high in pieces if low <= high}))


ANY = chars((0, LAST))
DIGIT = chars((0x30, 0x39))
