"""Choosing some of many."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def spread(items: Sequence[T], count: int | None) -> Sequence[T]:
    """`count` items at even distances, in their order; all of them if there are no more."""
    if count is None or count >= len(items):
        return items
    return [items[i * len(items) // count] for i in range(count)]


def largest(counts: Iterable[int | None]) -> int | None:
    """The largest of counts as `spread` takes them, where None is all; 0 if there are none."""
    known = list(counts)
    return None if None in known else max((count for count in known if count), default=0)
