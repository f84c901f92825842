import pytest

from core.constrain.automaton import NONE
from core.constrain.compile import compile
from core.constrain.expression import DIGIT, Field, Repeat, either, then


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
