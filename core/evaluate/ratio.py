"""A ratio of sums over examples, and how sure one can be of it."""

import math
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

Z = 1.96  # of 95 %


class Score(BaseModel):
    """`hits` of `total` items. `effective`: how many independent items they are worth, where several come from one
    example; None: all of them, as where every example gives one."""

    model_config = ConfigDict(frozen=True)
    hits: int
    total: int
    effective: float | None = None

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval (Wilson 1927), of the effective number of items where items come in clusters
        (Dean and Pagano 2015, Journal of Survey Statistics and Methodology 3)."""
        n = self.total if self.effective is None else self.effective
        if not n:
            return 0.0, 1.0
        centre = (self.value + Z**2 / (2 * n)) / (1 + Z**2 / n)
        spread = self.value * (1 - self.value) / n + Z**2 / (4 * n**2)
        half = Z * math.sqrt(spread) / (1 + Z**2 / n)
        return max(0.0, centre - half), min(1.0, centre + half)


def ratio(counts: Iterable[tuple[int, int]]) -> Score:
    """The micro average of (hits, total) of each example. The words of a sentence are right or wrong together, so the
    example is the unit: its effective items are those that would give the variance of the linearised ratio estimator
    (Cochran 1977, 6.3). Where all items or none are right that variance says nothing, and an example counts as one."""
    pairs = [(hits, total) for hits, total in counts if total]
    hits, total = sum(h for h, _ in pairs), sum(n for _, n in pairs)
    if all(n == 1 for _, n in pairs):
        return Score(hits=hits, total=total)
    value, examples = hits / total, len(pairs)
    squares = sum((h - value * n) ** 2 for h, n in pairs)
    if examples < 2 or hits in (0, total) or not squares:
        return Score(hits=hits, total=total, effective=examples)
    variance = squares * examples / (examples - 1) / total**2
    return Score(hits=hits, total=total, effective=min(value * (1 - value) / variance, total))
