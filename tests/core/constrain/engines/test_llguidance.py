import pytest

from core.constrain.engines.llguidance import compile
from core.errors import SchemaError
from tests.core.constrain.engines.probes import TABLE, accepts


def test_an_additional_key_cannot_pass_for_another():
    constraint = compile({"type": "object", "properties": {"a": {"type": "integer"}}}, None, TABLE, "keys")
    assert accepts(constraint, '{"b":"x"}')
    assert not accepts(constraint, '{"a":"x"}')
    assert not accepts(constraint, '{"\\u0061":"x"}')


def test_a_schema_cannot_switch_strictness_off():
    with pytest.raises(SchemaError, match="uniqueItems"):
        compile({"type": "array", "uniqueItems": True, "x-guidance": {"lenient": True}}, None, TABLE, "lenient")


@pytest.mark.parametrize("keyword", ["not", "if", "contains", "propertyNames", "dependentRequired"])
def test_unknown_keywords_are_refused_by_name(keyword):
    with pytest.raises(SchemaError, match=rf"'bad'.*llguidance.*{keyword}"):
        compile({"type": "object", keyword: {}}, None, TABLE, "bad")


@pytest.mark.parametrize("regex, reason", [("a(", "unclosed group"), ("a(?=b)", "look-around"), ("a\\", "backslash")])
def test_regexes_that_are_not_understood(regex, reason):
    with pytest.raises(SchemaError, match=reason) as caught:
        compile(None, regex, TABLE, "bad")
    assert "\n" not in str(caught.value)


def test_languages_without_a_text():
    with pytest.raises(SchemaError, match="no answer can match"):
        compile(None, r"[^\x00-\U0010FFFF]", TABLE, "empty")
    with pytest.raises(SchemaError, match="minItems"):
        compile({"type": "array", "minItems": 3, "maxItems": 2}, None, TABLE, "empty")


def test_a_limit_met_later_is_an_error_and_not_the_end(monkeypatch):
    monkeypatch.setattr("core.constrain.engines.llguidance._MAX_LEXER_STATES", 60)
    constraint = compile(None, "(a|b)*a(a|b){14}c", TABLE, "exploding")
    state = constraint.start
    with pytest.raises(SchemaError, match="too many states"):
        for byte in b"aababbaaabbabab" * 20:
            state = constraint.advance(state, byte)
            constraint.mask(state)


def test_classes_are_ascii():
    constraint = compile(None, r"\d\w", TABLE, "classes")
    assert accepts(constraint, "1_") and not accepts(constraint, "1é") and not accepts(constraint, "٣a")


INTEGER = {"type": "integer"}
DRAFT4 = "http://json-schema.org/draft-04/schema#"
DRAFT7 = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "object", "additionalProperties": INTEGER, "minProperties": 2}, "'minProperties' for free keys at #"),
        ({"patternProperties": {"^a": INTEGER}, "additionalProperties": False, "minProperties": 2}, "'minProperties'"),
        ({"type": "integer", "maximum": 2**53 + 1}, "'maximum' with a number beyond"),
        ({"type": "number", "maximum": 2**49 + 1}, "'maximum' with a number beyond 2\\*\\*49"),
        ({"type": "number", "maximum": 0.95}, "'maximum' with the fraction 0.95 at #"),
        ({"exclusiveMinimum": 9, "maximum": 9.99}, "'maximum' with the fraction 9.99 at #"),
        ({"type": ["number", "null"], "minimum": -0.5}, "'minimum' with the fraction -0.5 at #"),
        ({"properties": {"enum": {"multipleOf": 0.25}}}, "'multipleOf' with 0.25 at #/properties/enum"),
        ({"const": {"a": [1e-7]}}, "the number 1e-07 at #"),
        ({"enum": [{"a": 1.0}]}, "the number 1.0 at #"),
        ({"const": 2**53 + 1}, "the number 9007199254740993"),
        ({"const": {"a": "\x7f"}}, "a value with a control character"),
        ({"type": "string", "pattern": r"\p{L}"}, "the pattern at #"),
        ({"patternProperties": {"[[:alpha:]]": INTEGER}}, "is ambiguous"),
        ({"patternProperties": {"a": INTEGER, "(a)": INTEGER}}, "two patterns at #/patternProperties mean the same"),
        ({"$schema": DRAFT7, "prefixItems": [INTEGER]}, "'prefixItems' at # is newer"),
        ({"$ref": "#a", "$defs": {"a": {"$anchor": "a"}}}, "names an anchor"),
        ({"properties": {"a": {"$id": "b", "items": {"$ref": "#"}}}}, "below the root"),
        ({"properties": {"a": {"type": {}}}}, "at #/properties/a is not one of"),
    ],
)
def test_what_would_be_held_inexactly_is_refused(schema, message):
    with pytest.raises(SchemaError, match=message):
        compile(schema, None, TABLE, "bad")


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string", "pattern": r"^\s$"}, ['"\u00a0"', '"\ufeff"', '"\\n"'], ['"a"', '""', '" a"']),
        ({"patternProperties": {"^[a-c]+$": INTEGER}, "additionalProperties": False}, ['{"ab":1}'], ['{"ad":1}']),
        ({"type": "string", "pattern": ""}, ['""', '"好"'], ["1"]),
        ({"type": "string", "format": "date"}, ['"2024-02-29"'], ['"2023-02-29"', '"0000-01-01"']),
        ({"type": "string", "format": "date", "pattern": "^2"}, ['"2024-02-29"'], ['"1024-02-29"', '"2"']),
        ({"$ref": "#/$defs/a%20b/anyOf/1", "$defs": {"a b": {"anyOf": [{"type": "null"}, INTEGER]}}}, ["1"], ["null"]),
        ({"$schema": DRAFT7, "$ref": "#/definitions/a", "maximum": 3, "definitions": {"a": INTEGER}}, ["5"], ['""']),
        ({"type": "array", "items": {"anyOf": [{"$ref": "#"}, INTEGER]}}, ["[[1],[]]"], ['[""]']),
        ({"type": "string", "pattern": r'^[^\n"\\]*$'}, ['"a"', r'"\t"'], [r'"\""', r'"\\"', r'"\n"']),
        ({"type": "string", "pattern": '^[^"]$'}, ['"a"', '"\\n"', r'"\\"'], [r'"\""']),
        ({"type": "string", "pattern": r"^[\u0000-\u001fb]+$"}, ['"b\\n"'], [r'"\""', r'"\\"']),
        ({"maximum": 5}, ["5", "5.0", "-7.25", '"a"', "null", '[{"a":6}]'], ["5.01", "5.1", "6"]),
        ({"$schema": DRAFT4, "type": "number", "maximum": 5, "exclusiveMaximum": True}, ["4.9"], ["5", "5.0"]),
        ({"$schema": DRAFT4, "type": "number", "minimum": -5, "exclusiveMinimum": True}, ["-4"], ["-5", "-5.0"]),
        ({"$schema": DRAFT4, "type": "number", "maximum": 5, "exclusiveMaximum": False}, ["5", "5.0"], ["5.1"]),
        ({"type": "number", "maximum": 2**49}, [str(2**49), f"{2**49}.0"], [f"{2**49}.1", str(2**49 + 1)]),
        ({"maximum": 5, "allOf": [INTEGER]}, ["5", "-6"], ["5.0", "4.5", "6"]),
        ({"maximum": 5, "type": "integer"}, ["5", "-6"], ["4.5", "6"]),
        (
            {"type": ["number", "null"], "minimum": -1, "maximum": 0},
            ["null", "0", "0.0", "-0.5", "-1.0"],
            ["-1.1", '""'],
        ),
        ({"type": "number", "minimum": 0.25, "maximum": 1}, ["0.25", "0.3", "1.0"], ["0.2", "0.249", "1.01", "-1"]),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, ["0.01", "0.999"], ["0", "0.0", "1", "1.0"]),
        (
            {"type": "number", "exclusiveMinimum": -180, "maximum": -90},
            ["-90.0", "-179.9"],
            ["-180", "-180.0", "-89.9"],
        ),
        (
            {"required": ["a"], "minProperties": 2, "additionalProperties": INTEGER},
            ['{"a":1,"b":1}'],
            ['{"a":1,"a":1}'],
        ),
    ],
)
def test_rewritten_schemas(schema, good, bad):
    constraint = compile(schema, None, TABLE, "rewritten")
    assert [accepts(constraint, text) for text in [*good, *bad]] == [True] * len(good) + [False] * len(bad)


def test_what_is_referred_to_often_stays_small():
    two = lambda i: {"anyOf": [{"$ref": f"#/$defs/{i - 1}"}, {"type": "array", "items": {"$ref": f"#/$defs/{i - 1}"}}]}
    parts = {"0": INTEGER} | {str(i): two(i) for i in range(1, 25)}
    assert accepts(compile({"$ref": "#/$defs/24", "$defs": parts}, None, TABLE, "twice"), "[[1]]")
