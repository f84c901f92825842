"""Why tokens are refused, all at once, against one at a time."""

import numpy as np
import pytest

from core.constrain import schema, template
from core.constrain.engines.choice import choose
from core.constrain.engines.constraint import refusal
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.refusals import ALLOWED, Reason, refusals
from core.constrain.token_classes import CLASSES, classify
from core.constrain.tokens import TokenTable, from_tokenizer
from core.tasks import POS


@pytest.fixture(scope="module")
def tokens(tokenizer) -> TokenTable:
    return from_tokenizer(tokenizer)


@pytest.fixture(scope="module")
def constraints(tokens) -> list[DfaConstraint]:
    own = DfaConstraint(template.automaton(POS.template(POS.load(None).dev[0].input)), tokens)
    general = choose(schema.from_pydantic(POS.output), tokens).constraint
    assert isinstance(general, DfaConstraint)
    return [own, general]


def test_they_are_those_of_each_token_alone(constraints):
    for constraint in constraints:
        for state in range(0, len(constraint.automaton), 7):
            found = refusals(constraint, state)
            assert np.array_equal(found.reason == ALLOWED, constraint.tokens.unpack(constraint.mask(state)))
            for token in range(0, len(constraint.tokens), 5):
                if found.reason[token] != ALLOWED:
                    dies_at, expected = refusal(constraint, state, token)
                    assert found.reasons[found.reason[token]] == Reason(dies_at, expected or "nothing")


def test_the_end_is_allowed_where_the_answer_may_end(constraints):
    constraint = constraints[0]
    end = int(np.flatnonzero(constraint.automaton.accepting)[0])
    assert refusals(constraint, end).reason[constraint.tokens.eos] == ALLOWED
    assert refusals(constraint, constraint.start).reason[constraint.tokens.eos] != ALLOWED


def test_a_constraint_that_allows_everything_refuses_only_special_tokens():
    table = TokenTable((b"a", b"aa", b""), 2)
    (only,) = refusals(DfaConstraint(template.automaton(("aaaa",)), table), 0).reasons
    assert only == Reason(0, "a")


def test_every_token_has_a_class_and_a_cell(tokens):
    found = classify(tokens)
    assert sorted(found.order.tolist()) == list(range(len(tokens)))
    assert np.all(np.diff(found.kind[found.order].astype(int)) >= 0)


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        (b" the", "letters"), ("É".encode(), "letters"), (b"42", "digits"), (b'":"', "punctuation"),
        (b"\n  ", "white space and control"), (b"\x00", "white space and control"), ("日本".encode(), "other scripts"),
        ("д".encode(), "other scripts"), (b"\xe6\x97", "parts of characters"), (b"", "special tokens"),
    ],
)  # fmt: skip
def test_classes(spelled, name):
    table = TokenTable((spelled, b""), 1)
    assert CLASSES[classify(table).kind[0]] == name
