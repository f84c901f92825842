"""What was kept last, and no more of it than has a place."""

from collections import OrderedDict
from typing import TypeVar

MASKS_KEPT = 1024

T = TypeVar("T")


class Recent(OrderedDict[int, T]):
    """The `size` entries that were kept last."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def keep(self, key: int, value: T) -> None:
        self[key] = value
        if len(self) > self.size:
            self.popitem(last=False)
