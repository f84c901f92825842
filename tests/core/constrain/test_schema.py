import json
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from core.constrain import schema, template
from core.constrain.compile import compile
from core.errors import SchemaError
from core.tasks import CARS, POS
from core.tasks.task import serialise


class Part(BaseModel):
    code: str = Field(pattern="^[A-Z]{2}[0-9]+$")
    grams: float = Field(ge=0, lt=1000)


class Item(BaseModel):
    name: str = Field(min_length=1, max_length=5)
    kind: Literal["a", "b"]
    sizes: list[int] = Field(max_length=3)
    parts: list[Part]
    count: int = Field(gt=0)
    note: str | None
    labels: dict[str, bool]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=7)
parts = st.builds(Part, code=st.from_regex("[A-Z]{2}[0-9]{1,3}", fullmatch=True), grams=st.decimals(0, 999, places=2))
items = st.builds(
    Item,
    name=texts.filter(lambda t: 1 <= len(t) <= 5),
    kind=st.sampled_from(["a", "b"]),
    sizes=st.lists(st.integers(), max_size=3),
    parts=st.lists(parts, max_size=2),
    count=st.integers(1),
    note=st.none() | texts,
    labels=st.dictionaries(texts, st.booleans(), max_size=2),
)
ITEM = compile(schema.from_pydantic(Item).expression, "Item")


@given(items)
def test_every_serialised_instance_is_accepted(item):
    assert ITEM.matches(serialise(item))


@given(items, st.data())
def test_mutations_that_break_it_are_refused(item, data):
    """One character taken out, put in or changed: accepted exactly if it is still an Item in our spelling."""
    text = serialise(item)
    at = data.draw(st.integers(0, len(text) - 1))
    piece = data.draw(st.sampled_from([*'"{}[],:-0.7aA\\ \n', ""]))
    changed = text[:at] + piece + text[at + data.draw(st.integers(0, 1)) :]
    try:
        # Python accepts and rounds more than we spell: compare what it read with what it would write.
        found = Item.model_validate_json(changed, strict=True)
        valid = serialise(json.loads(changed, parse_float=_Raw, parse_int=_Raw) and found) is not None
    except (ValidationError, ValueError):
        valid = False
    if not valid:
        assert not ITEM.matches(changed)


class _Raw(str):
    """A number as it was written."""


@given(items)
def test_other_spellings_are_refused(item):
    assert not ITEM.matches(json.dumps(item.model_dump(), ensure_ascii=False))
    backwards = dict(reversed(item.model_dump().items()))
    assert not ITEM.matches(json.dumps(backwards, ensure_ascii=False, separators=(",", ":")))


@pytest.mark.parametrize("task", [POS, CARS], ids=lambda t: t.name)
def test_gold_answers_match_the_general_and_the_own_schema(task):
    found = schema.from_pydantic(task.output)
    general = compile(found.expression, found.name)
    data = task.load(None)
    for example in (*data.dev, *data.test):
        assert general.matches(example.answer)
        assert template.automaton(task.template(example.input)).matches(example.answer)


def test_a_class_and_its_source_are_the_same_schema():
    source = """
class Part(BaseModel):
    code: str = Field(pattern="^[A-Z]{2}[0-9]+$")
    grams: float = Field(ge=0, lt=1000)
class Item(BaseModel):
    name: str = Field(min_length=1, max_length=5)
    kind: Literal["a", "b"]
    sizes: list[int] = Field(max_length=3)
    parts: list[Part]
    count: int = Field(gt=0)
    note: str | None
    labels: dict[str, bool]
"""
    found = schema.from_source(source)
    assert found == schema.from_pydantic(Item) and found.name == "Item"


def test_objects_of_classes_are_closed_and_json_schemas_say_so_themselves():
    class Empty(BaseModel):
        pass

    assert compile(schema.from_pydantic(Empty).expression, "x").matches("{}")
    opened = schema.from_json_schema({"type": "object", "properties": {"a": {"type": "null"}}})
    assert opened.expression is None and "may hold any other keys" in opened.not_regular


def test_recursion_is_not_regular():
    found = schema.from_source("class Tree(BaseModel):\n    children: list['Tree']\n")
    assert found.expression is None and "refers to itself" in found.not_regular and found.json_schema


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{", "not JSON: line 1"),
        ("[]", "non-empty object"),
        ("{}", "non-empty object"),
        ("[" * 100_000, "nested too deeply|100,000"),
        ('{"a":"' + "a" * 100_000 + '"}', "the limit is 100,000"),
        ({"type": "object", "properties": {"x": {"$ref": "#/$defs/missing"}}, "required": ["x"]}, "leads nowhere"),
    ],
)
def test_bad_json_schemas(source, message):
    with pytest.raises(SchemaError, match=message.replace("$", r"\$")):
        schema.from_json_schema(source)
