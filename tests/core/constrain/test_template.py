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


def check_same(fast, slow):
    """The same states under other numbers, none of them twice."""
    table, accepting, _ = minimise(fast.next_state, fast.accepting, fast.start)
    assert np.array_equal(table, slow.next_state) and np.array_equal(accepting, slow.accepting)
    assert len(fast) == len(fast.parts) == len(slow)


@given(templates.map(tuple))
def test_the_same_automaton_as_its_expression(pieces):
    """Choices that begin alike, or continue like what follows, included."""
    check_same(template.automaton(pieces), compile(template.expression(pieces), "slow"))


@pytest.mark.parametrize("task", [POS, CARS], ids=lambda t: t.name)
def test_bundled_templates_are_copied_together(task, monkeypatch):
    """None is compiled, though in every advert one choice begins another."""
    examples = [(e, task.template(e.input)) for e in task.load(None).dev[:10]]
    slow = [compile(template.expression(pieces), "slow") for _, pieces in examples]
    monkeypatch.setattr(template.compiler, "compile", None)
    for (example, pieces), expected in zip(examples, slow):
        machine = template.automaton(pieces)
        check_same(machine, expected)
        assert machine.matches(example.answer) and not machine.matches(example.answer[:-1])


def test_a_long_advert_has_its_automaton_and_a_book_is_refused():
    words = " ".join(f"w{i * 7919 % 10_007:04}" for i in range(600))
    assert template.automaton(CARS.template(f"Volvo {words} 1978")).matches(
        '{"make":"volvo","model":"w0000 w7919","year":1978,"mpg":null}'
    )
    with pytest.raises(SchemaError, match="more than 50,000 states: shorten the input"):
        template.automaton(CARS.template(" ".join(str(i) * 7 for i in range(3000))))


def test_a_line_as_long_as_a_book_is_refused_before_it_takes_the_memory():
    with pytest.raises(SchemaError, match="more than 50,000 states: shorten the input"):
        template.automaton(POS.template("word " * 4000))


def test_states_are_named_after_the_key_they_are_the_value_of():
    machine = template.automaton(POS.template("Go on"))
    at = lambda text: machine.parts[machine.walk(text.encode(), machine.start)]
    assert at('{"tokens":[{"text":"Go","pos":"') == "pos 1"
    assert at('{"tokens":[{"text":"Go","pos":"VERB"},{"text":"on","pos":"AD') == "pos 2"
    assert at('{"tok') == ""
    machine = template.automaton(CARS.template("Volvo 164 E 1972"))
    assert at('{"make":"volvo","model":"164') == "model 1"


@pytest.mark.parametrize("empty", [("a", ()), ("a", ("b", ""))])
def test_an_empty_choice_is_refused(empty):
    with pytest.raises(SchemaError, match="empty choice"):
        template.automaton(empty)
