import json
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from core.constrain import automaton, schema
from core.errors import SchemaError
from core.tasks import CARS, POS
from core.tasks.task import serialise


class Item(BaseModel):
    name: str
    kind: Literal["a", "b"]
    sizes: list[int]
    note: str | None


# What JSON writes without escapes, and the two characters that need one.
texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]))
ITEM = automaton.from_schema(schema.from_pydantic(Item))


@given(
    st.builds(Item, name=texts, kind=st.sampled_from(["a", "b"]), sizes=st.lists(st.integers()), note=st.none() | texts)
)
def test_every_instance_is_accepted_and_broken_ones_are_not(item):
    text = serialise(item).encode()
    assert ITEM.accepting[ITEM.walk(text, ITEM.start)]
    assert ITEM.refused_at(text[:-1] + b",", ITEM.start) == len(text) - 1
    assert ITEM.refused_at(json.dumps(item.model_dump(), ensure_ascii=False).encode(), ITEM.start) is not None


@pytest.mark.parametrize("task", [POS, CARS], ids=lambda t: t.name)
def test_gold_answers_match_the_general_and_the_own_schema(task):
    general = automaton.from_schema(schema.from_pydantic(task.output))
    data = task.load(None)
    for example in (*data.dev, *data.test):
        text = example.answer.encode()
        assert general.accepting[general.walk(text, general.start)]
        own = automaton.from_template(task.template(example.input))
        assert own.accepting[own.walk(text, own.start)]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{", "not JSON: line 1"),
        ("[]", "non-empty object"),
        ("{}", "non-empty object"),
        ({"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}}, "'minimum' at #/properties/n"),
        (
            {"type": "array", "items": {"anyOf": [{"type": "number", "multipleOf": 2}]}},
            "'multipleOf' at #/items/anyOf/0",
        ),
        ({"type": "array", "uniqueItems": True}, "'uniqueItems' at #"),
        ({"type": "object", "properties": {"x": {"$ref": "#/$defs/missing"}}, "required": ["x"]}, "cannot be compiled"),
    ],
)
def test_bad_schemas_are_refused_by_name(source, message):
    with pytest.raises(SchemaError, match=message.replace("$", r"\$")):
        schema.from_json_schema(source)


def test_empty_regex():
    with pytest.raises(SchemaError, match="empty"):
        schema.from_regex("")
