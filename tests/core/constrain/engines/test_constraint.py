import pytest

from core.constrain import template
from core.constrain.engines.constraint import check_answer, check_beginning, describe_bytes, refusal
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.tokens import TokenTable
from core.errors import SchemaError
from core.tasks import POS


@pytest.fixture
def constraint(tables):
    return DfaConstraint(template.automaton(POS.template("Go !"), "pos"), tables[0])


def test_answers_are_checked_with_offset_and_expectation(constraint):
    with pytest.raises(SchemaError, match=r"the schema 'pos' at byte 31: found 'Z.*expected"):
        check_answer(constraint, '{"tokens":[{"text":"Go","pos":"Z"')
    with pytest.raises(SchemaError, match="ends too early"):
        check_answer(constraint, '{"tokens":[')
    assert not check_beginning(constraint, '{"tok')


def test_a_refused_token_dies_at_a_byte():
    table = TokenTable((b"", b"x", b'{"t', b'{"tax'), eos=0)
    constraint = DfaConstraint(template.automaton(POS.template("Go !"), "pos"), table)
    assert refusal(constraint, constraint.start, 1) == (0, "{")
    assert refusal(constraint, constraint.start, 3) == (3, "o")
    assert refusal(constraint, constraint.start, table.eos) == (0, "{")


def test_bytes_in_words():
    assert describe_bytes(b"abcdefgh12", True) == "a to h, 1 to 2, the end"
    assert describe_bytes(b" \n\xff", False) == "a blank, a new line, 0xFF"


def test_half_a_surrogate_pair_is_no_answer(constraint):
    with pytest.raises(SchemaError, match="character 2 is half a surrogate pair"):
        check_answer(constraint, '{"\ud800')
    with pytest.raises(SchemaError, match="half a surrogate pair"):
        template.automaton(("a", ("b", "\ud800")))
    assert not constraint.automaton.matches("\ud800")
