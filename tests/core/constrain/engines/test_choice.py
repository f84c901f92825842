import pytest

from core.constrain import schema
from core.constrain.compile import Limits
from core.constrain.engines.choice import build, choose
from core.constrain.engines.constraint import check_answer
from core.errors import SchemaError

TREE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["name", "children"],
    "additionalProperties": False,
}


@pytest.fixture
def table(tables):
    return tables[0]


def test_ours_where_it_is_exact(table):
    found = choose(schema.from_regex("[0-9]{4}"), table)
    assert found.constraint.engine == "dfa" and "exact" in found.reason


def test_llguidance_for_recursion(table):
    found = choose(schema.from_json_schema(TREE), table)
    assert found.constraint.engine == "llguidance" and "refers to itself" in found.reason
    check_answer(found.constraint, '{"name":"a","children":[{"name":"b","children":[]}]}')
    with pytest.raises(SchemaError, match="at byte 12"):
        check_answer(found.constraint, '{"name":"a",}')


def test_llguidance_for_what_is_too_large(table):
    found = choose(schema.from_json_schema({"type": "string", "maxLength": 5000}), table, Limits(states=1000))
    assert found.constraint.engine == "llguidance" and "more than 1,000 states" in found.reason


def test_what_neither_holds_is_refused_with_both_reasons(table):
    unique = schema.from_json_schema({"type": "array", "items": {"type": "integer"}, "uniqueItems": True})
    with pytest.raises(SchemaError, match=r"An automaton: the keyword 'uniqueItems' at # .* llguidance: "):
        choose(unique, table)


@pytest.mark.parametrize("engine", ["dfa", "outlines", "llguidance", "xgrammar"])
def test_every_engine_by_name(engine, table):
    letter = {"a": {"enum": ["x", "y"]}}
    simple = {"type": "object", "properties": letter, "required": ["a"], "additionalProperties": False}
    constraint = build(schema.from_json_schema(simple), table, engine)
    assert constraint.engine == engine and constraint.tokens is table
    check_answer(constraint, '{"a":"y"}')
    with pytest.raises(SchemaError, match="found 'z"):
        check_answer(constraint, '{"a":"z"}')


@pytest.mark.parametrize("engine", ["dfa", "outlines"])
def test_engines_of_automata_refuse_what_is_not_regular(engine, table):
    with pytest.raises(SchemaError, match="refers to itself"):
        build(schema.from_json_schema(TREE), table, engine)


def test_white_space_means_the_same_to_every_engine(table):
    for engine in ("dfa", "llguidance"):
        constraint = build(schema.from_regex(r"a\sb"), table, engine)
        check_answer(constraint, "a\ufeffb")
        with pytest.raises(SchemaError):
            check_answer(constraint, "a\x85b")


def test_schemas_nested_too_deeply_for_an_engine(table):
    deep = {"type": "null"}
    for _ in range(400):
        deep = {"type": "array", "items": deep}
    with pytest.raises(SchemaError, match="nested too deeply"):
        choose(schema.from_json_schema(deep), table)
