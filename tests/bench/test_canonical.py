import math

import pytest

from bench.canonical import canonical
from core.constrain.json_value import spell
from core.errors import SchemaError


def test_keys_in_the_schemas_order():
    inner = {"type": "object", "properties": {"x": {"type": "null"}, "y": {"type": "null"}}}
    properties = {"b": {"$ref": "#/$defs/i"}, "a": {"type": "array", "items": inner}}
    schema = {"type": "object", "properties": properties, "$defs": {"i": inner}}
    value = {"z": 1, "a": [{"y": None, "x": None}], "b": {"y": None, "x": None}}
    assert spell(canonical(value, schema)) == '{"b":{"x":null,"y":null},"a":[{"x":null,"y":null}],"z":1}'


def test_keys_of_the_alternative_that_fits():
    branch = lambda *names: {"properties": {n: {"type": "integer"} for n in names}, "required": list(names)}
    schema = {"anyOf": [branch("a", "b"), branch("c", "a")]}
    assert list(canonical({"a": 1, "c": 2}, schema)) == ["c", "a"]
    assert list(canonical({"b": 1, "a": 2}, schema)) == ["a", "b"]


def test_whole_numbers():
    schema = {"prefixItems": [{"type": "integer"}, {"type": "number"}, {"enum": [1, {"a": 2}]}, {"multipleOf": 2}]}
    assert spell(canonical([1.0, 1.0, {"a": 2.0}, 4.0], schema)) == '[1,1.0,{"a":2},4]'


def test_references_that_lead_nowhere_or_round_in_circles_are_left_alone():
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}, "anyOf": [{"$ref": "#/nowhere"}]}
    assert canonical({"b": 1.0, "a": 2}, schema) == {"b": 1.0, "a": 2}


def test_what_is_inside_keys_that_are_not_named():
    inner = {"properties": {"b": {"type": "integer"}, "a": {"type": "integer"}}}
    for schema in ({"additionalProperties": inner}, {"patternProperties": {"^x": inner}}):
        assert spell(canonical({"x": {"a": 1, "b": 2.0}}, schema)) == '{"x":{"b":2,"a":1}}'


def test_given_values_are_written_as_given():
    schema = {"anyOf": [{"const": {"b": 1, "a": [2]}}, {"enum": [True, None]}]}
    assert spell(canonical({"a": [2.0], "b": 1.0}, schema)) == '{"b":1,"a":[2]}'
    assert canonical(None, schema) is None and canonical(1.0, schema) == 1.0


def test_integers_of_draft_4_are_no_fractions_even_if_they_are_whole():
    draft = "http://json-schema.org/draft-04/schema#"
    assert spell(canonical(1.0, {"$schema": draft, "type": "integer"})) == "1.0"
    assert spell(canonical(1.0, {"type": ["integer", "null"]})) == "1"


@pytest.mark.parametrize(
    "schema",
    [
        {"$schema": []}, {"prefixItems": None}, {"anyOf": [{"type": "x"}]}, {"anyOf": [{"minimum": "a"}]},
        {"multipleOf": math.inf}, {"required": [[]]}, {"additionalProperties": 3},
    ],
)  # fmt: skip
def test_malformed_schemas(schema):
    with pytest.raises(SchemaError, match=r"must be|is not one of"):
        canonical([1.0], schema)
    assert canonical("a", {"anyOf": [{"pattern": "("}, {"properties": {"a": {"type": {}}}}]}) == "a"


def test_deep_values():
    value = 1
    for _ in range(50_000):  # more than any limit that a library sets
        value = [value]
    with pytest.raises(SchemaError, match="nested too deeply"):
        canonical(value, {})
