import pytest

from core.constrain.constraints import Constraints
from core.constrain.masks import MaskStore
from core.evaluate.pressure import refused_mass
from core.generate.reading import read
from core.tasks import POS


def test_it_is_the_mean_of_what_each_step_removes(teacher):
    """The same as walking the answers step by step and asking what the mask took away at the free choices."""
    examples = POS.load(None).dev[:3]
    constraints, store = Constraints(POS, teacher.tokens, True), MaskStore(teacher.tokens)
    answers, removed = [], []
    for example in examples:
        constraint, prompt = constraints.of(example.input), teacher.student_prompt(example.input)
        ids = [*teacher.encode(example.answer), teacher.eos]
        rows = store.positions(constraint, ids, teacher.encode).tolist()
        answers.append((prompt, ids, rows))
        steps = read(teacher, constraint, prompt, example.answer)
        removed += [step.removed for step, row in zip(steps, rows) if row >= 0]
    assert refused_mass(teacher, answers, store) == pytest.approx(sum(removed) / len(removed), abs=1e-5)


def test_nothing_free_is_no_mass_and_training_goes_on(teacher):
    teacher.model.train()
    assert refused_mass(teacher, [([5], [6], [-1])], MaskStore(teacher.tokens)) == 0.0
    assert teacher.model.training
    teacher.model.eval()
