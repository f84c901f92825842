import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.constrain import template
from core.constrain.compile import compile
from core.constrain.minimise import minimise
from core.errors import SchemaError
from core.tasks import CARS, POS

words = st.text("abł好", min_size=1, max_size=3)
templates = st.lists(st.one_of(words, st.lists(words, min_size=1, max_size=4).map(tuple)), min_size=1, max_size=5)


@given(templates.map(tuple))
def test_the_same_automaton_as_its_expression(pieces):
    """Choices that begin alike, or continue like what follows, included."""
    fast, slow = template.automaton(pieces), compile(template.expression(pieces), "slow")
    table, accepting, _ = minimise(fast.next_state, fast.accepting, fast.start)
    assert np.array_equal(table, slow.next_state) and np.array_equal(accepting, slow.accepting)


@pytest.mark.parametrize("task", [POS, CARS], ids=lambda t: t.name)
def test_bundled_templates_are_minimal_as_they_are_built(task):
    for example in task.load(None).dev[:20]:
        machine = template.automaton(task.template(example.input))
        assert len(minimise(machine.next_state, machine.accepting, 0)[0]) == len(machine)
        assert machine.matches(example.answer) and not machine.matches(example.answer[:-1])


def test_states_are_named_after_the_key_they_are_the_value_of():
    machine = template.automaton(POS.template("Go on"))
    at = lambda text: machine.parts[machine.walk(text.encode(), machine.start)]  # noqa: E731
    assert at('{"tokens":[{"text":"Go","pos":"') == "pos 1"
    assert at('{"tokens":[{"text":"Go","pos":"VERB"},{"text":"on","pos":"AD') == "pos 2"
    assert at('{"tok') == ""


@pytest.mark.parametrize("empty", [("a", ()), ("a", ("b", ""))])
def test_an_empty_choice_is_refused(empty):
    with pytest.raises(SchemaError, match="empty choice"):
        template.automaton(empty)
