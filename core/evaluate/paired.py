"""Two ways of answering, on the same examples: where they differ, and how sure one can be of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import ConfigError
from core.tasks.task import Counts

DRAWS = 5_000
FEWEST = 10  # examples; with fewer, what is drawn from them varies too little to tell the ways apart


@dataclass(frozen=True)
class Paired:
    """`both`, `only_a`, `only_b` and `neither`: how many examples were answered exactly right. `difference`: score of A
    less score of B, -1 to 1, with its 95 % interval from `low` to `high`."""

    both: int
    only_a: int
    only_b: int
    neither: int
    difference: float
    low: float
    high: float

    @property
    def examples(self) -> int:
        return self.both + self.only_a + self.only_b + self.neither

    @property
    def better(self) -> str | None:
        """`A` or `B` if the interval leaves no doubt and there are examples enough; else None."""
        if self.examples < FEWEST or self.low <= 0 <= self.high:
            return None
        return "A" if self.low > 0 else "B"


def paired(a: Sequence[Counts], b: Sequence[Counts], metric: str) -> Paired:
    """Compares two lists of an example's counts, as `Task.evaluate` gives them, on the micro average of `metric`.

    The interval is the paired bootstrap's (Efron and Tibshirani 1993, 13.3; Koehn 2004): examples are drawn with both
    their answers, so that what makes an example hard for both is no difference. Raises ConfigError where the examples
    are not the same ones, or none.
    """
    counts = np.array([(*x[metric], *y[metric]) for x, y in zip(a, b, strict=False)])  # (n, 4)
    if not len(a) or len(a) != len(b) or (counts[:, 1] != counts[:, 3]).any() or not counts[:, 1].any():
        raise ConfigError("two prompts can be compared on the same examples only, one at least: score both first.")
    right = [(bool(x["exact_match"][0]), bool(y["exact_match"][0])) for x, y in zip(a, b, strict=True)]
    gained, items = counts[:, 0] - counts[:, 2], counts[:, 1]
    drawn = np.random.default_rng(0).multinomial(len(a), np.full(len(a), 1 / len(a)), DRAWS)  # (DRAWS, n)
    low, high = np.quantile((drawn @ gained) / np.maximum(drawn @ items, 1), (0.025, 0.975))
    return Paired(
        both=right.count((True, True)),
        only_a=right.count((True, False)),
        only_b=right.count((False, True)),
        neither=right.count((False, False)),
        difference=float(gained.sum() / items.sum()),
        low=float(low),
        high=float(high),
    )
