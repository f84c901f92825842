"""Sample texts, judged by somebody else: `re`, jsonschema and pydantic."""

import json
import re

import jsonschema
import pytest

from core.constrain import samples, schema
from core.constrain.engines.choice import build, choose
from core.constrain.tokens import BYTES
from core.tasks import CARS, POS

REGEXES = ["yes|yesterday", r"[0-9]+(\.[0-9]+)?", "[0-9]{4}-(0[1-9]|1[0-2])", "[b-龥]{3}", "(a+)+", "x"]
TREE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["name", "children"],
    "additionalProperties": False,
}
ORDER = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "kind": {"enum": ["a", "ab"]}, "note": {"type": ["string", "null"]}},
    "required": ["id", "kind"],
    "additionalProperties": False,
}


def made(found):
    constraint = choose(found, BYTES).constraint
    texts = samples.accepted(constraint, 8)
    return texts, samples.refused(constraint, texts, 8)


@pytest.mark.parametrize("regex", REGEXES)
def test_samples_of_a_regular_expression(regex):
    texts, wrong = made(schema.from_regex(regex))
    assert texts and len(set(texts)) == len(texts)
    assert all(re.fullmatch(regex, text) for text in texts)
    assert wrong and not [w for w in wrong if re.fullmatch(regex, w.text)]


@pytest.mark.parametrize("wanted", [ORDER, TREE], ids=["regular", "recursive"])
def test_samples_of_a_json_schema(wanted):
    found = schema.from_json_schema(wanted)
    texts, wrong = made(found)
    assert len(texts) >= 3
    for text in texts:
        jsonschema.validate(json.loads(text), wanted)
    assert len(wrong) >= 5
    assert not [w for w in wrong if _is_valid(w.text, wanted)]


@pytest.mark.parametrize("task", [POS, CARS], ids=lambda task: task.name)
def test_samples_of_a_task(task):
    texts, wrong = made(schema.from_pydantic(task.output))
    assert len(texts) == 8
    assert all(task.parse(text) is not None for text in texts)
    # Two keys of one name and other spellings are refused by the schema, and read by pydantic.
    assert sum(task.parse(w.text) is None for w in wrong) >= 6


def test_the_shortest_comes_first_and_a_seed_gives_the_same_texts():
    constraint = choose(schema.from_regex("a{2,40}"), BYTES).constraint
    assert samples.accepted(constraint)[0] == "aa"
    assert samples.accepted(constraint, seed=3) == samples.accepted(constraint, seed=3)


def test_a_refused_text_dies_at_the_byte_that_it_names():
    constraint = build(schema.from_regex("[0-9]{2}é"), BYTES, "dfa")
    for sample in samples.refused(constraint, ["12é"], 8):
        raw = sample.text.encode()
        assert constraint.automaton.walk(raw[: sample.dies_at], 0) >= 0
        if sample.dies_at < len(raw):
            assert constraint.automaton.walk(raw[: sample.dies_at + 1], 0) < 0
        assert sample.expected


def test_a_schema_that_accepts_everything_has_no_refused_texts():
    constraint = choose(schema.from_regex(r"(.|\n)*"), BYTES).constraint
    texts = samples.accepted(constraint)
    assert texts and samples.refused(constraint, texts) == []


def test_distances_are_those_of_the_shortest_texts():
    automaton = build(schema.from_regex("abc|ax"), BYTES, "dfa").automaton
    found = samples.distances(automaton)
    assert found[automaton.start] == 2
    assert found[automaton.walk(b"ab", automaton.start)] == 1


def _is_valid(text, wanted):
    """As JSON in the one spelling of schemas here: no blanks, keys in order, each once."""
    try:
        value = json.loads(text)
        jsonschema.validate(value, wanted)
    except (ValueError, jsonschema.ValidationError):
        return False
    order = [k for k in wanted["properties"] if k in value]
    spelled = json.dumps({k: value[k] for k in order}, ensure_ascii=False, separators=(",", ":"))
    return spelled == text
