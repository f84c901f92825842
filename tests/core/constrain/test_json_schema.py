import json
import math

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.canonical import canonical
from core.constrain import json_schema
from core.constrain.compile import compile
from core.constrain.json_schema import NotRegular
from core.constrain.json_value import spell
from core.errors import SchemaError

DRAFT4, DRAFT7 = (f"http://json-schema.org/draft-0{n}/schema#" for n in (4, 7))
INTEGER = {"type": "integer"}
# Before a last line break Python's $ matches, by which jsonschema judges, and ECMA's does not.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4).filter(lambda t: not t.endswith("\n"))
keys = st.sampled_from(["a", "b", 'q"', "é"])
PATTERNS = ["^a", "b$", "^[a-c]*$", "x|\\n", r"\d", '[^"]']


@st.composite
def schemas(draw, depth=2):
    """Schemas of the kind an automaton holds."""
    kinds = ["string", "integer", "number", "boolean", "null", "enum"] + (
        ["object", "array", "map", "anyOf"] if depth else []
    )
    kind = draw(st.sampled_from(kinds))
    child = lambda: draw(schemas(depth - 1))
    if kind == "enum":
        return {
            "enum": draw(st.lists(st.none() | st.booleans() | st.integers(-3, 3) | texts, min_size=1, unique_by=repr))
        }
    if kind == "anyOf":
        return {"anyOf": [child(), child()]}
    if kind == "object":
        names = draw(st.lists(keys, unique=True))
        rest = draw(st.sampled_from([False, {"type": "integer"}]))
        required = [name for name in names if draw(st.booleans())]
        return {
            "type": "object",
            "properties": {n: child() for n in names},
            "required": required,
            "additionalProperties": rest,
        }
    low = draw(st.integers(0, 2))
    high = low + draw(st.integers(0, 2))
    if kind == "map":
        return {"type": "object", "additionalProperties": child(), "minProperties": low % 2, "maxProperties": high}
    if kind == "array":
        heads = [child() for _ in range(draw(st.integers(0, 2)))]
        found = {"type": "array", "items": child(), "minItems": low, "maxItems": high}
        return found | ({"prefixItems": heads} if heads else {})
    if kind == "string":
        options = [{}, {"minLength": low, "maxLength": high}, {"pattern": draw(st.sampled_from(PATTERNS))}]
        return {"type": "string"} | draw(st.sampled_from(options)) | draw(st.sampled_from(options))
    if kind in ("integer", "number"):
        bounds = {"minimum": low - 1, "exclusiveMaximum": high + 1}
        return {"type": kind} | draw(st.sampled_from([{}, bounds]))
    return {"type": kind}


values = st.recursive(
    st.none() | st.booleans() | st.integers(-4, 5) | st.decimals(-3, 4, places=2).map(float) | texts | keys,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def instances(draw, schema):
    """A value that fits, most of the time."""
    if draw(st.integers(0, 9)) == 0:
        return draw(values)
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    if "anyOf" in schema:
        return draw(instances(draw(st.sampled_from(schema["anyOf"]))))
    kind = schema["type"]
    if kind == "object":
        found = {n: draw(instances(s)) for n, s in schema.get("properties", {}).items() if draw(st.integers(0, 4))}
        rest = schema.get("additionalProperties")
        extra = draw(st.lists(keys.filter(lambda k: k not in found), unique=True, max_size=2))
        return found | (
            {k: draw(instances(rest)) for k in extra if k not in schema.get("properties", {})} if rest else {}
        )
    if kind == "array":
        heads = schema.get("prefixItems", [])
        count = draw(st.integers(schema.get("minItems", 0), schema.get("maxItems", 3)))
        return [draw(instances(heads[i] if i < len(heads) else schema["items"])) for i in range(count)]
    leaf = {
        "string": texts | st.sampled_from(["abc", "x", "\nb", "1"]),
        "integer": st.integers(-4, 5),
        "boolean": st.booleans(),
        "null": st.none(),
    }
    return draw(leaf.get(kind, st.decimals(-3, 4, places=2).map(float) | st.integers(-3, 4)))


@settings(max_examples=400)
@given(st.data())
def test_accepts_exactly_what_the_standard_calls_valid(data):
    schema = data.draw(schemas())
    try:
        machine = compile(json_schema.expression(schema), "s")
    except SchemaError as error:
        machine = None
        assert "matches no text" in str(error)
    for _ in range(4):
        value = data.draw(instances(schema))
        valid = jsonschema.Draft202012Validator(schema).is_valid(value)
        text = spell(canonical(value, schema))
        assert (machine is not None and machine.matches(text)) == valid, (schema, text)


def _moved_at(name):
    """A property whose reference leads to a text, which an integer of the root would be mistaken for."""
    inner = {"$id": "b", "type": "array", "items": {"$ref": "#/$defs/x"}, "$defs": {"x": {"type": "string"}}}
    return {"type": "object", "properties": {name: inner}, "additionalProperties": False, "$defs": {"x": INTEGER}}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "number", "multipleOf": 2}, "'multipleOf' at #"),
        ({"type": "array", "items": {"type": "null"}, "uniqueItems": True}, "'uniqueItems' at #"),
        ({"type": "object"}, "objects at # may hold any other keys"),
        ({"type": "object", "properties": {"x": True}}, "any JSON value is allowed at #/properties/x"),
        ({"properties": {}}, "no type is given at #"),
        ({"$ref": "#"}, "refers to itself"),
        ({"$ref": "other.json"}, "leads out of the schema"),
        ({"type": "string", "format": "email"}, "the format 'email' at #"),
        ({"type": "string", "pattern": "(?=a)"}, "look-around"),
        ({"allOf": [{"type": "null"}, {"type": "null"}]}, "'allOf' at #"),
        ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, "the options of oneOf at # may overlap"),
        ({"anyOf": [{"type": "null"}], "minLength": 3}, "'minLength' beside 'anyOf' at #"),
        ({"type": "string", "minLenght": 3}, "'minLenght' at #"),
        ({"type": "object", "additionalProperties": False, "required": ["a"]}, "the key 'a' at # is required"),
        ({"$schema": DRAFT4, "type": "integer", "minimum": 1, "exclusiveMinimum": True}, "is a truth value"),
        ({"$schema": DRAFT4, "type": "integer", "exclusiveMinimum": 1}, "'exclusiveMinimum' at # is newer"),
        ({"$schema": DRAFT4, "const": True}, "'const' at # is newer"),
        ({"$schema": DRAFT7, "type": "array", "prefixItems": [INTEGER]}, "'prefixItems' at # is newer"),
        ({"$schema": DRAFT7, "type": "array", "items": [INTEGER]}, "'items' at # is a list of schemas"),
        ({"$schema": DRAFT7.replace("7", "3"), "type": "null"}, "is too old"),
        ({"$ref": "#/$defs/a", "maximum": 3, "$defs": {"a": INTEGER}}, "'maximum' beside '.ref'"),
        ({"$ref": "#a", "$defs": {"a": {"$anchor": "a", "type": "null"}}}, "names an anchor"),
        ({"$defs": {"a": {"$id": "b", "items": {"$ref": "#"}}}, "$ref": "#/$defs/a"}, "depends on the .id 'b' below"),
        (_moved_at("items"), "depends on the .id 'b' below"),
        (_moved_at("enum"), "depends on the .id 'b' below"),
        ({"type": "object", "additionalProperties": INTEGER, "minProperties": 2}, "asks for different keys"),
        ({"oneOf": [{"const": n} for n in range(1001)]}, "may overlap"),
    ],
)
def test_what_an_automaton_cannot_hold_is_named(schema, message):
    with pytest.raises(NotRegular, match=message.replace("$", r"\$")):
        json_schema.expression(schema)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "#/$defs/missing"}, "leads nowhere"),
        ({"type": "strnig"}, "the type 'strnig' at # is not one of"),
        ({"type": "string", "minLength": -1}, "'minLength' at # must be a whole number"),
        ({"type": []}, r"the type \[\] at # is not one of"),
        ({"type": {}}, "the type {} at # is not one of"),
        ({"type": [[]]}, "at # is not one of"),
        ({"type": "object", "required": [[]]}, "'required' at # must be a list of names"),
        ({"type": "object", "properties": {"a": 3}}, "'properties' at # must be an object of schemas"),
        ({"type": "array", "items": 3}, "'items' at # must be a schema"),
        ({"type": "array", "items": [INTEGER]}, "'items' at # must be one schema"),
        ({"type": "string", "format": []}, "'format' at # must be a text"),
        ({"type": "string", "minLength": math.inf}, "'minLength' at # must be a whole number"),
        ({"type": "number", "minimum": math.nan}, "'minimum' at # must be a number"),
        ({"type": "number", "exclusiveMinimum": True}, "'exclusiveMinimum' at # must be a number"),
        ({"type": "number", "multipleOf": 0}, "'multipleOf' at # must be a number above 0"),
        ({"$schema": [], "type": "null"}, "'.schema' at # must be a text"),
        ({"$ref": "#/type", "type": "null"}, "beside '.ref'"),
        ({"enum": []}, "'enum' at # must be a list that is not empty"),
        ({"type": "integer", "minimum": "3"}, "'minimum' at # must be a number"),
        ({"type": "object", "properties": []}, "'properties' at # must be an object"),
        ({"type": "string", "pattern": 3}, "'pattern' at # must be a text"),
        ({"oneOf": [{"type": "null"}, {"type": 3}]}, "the type 3 at #/oneOf/1 is not one of"),
        ({"oneOf": [{"type": "null"}, {"enum": 3}]}, "'enum' at #/oneOf/1 must be a list"),
        ({"oneOf": [{"type": "null"}, {"required": 3}]}, "'required' at #/oneOf/1 must be a list of names"),
    ],
)
def test_malformed_schemas(schema, message):
    with pytest.raises(SchemaError, match=message.replace("$", r"\$")):
        json_schema.expression(schema)


def _object(**properties):
    closed = {"type": "object", "additionalProperties": False}
    return {**closed, "properties": properties, "required": list(properties)}


EXCLUSIVE = [
    [{"type": "integer"}, {"type": ["string", "null"]}, {"type": "boolean"}],
    [{"const": 1}, {"const": True}, {"enum": ["1", None, [1]]}, {"const": [True]}],
    [_object(kind={"const": "a"}), _object(kind={"enum": ["b", 3]})],
    [{"$ref": "#/$defs/a"}, _object(b=INTEGER), {"$ref": "#/$defs/c"}],
    [_object(b=INTEGER, kind={"const": 1}), {"type": "null"}, _object(kind={"const": 2}, b=INTEGER)],
]
OVERLAPPING = [
    [{"const": {"a": 1, "b": 2}}, {"const": {"b": 2, "a": 1}}],
    [{"const": 1}, {"const": 1.0}],
    [{"const": 1e-7}, {"type": "number", "minimum": 0}],
    [_object(a=INTEGER, b=INTEGER), _object(b=INTEGER, a=INTEGER)],
    [_object(kind={"const": "a"}), {**_object(kind={"const": "b"}), "required": []}],
    [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}],
]


@pytest.mark.parametrize("options", EXCLUSIVE)
def test_oneof_of_options_that_exclude_each_other(options):
    schema = {"oneOf": options, "$defs": {"a": _object(a=INTEGER), "c": _object(c=INTEGER)}}
    machine = compile(json_schema.expression(schema), "s")
    valid = jsonschema.Draft202012Validator(schema).is_valid
    objects = [{"kind": "a"}, {"kind": 3}, {"a": 1}, {"b": 1}, {"a": 1, "b": 1}, {"b": 1, "kind": 2}]
    for value in [1, True, "1", None, [1], [True], {}, *objects]:
        assert machine.matches(spell(canonical(value, schema))) == valid(value), value


@pytest.mark.parametrize("options", OVERLAPPING)
def test_oneof_of_options_that_share_a_value(options):
    with pytest.raises(NotRegular, match="may overlap"):
        json_schema.expression({"oneOf": options, "$defs": {"a": _object(a=INTEGER)}})


def test_many_tagged_objects_are_told_apart_at_once():
    options = [_object(kind={"const": f"kind {i}"}, note={"type": "string"}) for i in range(200)]
    machine = compile(json_schema.expression({"oneOf": options}), "s")
    assert machine.matches('{"kind":"kind 7","note":""}') and not machine.matches('{"kind":"kind 777","note":""}')


@pytest.mark.parametrize("least", [{"minLength": 3}, {"minItems": 3}, {"minProperties": 3}])
def test_a_branch_that_nothing_matches_is_no_error(least):
    kind = {"Length": "string", "Items": "array", "Properties": "object"}[next(iter(least))[3:]]
    branch = {"type": kind, **least, next(iter(least)).replace("min", "max"): 2}
    machine = compile(json_schema.expression({"anyOf": [branch, {"type": "null"}]}), "s")
    assert machine.matches("null") and not any(map(machine.matches, ['"aa"', "[]", "{}"]))


@pytest.mark.parametrize("name", ["#/$defs/x/anyOf/1", "#/$defs/a%20b", "#/$defs/c~1d~0"])
def test_references(name):
    kinds = {"x": {"anyOf": [{"type": "string"}, INTEGER]}, "a b": INTEGER, "c/d~": INTEGER}
    machine = compile(json_schema.expression({"$ref": name, "$defs": kinds}), "s")
    assert machine.matches("12") and not machine.matches('""')


def test_nothing_counts_beside_a_reference_in_old_drafts():
    schema = {"$schema": DRAFT7, "$ref": "#/definitions/a", "maximum": 3, "definitions": {"a": INTEGER}}
    assert compile(json_schema.expression(schema), "s").matches("5")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"enum": [0.5, 1.0]}, "1.0"),
        ({"enum": [0.5, 1]}, "1"),
        ({"const": {"a": [1.0]}}, '{"a":[1.0]}'),
        ({"type": ["number", "integer"], "const": 1.0}, "1.0"),
        ({"type": ["integer", "null"], "const": 1.0}, "1"),
    ],
)
def test_a_given_number_is_spelled_as_it_is_given_unless_it_is_to_be_an_integer(schema, text):
    machine = compile(json_schema.expression(schema), "s")
    assert machine.matches(text) and not machine.matches(text.replace("1.0", "1") if "1.0" in text else "1.0")


def test_a_format_is_about_texts_alone():
    schema = {"type": ["integer", "string"], "format": "date"}
    machine = compile(json_schema.expression(schema), "s")
    assert machine.matches("7") and machine.matches('"2024-02-29"') and not machine.matches('"7"')
    assert compile(json_schema.expression({"type": "integer", "format": "int32"}), "s").matches("7")


def test_small_numbers_within_bounds():
    schema = {"type": "number", "minimum": 0}
    machine = compile(json_schema.expression(schema), "s")
    for value in (1e-7, 1e22, -0.0, 5e-324):
        assert machine.matches(spell(canonical(value, schema)))
    assert not machine.matches(spell(canonical(-1e-7, schema)))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_written_in_one_way(text):
    machine = compile(json_schema.expression({"type": "string"}), "s")
    spelled = spell(text)
    assert machine.matches(spelled)
    if "\\u" in json.dumps(text) and not any(ord(c) < 32 for c in text):
        assert not machine.matches(json.dumps(text))  # escapes that are not needed
