"""What a task takes for a valid answer, held against the automaton of its schema."""

import pytest

from core.constrain import schema
from core.constrain.compile import compile
from core.tasks import CARS, POS


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        (POS, '{"tokens":[{"text":"Go","pos":"VERB"}]}'),
        (CARS, '{"make":"audi","model":"80","year":1974,"mpg":null}'),
    ],
)
def test_what_the_schema_refuses_is_no_valid_answer(task, answer):
    """Fields that are too many among them, wherever they stand."""
    machine = compile(schema.from_pydantic(task.output).expression, task.name)
    more = {answer[:-1] + ',"sure":true}', answer.replace("}", ',"sure":true}', 1)}
    for text in (answer, *more):
        assert (task.parse(text) is not None) == machine.matches(text) == (text == answer)
