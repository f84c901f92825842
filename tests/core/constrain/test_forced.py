"""Forced strings come out the same whichever way an engine says what may follow."""

import pytest

from core.constrain import compile as compiler
from core.constrain import regex, template
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.forced import MANY, forced_tokens
from core.tasks import POS


class ByMask:
    """An automaton as an engine of another kind: what may follow is read off its masks."""

    def __init__(self, constraint):
        self._constraint = constraint

    def __getattr__(self, name):
        return getattr(self._constraint, name)


EXPRESSIONS = {
    "a merge with what follows": regex.parse(' "text":"t(he|ext|o)"'),
    "cut within a character": regex.parse("naï(é|è|ë)"),
    "more than are looked through": regex.parse('{"a":"[^"]*"}'),
    "no choice at all": regex.parse("the dog"),
    "a sentence's own": template.expression(POS.template("The dog 's naïve —")),
}


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_every_state_dictates_the_same_by_its_mask(expression, teacher):
    ours = DfaConstraint(compiler.compile(expression, "x"), teacher.tokens)
    found = [forced_tokens(ours, state, teacher.encode, {}) for state in range(len(ours.automaton))]
    assert found == [forced_tokens(ByMask(ours), s, teacher.encode, {}) for s in range(len(ours.automaton))]
    assert any(found)


def test_where_many_may_follow_the_model_chooses(teacher):
    ours = DfaConstraint(compiler.compile(EXPRESSIONS["more than are looked through"], "x"), teacher.tokens)
    whole = teacher.encode('{"a":"')
    assert len(teacher.tokens.ids(ours.mask(ours.automaton.walk(b'{"a":"', ours.start)))) > MANY
    assert forced_tokens(ours, ours.start, teacher.encode, {}) == whole[:-1]
