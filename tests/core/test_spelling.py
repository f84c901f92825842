"""The one JSON spelling, held against the automata that are to accept it."""

import json
import math
from datetime import date, datetime
from enum import Enum
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, create_model

from core.constrain import schema
from core.constrain.compile import compile
from core.spelling import serialise

BOUNDS = st.sampled_from([0.0, -0.0, 1e-7, -1e-7, 2.5, -1.0, 1000.0, 1e22])
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([1e-7, -0.0, 5e-324, 1e22, 1.7e308])


@given(
    st.dictionaries(st.sampled_from(["ge", "gt"]), BOUNDS, max_size=1),
    st.dictionaries(st.sampled_from(["le", "lt"]), BOUNDS, max_size=1),
    st.lists(FLOATS, min_size=1, max_size=20),
)
def test_any_float_that_a_schema_admits_is_spelled_as_its_grammar_spells_it(low, high, values):
    model = create_model("Answer", x=(float, Field(**low, **high)))
    admitted = [found for value in [*values, *low.values(), *high.values()] if (found := admits(model, value))]
    assume(admitted)
    machine = compile(schema.from_pydantic(model).expression, "Answer")
    for found in admitted:
        text = serialise(found)
        assert machine.matches(text), text
        assert model.model_validate_json(text, strict=True) == found


class Mark(float, Enum):
    GOOD = 1.0


class Kind(Enum):
    OLD = "old"


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Mark, Mark.GOOD, "1.0"),
        (Kind, Kind.OLD, '"old"'),
        (date, date(2020, 2, 29), '"2020-02-29"'),
        (datetime, datetime(2020, 2, 29, 1, 2), '"2020-02-29T01:02:00"'),
        (UUID, UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    ],
)
def test_what_a_model_holds_is_spelled_as_its_grammar_spells_it(kind, value, text):
    model = create_model("Answer", x=(kind, Field(alias="the x")))
    spelled = serialise(model(**{"the x": value}))
    assert spelled == f'{{"the x":{text}}}'
    assert compile(schema.from_pydantic(model).expression, "Answer").matches(spelled)
    assert model.model_validate_json(spelled, strict=True).x == value


def admits(model, value):
    try:
        return model(x=value)
    except ValidationError:
        return None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-7, "0.0000001"), (1e22, "1" + "0" * 22 + ".0"), (-2.5e-9, "-0.0000000025"), (18.0, "18.0"), (-0.0, "0.0"),
        (10**30, "1" + "0" * 30), (True, "true"), (math.nan, "NaN"), ("é\n", '"é\\n"'), ((1, None), "[1,null]"),
    ],
)  # fmt: skip
def test_spelling(value, text):
    assert serialise(value) == text and serialise({"a": [value]}) == f'{{"a":[{text}]}}'


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(json_values)
def test_without_floats_it_is_json_without_blanks(value):
    assert serialise(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def test_keys_are_texts():
    with pytest.raises(TypeError, match="the key 1 is not a text"):
        serialise({1: 2})
