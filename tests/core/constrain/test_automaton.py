import numpy as np
import pytest

from core.constrain import automaton
from core.constrain.automaton import NONE
from core.constrain.compile import compile
from core.constrain.expression import DIGIT, Field, Repeat, either, then
from core.errors import SchemaError


@pytest.fixture
def machine():
    return compile(then("ab", Field("kind", either("x", "y")), Repeat(Field("digits", DIGIT), 1)), "made up")


def test_forced_allowed_and_read(machine):
    assert machine.forced(machine.start) == b"ab"
    choice = machine.walk(b"ab", machine.start)
    assert machine.allowed_bytes(choice) == b"xy" and machine.forced(choice) == b""
    assert machine.read(b"abz", machine.start) == (2, choice)
    length, end = machine.read(b"abx12", machine.start)
    assert length == 5 and machine.accepting[end] and machine.forced(end) == b""
    assert machine.walk(b"abz", machine.start) == NONE
    assert machine.matches("aby7") and not machine.matches("aby")


def test_saved_and_loaded_it_is_the_same(machine, tmp_path):
    machine.save(tmp_path / "a.npz")
    again = automaton.load(tmp_path / "a.npz")
    assert np.array_equal(again.next_state, machine.next_state) and np.array_equal(again.accepting, machine.accepting)
    assert (again.name, again.parts, again.start) == (machine.name, machine.parts, machine.start)


@pytest.mark.parametrize("damage", ["truncated", "text", "states", "missing"])
def test_what_is_not_an_automaton_is_refused(machine, tmp_path, damage):
    path = tmp_path / "a.npz"
    machine.save(path)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:200])
    elif damage == "text":
        path.write_text("no")
    elif damage == "missing":
        path.unlink()
    else:  # a state outside the table would be read beyond its end
        machine.next_state[0, 0] = 10_000
        machine.save(path)
    with pytest.raises(SchemaError, match="compile the schema again"):
        automaton.load(path)
