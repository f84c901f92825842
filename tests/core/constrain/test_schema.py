import json
import math
from datetime import UTC, datetime, time, timedelta, timezone
from enum import Enum
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError, create_model

from core.constrain import schema, template
from core.constrain.compile import compile
from core.constrain.engines.choice import choose
from core.constrain.tokens import BYTES
from core.errors import SchemaError
from core.spelling import serialise
from core.tasks import CARS, POS


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


class Moment(BaseModel):
    at: datetime
    clock: time


@pytest.mark.parametrize("zone", [None, UTC, timezone(timedelta(hours=-3, minutes=-30))])
def test_times_of_classes_need_no_offset(zone):
    moment = datetime(5, 2, 28, 1, 2, 3, 40, zone)
    written = Moment(at=moment, clock=moment.timetz()).model_dump_json()
    source = "class Moment(BaseModel):\n    at: datetime\n    clock: time\n"
    assert schema.from_source(source) == schema.from_pydantic(Moment)
    assert compile(schema.from_pydantic(Moment).expression, "x").matches(written)
    of_the_standard = compile(schema.from_json_schema({"type": "string", "format": "date-time"}).expression, "x")
    assert of_the_standard.matches(f'"{moment.isoformat()}"') == (zone is not None)


@pytest.mark.parametrize("kind", [int, Literal[1], tuple[int, int]], ids=str)
def test_keys_that_are_no_texts_are_refused(kind):
    with pytest.raises(SchemaError, match="keys that are no texts"):
        schema.from_pydantic(create_model("Named", names=(dict[kind, str], ...)))


def test_a_number_that_json_cannot_write_is_refused_and_not_left_out():
    class Share(float, Enum):
        HALF = 0.5
        ENDLESS = math.inf

    class Shared(BaseModel):
        share: Share

    with pytest.raises(SchemaError, match="inf cannot be written as JSON"):
        schema.from_pydantic(Shared)


def _twice(parts: int) -> dict:
    """Each definition refers twice to the one before."""
    two = lambda i: {"anyOf": [{"$ref": f"#/$defs/{i - 1}"}] * 2}
    named = {"0": {"type": "null"}} | {str(i): two(i) for i in range(1, parts + 1)}
    return {"$ref": f"#/$defs/{parts}", "$defs": named}


def test_parts_that_are_referred_to_often_stay_one():
    written = _twice(50)
    found = schema.from_json_schema(written)
    assert found == schema.from_json_schema(written) and len(repr(found)) < 10_000
    with pytest.raises(SchemaError, match="states"):
        compile(found.expression, "x")


def test_schemas_of_too_many_parts_are_not_regular():
    wide = {"type": "null"}
    for _ in range(6):
        wide = {"anyOf": [wide] * 10}
    assert "more than 100,000 parts" in schema.from_json_schema(wide).not_regular


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('{"minimum":' + "1" * 5000 + "}", "too many digits"),
        ('{"maximum":1e999}', "a number that is endless"),
        ('{"enum":[1e999],"type":"integer"}', "a number that is endless"),
        ('{"default":NaN}', "a number that is endless"),
        ({"enum": [10**5000]}, "thousands of digits"),
        ({"enum": [{1: 2}]}, "a key that is not a text"),
        ({"enum": {1, 2}}, "holds a set"),
        ('{"items":' * 990 + "{}" + "}" * 990, "nested too deeply"),
    ],
)
def test_what_is_no_json(source, message):
    with pytest.raises(SchemaError, match=message):
        choose(schema.from_json_schema(source), BYTES)
