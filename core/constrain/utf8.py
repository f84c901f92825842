"""Sets of characters as sets of UTF-8 byte strings: what an automaton over bytes is made of."""

from collections.abc import Iterator
from functools import lru_cache

ByteRanges = tuple[tuple[int, int], ...]


@lru_cache(maxsize=1024)
def branches(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[ByteRanges, ByteRanges], ...]:
    """A set of characters, given as ranges of code points: (ranges of the first byte, ranges of each byte after it).
    Surrogates must not be among them."""
    found: dict[ByteRanges, list[tuple[int, int]]] = {}
    for low, high in ranges:
        for first, *tail in _utf8(low, high):
            found.setdefault(tuple(tail), []).append(first)
    return tuple((tuple(firsts), tail) for tail, firsts in found.items())


def _utf8(low: int, high: int) -> Iterator[list[tuple[int, int]]]:
    """Splits a range of code points where the bytes of its ends stop being independent of each other."""
    for last in (0x7F, 0x7FF, 0xFFFF):
        if low <= last < high:
            yield from _utf8(low, last)
            yield from _utf8(last + 1, high)
            return
    if high > 0x7F:
        for bits in (6, 12, 18):
            mask = (1 << bits) - 1
            if low >> bits != high >> bits:
                if low & mask:
                    yield from _utf8(low, low | mask)
                    yield from _utf8((low | mask) + 1, high)
                    return
                if high & mask != mask:
                    yield from _utf8(low, (high & ~mask) - 1)
                    yield from _utf8(high & ~mask, high)
                    return
    yield list(zip(chr(low).encode(), chr(high).encode()))
