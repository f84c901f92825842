"""Schemas that ask for themselves without end, and those that only may."""

import pytest

from core.constrain.engines.endless import ends
from core.constrain.engines.llguidance import compile
from core.constrain.tokens import BYTES
from core.errors import SchemaError

ROOT = {"$ref": "#"}
DRAFT7 = "http://json-schema.org/draft-07/schema#"


def node(**of):
    return {"type": "object", "properties": {"a": ROOT, "b": {"type": "null"}}, "required": ["a"], **of}


@pytest.mark.parametrize(
    "schema",
    [
        node(),
        node(type=["object", "array"], minItems=1, items=ROOT),
        {"type": "array", "minItems": 2, "prefixItems": [{"type": "null"}, ROOT]},
        {"type": "object", "required": ["b"], "additionalProperties": ROOT},
        {"anyOf": [node(), {"type": "array", "minItems": 1, "items": ROOT}]},
        {"type": "object", "minProperties": 1, "additionalProperties": ROOT},
        {"$schema": DRAFT7, "type": "array", "minItems": 2, "items": [{"type": "null"}], "additionalItems": ROOT},
        {"type": "object", "properties": {"a": {"allOf": [{"type": "object"}, ROOT]}}, "required": ["a"]},
        {
            "$ref": "#/$defs/x",
            "$defs": {"x": node(properties={"a": {"$ref": "#/$defs/y"}}), "y": {"$ref": "#/$defs/x"}},
        },
    ],
)
def test_what_never_ends_is_refused(schema):
    with pytest.raises(SchemaError, match="no answer comes to an end"):
        compile(schema, None, BYTES, "endless")


@pytest.mark.parametrize(
    "schema",
    [
        node(required=[]),
        node(type=["object", "null"]),
        node(required=["b"]),
        {"$schema": DRAFT7, "type": "array", "minItems": 1, "items": [{"type": "null"}], "additionalItems": ROOT},
        {"anyOf": [node(), {"type": "null"}]},
        {"type": "array", "items": ROOT},
        {"type": "array", "minItems": 1, "items": {"anyOf": [ROOT, {"type": "integer"}]}},
        {"type": "object", "properties": {"a": {"type": "array", "items": ROOT}}, "required": ["a"]},
        {"type": "object", "required": ["b"], "patternProperties": {"b": {}}, "additionalProperties": ROOT},
        {"required": ["a"], "properties": {"a": ROOT}},  # a value that is no object will do
    ],
)
def test_what_may_end_is_held(schema):
    compile(schema, None, BYTES, "ending")


def test_definitions_that_need_each_other_end_in_any_order():
    parts = {str(i): node(properties={"a": {"$ref": f"#/$defs/{i + 1}"}}) for i in range(30)}
    assert ends({"$ref": "#/$defs/0", "$defs": {**parts, "30": {"type": "null"}}})
    assert ends(node(required=[], minProperties=1) | {"$defs": {}})
    assert not ends({"$ref": "#/$defs/0", "$defs": {**parts, "30": {"$ref": "#/$defs/0"}}})
