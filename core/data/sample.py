"""Choosing some of many."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def spread(items: Sequence[T], count: int | None) -> Sequence[T]:
    """`count` items at even distances, in their order; all of them if there are no more."""
    if count is None or count >= len(items):
        return items
    return [items[i * len(items) // count] for i in range(count)]
