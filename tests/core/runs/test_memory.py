"""What a step takes: the measurement against what is known, and where it goes."""

import pytest
import torch

from core.constrain.constraints import Constraints
from core.constrain.masks import MaskStore
from core.distill.config import RunConfig, Stage
from core.distill.sequences import tokenise, used_tokens
from core.distill.train import Trainer
from core.models import students
from core.models.student_config import StudentConfig
from core.runs import memory
from core.runs.memory import _Allocations
from core.tasks import POS

EXAMPLES = POS.load(None).train[:8]


def measured(teacher, batch: int) -> tuple[memory.MeasuredStep, Trainer]:
    config = RunConfig(stages=(Stage(method="gold", epochs=2),), batch_size=batch)
    shape = StudentConfig(kind="scratch", width=96, depth=2, heads=4, embeddings="random", context=512)
    student = students.build(shape, teacher, used_tokens(teacher, POS, EXAMPLES), seed=0)
    store = MaskStore(student.tokens)
    constraints = Constraints(POS, student.tokens, True)
    trainer = Trainer(
        config, student, tokenise(student, constraints, EXAMPLES, store, student.student_prompt), store, None
    )
    return memory.measure(trainer), trainer


def test_a_step_takes_at_least_its_weights_gradients_and_moments_and_more_for_more_text(teacher):
    small, trainer = measured(teacher, batch=1)
    states = 4 * 4 * trainer.student.parameters / 1e6
    assert small.megabytes > states
    assert measured(teacher, batch=4)[0].megabytes > small.megabytes
    assert small.seconds > 0


def test_allocations_count_what_lives_and_remember_the_most():
    kept = torch.ones(1000)
    with _Allocations() as seen:
        first = kept * 2  # 4,000 bytes
        second = torch.zeros(2000)  # 8,000
        view = second[:10]
        kept.add_(1)
        assert seen.now == 12_000
        del second
        assert seen.now == 12_000  # the view keeps it
        del view
        assert seen.now == 4_000
        del first
    assert (seen.now, seen.peak) == (0, 12_000)


def test_the_formula_counts_frozen_weights_once(teacher):
    free = students.build(StudentConfig(kind="cut", layers=(0, 1)), teacher, [], seed=0)
    frozen = students.build(StudentConfig(kind="cut", layers=(0, 1), frozen=1), teacher, [], seed=0)
    layer = sum(p.numel() for p in frozen.model.base_model.layers[0].parameters())
    difference = memory.estimate(free, 1, 1) - memory.estimate(frozen, 1, 1)
    assert difference == pytest.approx(3 * 4 * layer / 1e6)
