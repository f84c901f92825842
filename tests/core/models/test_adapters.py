"""The adapters that ship do what their cards say: the real weights, on a few held-out examples."""

import pytest

from core.evaluate.score import evaluate
from core.models import bundled, prompting, teachers
from core.tasks import TASKS
from core.tasks.prompt import default_prompt

EXAMPLES = 5

needs_teacher = pytest.mark.skipif(
    not bundled.is_prepared(), reason="the bundled teacher is not prepared: run `make setup`"
)


@needs_teacher
@pytest.mark.parametrize("name", teachers.adapter_names())
def test_a_tuned_teacher_knows_its_task(name):
    lm, card = teachers.load(name), teachers.card(name)
    task = TASKS[card.task]
    prompt = default_prompt(task)
    assert card.instructions == prompt.instructions
    examples = sorted(task.load(None).test, key=lambda e: len(e.input))[:EXAMPLES]
    found = evaluate(
        lm, task, examples, lambda text: prompting.render(lm, task, prompt, text), role="teacher", megabytes=0
    )
    assert found.scores["valid"].value == 1
    assert found.scores[task.metrics[0]].value >= 0.8
