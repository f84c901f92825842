import pytest

from core.constrain.canonical import canonical, spell
from core.errors import SchemaError


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1, 2}])
def test_what_json_cannot_say(value):
    with pytest.raises(SchemaError, match="cannot be written as JSON"):
        spell(value)


def test_keys_in_the_schemas_order():
    inner = {"type": "object", "properties": {"x": {"type": "null"}, "y": {"type": "null"}}}
    properties = {"b": {"$ref": "#/$defs/i"}, "a": {"type": "array", "items": inner}}
    schema = {"type": "object", "properties": properties, "$defs": {"i": inner}}
    value = {"z": 1, "a": [{"y": None, "x": None}], "b": {"y": None, "x": None}}
    assert spell(canonical(value, schema)) == '{"b":{"x":null,"y":null},"a":[{"x":null,"y":null}],"z":1}'


def test_keys_of_the_alternative_that_fits():
    branch = lambda *names: {"properties": {n: {"type": "integer"} for n in names}, "required": list(names)}  # noqa: E731
    schema = {"anyOf": [branch("a", "b"), branch("c", "a")]}
    assert list(canonical({"a": 1, "c": 2}, schema)) == ["c", "a"]
    assert list(canonical({"b": 1, "a": 2}, schema)) == ["a", "b"]


def test_whole_numbers():
    schema = {"prefixItems": [{"type": "integer"}, {"type": "number"}, {"enum": [1, {"a": 2}]}, {"multipleOf": 2}]}
    assert spell(canonical([1.0, 1.0, {"a": 2.0}, 4.0], schema)) == '[1,1.0,{"a":2.0},4]'


def test_references_that_lead_nowhere_or_round_in_circles_are_left_alone():
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}, "anyOf": [{"$ref": "#/nowhere"}]}
    assert canonical({"b": 1.0, "a": 2}, schema) == {"b": 1.0, "a": 2}
