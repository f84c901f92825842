import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.constrain.constraints import Constraints
from core.constrain.masks import MaskStore
from core.distill.sequences import tokenise, used_tokens
from core.evaluate.likelihood import Choices, agreement, choices, likelihood
from core.generate.reading import read
from core.models import students
from core.models.student_config import StudentConfig
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
        free = [i for i, row in enumerate(rows) if row >= 0]
        assert mine.forced == len(rows) - len(free)
        for n, i in enumerate(free):
            here, allowed = logits[len(prompt) + i - 1, : len(teacher.tokens)], store.ids(rows[i])
            masked = here[allowed].log_softmax(0)
            place = list(allowed).index(answer[i])
            assert mine.offsets[n] == len(teacher.tokens.text(answer[:i]).encode())
            assert mine.loss[n] == pytest.approx(-masked[place].item(), abs=1e-4)
            assert mine.loss_unmasked[n] == pytest.approx(-here.log_softmax(0)[answer[i]].item(), abs=1e-4)
            assert mine.first[n] == teacher.tokens.bytes_of[allowed[masked.argmax()]]
            assert mine.right[n] == (masked.argmax() == place)
            assert mine.right_unmasked[n] == (here.argmax() == answer[i])
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
    n = len(confidence)
    zeros = [np.zeros(n) for _ in range(3)]
    return Choices(
        0, np.arange(n), (b"a",) * n, (b"b",) * n, np.array(right), np.array(right), np.array(confidence), *zeros
    )


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


def test_a_model_agrees_with_itself_and_not_with_its_opposite(found):
    free = sum(len(c.loss) for c in found)
    whole = agreement(found, found)
    assert whole.hits == whole.total == free
    other = [replace(c, first=tuple(text + b"!" for text in c.first)) for c in found]
    assert agreement(found, other).hits == 0 and agreement(found, other).total == free


def test_only_places_are_compared_where_both_go_on_alike(found):
    free = [len(c.loss) for c in found]
    moved = [replace(found[0], offsets=found[0].offsets + 1000), *found[1:-1], None]
    assert agreement(found, moved).total == sum(free[1:-1])
    spelled = [replace(c, gold=(c.gold[0] + b"!", *c.gold[1:])) for c in found]
    assert agreement(found, spelled).total == sum(free) - len(found)
    assert agreement(found, [None] * len(found)) is None


def test_two_tokenizers_are_compared_by_place_and_bytes(teacher, found):
    """A trimmed tokenizer spells some words otherwise; the tags are where they were."""
    shape = StudentConfig(layers=(0, 1, 2), vocabulary=400)
    student = students.build(shape, teacher, used_tokens(teacher, POS, EXAMPLES[:2]), seed=0)
    store = MaskStore(student.tokens)
    sequences = tokenise(student, Constraints(POS, student.tokens, True), EXAMPLES, store, student.student_prompt)
    assert any(len(s.answer) != c.forced + len(c.loss) for s, c in zip(sequences, found, strict=True))
    mine = choices(student, [(s.prompt, s.answer, s.rows) for s in sequences], store)
    both = agreement(mine, found)
    assert 0.5 * sum(len(c.loss) for c in found) < both.total <= sum(len(c.loss) for c in found)
    assert agreement(mine[:2], found[:2]).value == 1  # all layers, and these two are spelled as the teacher does
