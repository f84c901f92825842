import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.constrain.constraints import Constraints
from core.constrain.masks import MaskStore
from core.distill.sequences import tokenise
from core.evaluate.likelihood import Choices, agreement, choices, likelihood
from core.generate.reading import read
from core.tasks import POS

EXAMPLES = POS.load(None).dev[:10]  # more than are read together


@pytest.fixture(scope="module")
def sequences(teacher):
    store = MaskStore(teacher.tokens)
    found = tokenise(teacher, Constraints(POS, teacher.tokens, True), EXAMPLES, store, teacher.student_prompt)
    return [(s.prompt, s.answer, s.rows) for s in found], store


@pytest.fixture(scope="module")
def found(teacher, sequences):
    return choices(teacher, *sequences)


def test_refused_mass_is_the_mean_of_what_each_step_removes(teacher, sequences, found):
    """The same as walking the answers step by step and asking what the mask took away at the free choices."""
    removed = []
    for example, (prompt, _, rows) in zip(EXAMPLES, sequences[0], strict=True):
        steps = read(teacher, Constraints(POS, teacher.tokens, True).of(example.input), prompt, example.answer)
        removed += [step.removed for step, row in zip(steps, rows, strict=True) if row >= 0]
    assert likelihood(found).refused_mass == pytest.approx(sum(removed) / len(removed), abs=1e-5)


def test_losses_are_those_of_the_plain_model(teacher, sequences, found):
    """Every answer on its own, dense logits, one position after the other."""
    answers, store = sequences
    for (prompt, answer, rows), mine in zip(answers, found, strict=True):
        with torch.no_grad():
            logits = teacher.model(input_ids=torch.tensor([[*prompt, *answer]])).logits[0].double()
        for n, i in enumerate(i for i, row in enumerate(rows) if row >= 0):
            here, allowed = logits[len(prompt) + i - 1, : len(teacher.tokens)], store.ids(rows[i])
            masked = here[allowed].log_softmax(0)
            place = list(allowed).index(answer[i])
            assert mine.places[n] == i
            assert mine.loss[n] == pytest.approx(-masked[place].item(), abs=1e-4)
            assert mine.loss_unmasked[n] == pytest.approx(-here.log_softmax(0)[answer[i]].item(), abs=1e-4)
            assert mine.first[n] == allowed[masked.argmax()]
            assert mine.confidence[n] == pytest.approx(masked.max().exp().item(), abs=1e-5)


def test_perplexities_forced_share_and_the_hardest(sequences, found):
    summary = likelihood([*found, None])
    losses = np.concatenate([c.loss for c in found])
    assert summary.perplexity == pytest.approx(math.exp(losses.mean()))
    assert 1 < summary.perplexity < summary.perplexity_unmasked
    rows = [row for _, _, rows in sequences[0] for row in rows]
    assert summary.free == sum(row >= 0 for row in rows) and summary.free + summary.forced == len(rows)
    assert summary.losses[-1] is None and len(summary.losses) == len(EXAMPLES) + 1
    hardest = summary.hardest()
    assert sorted(hardest) == list(range(len(EXAMPLES)))
    assert [summary.losses[i] for i in hardest] == sorted(summary.losses[:-1], reverse=True)


def made(confidence, right):
    """Choices whose first one is gold (token 1) where `right` says so."""
    n = len(confidence)
    zeros = np.zeros(n)
    return Choices((1,) * n, np.arange(n), np.where(right, 1, 2), np.array(confidence), zeros, zeros, zeros)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_calibration_error_is_the_definition(positions):
    confidence, right = zip(*positions, strict=True)
    found = likelihood([made(confidence, right)])
    expected = 0.0
    for i in range(10):
        mine = [(c, r) for c, r in positions if min(int(c * 10), 9) == i]
        expected += abs(sum(c for c, _ in mine) - sum(r for _, r in mine)) / len(positions)
    assert found.calibration_error == pytest.approx(expected, abs=1e-9)
    assert sum(b.count for b in found.bins) == len(positions)


def test_a_hopeless_model_has_a_perplexity_that_can_be_written_down():
    hopeless = made([0.5], [False])
    hopeless.loss[:] = 1e4
    assert math.isfinite(likelihood([hopeless]).perplexity)


def test_nothing_free_is_nothing_and_training_goes_on(teacher):
    teacher.model.train()
    assert likelihood(choices(teacher, [([5], [6], [-1])], MaskStore(teacher.tokens))) is None
    assert likelihood([]) is None
    assert teacher.model.training
    teacher.model.eval()


def test_told_to_stop(teacher, sequences):
    assert choices(teacher, *sequences, should_stop=lambda: True) == []


def test_a_model_agrees_with_itself_and_not_with_its_opposite(teacher, found):
    ids = range(len(teacher.tokens))
    free = sum(len(c.places) for c in found)
    assert agreement(found, found, ids).hits == agreement(found, found, ids).total == free
    other = [Choices(**{**vars(c), "first": c.first + 1}) for c in found]
    assert agreement(found, other, ids).hits == 0


def test_answers_that_are_spelled_otherwise_are_not_compared(teacher, found):
    ids = list(range(len(teacher.tokens)))
    other = [Choices(**{**vars(found[0]), "answer": (*found[0].answer, 3)}), *found[1:-1], None]
    assert agreement(found, other, ids).total == sum(len(c.places) for c in found[1:-1])
    assert agreement(found, [None] * len(found), ids) is None
