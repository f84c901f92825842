"""The masks of a corpus are those that decoding meets."""

import numpy as np
import pytest

from core.constrain.constraints import Constraints
from core.constrain.corpus import FORCED, measure
from core.errors import DataError, SchemaError
from core.tasks import POS, Example


@pytest.mark.parametrize("conditioned", [True, False])
def test_counts_are_those_of_the_masks(teacher, conditioned):
    constraints = Constraints(POS, teacher.tokens, conditioned)
    examples = POS.load(None).dev[:6]
    found = measure(constraints, examples, teacher.encode)
    assert len(found.allowed) == 6 and found.positions == sum(len(teacher.encode(e.answer)) + 1 for e in examples)
    assert 0 < found.forced < found.positions and found.seconds > 0
    assert found.dense == found.positions * teacher.tokens.words * 4 > found.kept > 0
    constraint = constraints.of(examples[2].input)
    state = constraint.start
    for token, allowed in zip([*teacher.encode(examples[2].answer), teacher.eos], found.allowed[2]):
        if allowed != FORCED:
            assert allowed == int(np.bitwise_count(constraint.mask(state)).sum())
        state = constraint.advance(state, token)


def test_an_answer_outside_its_schema_is_left_out(teacher):
    constraints, good = Constraints(POS, teacher.tokens, True), POS.load(None).dev[0]
    wrong = Example("a b", '{"tokens":[]}')
    found = measure(constraints, [wrong, good], teacher.encode)
    ((place, why),) = found.refused
    assert (place, found.places, len(found.allowed)) == (0, (1,), 1) and "byte" in why
    for examples, error, message in (
        ([wrong], SchemaError, "byte"), ([], DataError, "no examples"), ([Example("Go", "")], DataError, "no gold"),
    ):  # fmt: skip
        with pytest.raises(error, match=message):
            measure(constraints, examples, teacher.encode)


def test_inputs_without_gold_are_left_out_and_counted(teacher):
    constraints, good = Constraints(POS, teacher.tokens, True), POS.load(None).dev[0]
    found = measure(constraints, [Example("Go on !", ""), good], teacher.encode)
    assert (found.ungraded, found.places, found.refused, len(found.allowed)) == (1, (1,), (), 1)
