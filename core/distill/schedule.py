"""How long training is, where it is, how fast it learns there, and when it has learned enough."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.data.sample import spread
from core.distill.config import RunConfig, Stage
from core.distill.sequences import batch_sizes


@dataclass
class Progress:
    """What a checkpoint needs to go on. `batch` is the next one of `epoch`. `best` is the best headline metric of a
    validation, `waited` how many validations of the last stage have not bettered it, `validated` the step of the
    last one."""

    stage: int = 0
    epoch: int = 0
    batch: int = 0
    step: int = 0
    seconds: float = 0.0
    best: float | None = None
    waited: int = 0
    validated: int = 0


def steps(config: RunConfig, stage: Stage, lengths: Sequence[int]) -> int:
    """How many a stage has on sequences of so many tokens, if neither time nor patience ends it before. Raises
    ConfigError for a sequence that no batch can hold."""
    chosen = spread(lengths, stage.examples)
    return stage.epochs * len(batch_sizes(chosen, config.batch_size, config.batch_tokens))


def done(config: RunConfig, at: Progress, total: int) -> float:
    """Share of the run behind us, 1 at most: by steps, or by the time budget if that is further, which the last step
    may overrun; 1 when patience has ended."""
    if config.patience and at.waited >= config.patience:
        return 1.0
    by_time = at.seconds / config.max_seconds if config.max_seconds else 0.0
    return min(1.0, max(at.step / total, by_time))


def learning_rate(config: RunConfig, highest: float, share: float, total: int) -> float:
    """The rate of the next step, when `share` of the run of `total` steps is behind us."""
    warm = min(1.0, (share + 1 / total) / config.warmup) if config.warmup else 1.0
    fallen = {"linear": 1 - share, "cosine": (1 + math.cos(math.pi * share)) / 2, "constant": 1.0}
    return highest * warm * fallen[config.schedule]


def judge(config: RunConfig, at: Progress, value: float) -> bool:
    """Takes note of a validation's headline metric; whether none before was better. Of equals the later one has learned
    more, and few examples often give equals. Patience wears out all the same, and in the last stage only: an earlier
    one that learns no more must not keep the later ones from their turn."""
    at.validated = at.step
    if at.best is not None and value <= at.best:
        at.waited += at.stage >= len(config.stages) - 1
        return value == at.best
    at.best, at.waited = value, 0
    return True
