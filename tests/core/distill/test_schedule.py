"""Learning rates over a run, and when it has learned enough."""

import math

import pytest

from core.distill import schedule
from core.distill.config import RunConfig, Stage
from core.distill.schedule import Progress

TOTAL = 100


def rates(**changes) -> list[float]:
    config = RunConfig(**changes)
    return [schedule.learning_rate(config, 2.0, step / TOTAL, TOTAL) for step in range(TOTAL)]


def test_schedules_fall_as_their_names_say():
    assert rates(schedule="constant", warmup=0) == [2.0] * TOTAL
    assert rates(schedule="linear", warmup=0) == pytest.approx([2 - 2 * i / TOTAL for i in range(TOTAL)])
    cosine = rates(schedule="cosine", warmup=0)
    assert cosine == pytest.approx([1 + math.cos(math.pi * i / TOTAL) for i in range(TOTAL)])
    assert cosine[10] > rates(schedule="linear", warmup=0)[10] and cosine[90] < rates(schedule="linear", warmup=0)[90]


@pytest.mark.parametrize("name", ["linear", "cosine", "constant"])
def test_warm_up_rises_to_the_schedule(name):
    warm, cold = rates(schedule=name, warmup=0.1), rates(schedule=name, warmup=0)
    assert [w / c for w, c in zip(warm, cold)][:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert warm[10:] == cold[10:]


def test_the_time_budget_counts_if_it_is_further():
    config = RunConfig(max_seconds=10)
    assert schedule.done(config, Progress(step=20, seconds=1.0), TOTAL) == 0.2
    assert schedule.done(config, Progress(step=20, seconds=9.0), TOTAL) == 0.9
    assert schedule.done(config, Progress(step=20, seconds=10.4), TOTAL) == 1.0


def test_patience_wears_out_in_the_last_stage():
    config = RunConfig(stages=(Stage(), Stage(method="gold")), patience=2)
    at = Progress(step=10)
    assert schedule.judge(config, at, 0.5)
    assert schedule.judge(config, at, 0.5), "of equals the later one"
    assert not schedule.judge(config, at, 0.4)
    assert at.waited == 0 and schedule.done(config, at, TOTAL) == 0.1
    at.stage = 1
    assert not schedule.judge(config, at, 0.4) and schedule.done(config, at, TOTAL) == 0.1
    assert schedule.judge(config, at, 0.6) and (at.best, at.waited) == (0.6, 0)
    assert schedule.judge(config, at, 0.6) and not schedule.judge(config, at, 0.59)
    assert schedule.done(config, at, TOTAL) == 1.0
