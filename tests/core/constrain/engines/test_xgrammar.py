import json

import numpy as np
import pytest

from core.constrain.engines.constraint import NONE
from core.constrain.engines.xgrammar import compile
from core.constrain.tokens import TokenTable, from_tokenizer
from core.errors import SchemaError

OBJECT = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "é": {"enum": ["x", "xy", "好"]}},
    "required": ["a", "é"],
    "additionalProperties": False,
}
SPECIAL = 257
PIECES = (b'{"', b'"a"', b'":', b"12", b"ab", b"abc", b"ab", b'"}', "é".encode(), b"\xe5\xa5", b"\xff", b"a\x00")


@pytest.fixture(scope="module")
def tokens():
    """The 256 bytes, eos, a special token, and pieces: merged, doubled, not whole characters."""
    return TokenTable((*(bytes([i]) for i in range(256)), b"", b"", *PIECES), eos=256)


def feed(constraint, text, state=None):
    state = constraint.start if state is None else state
    for byte in text.encode():
        state = constraint.advance(state, byte)
    return state


def allowed(constraint, state):
    return np.flatnonzero(constraint.tokens.unpack(constraint.mask(state))).tolist()


def check_masks(constraint, answer):
    """Every mask along `answer` is what advance() says, token by token."""
    state = constraint.start
    for byte in [*answer.encode(), constraint.tokens.eos]:
        brute = [t for t in range(len(constraint.tokens)) if constraint.advance(state, t) != NONE]
        assert allowed(constraint, state) == brute
        assert byte in brute
        assert (constraint.tokens.eos in brute) == constraint.may_end(state)
        bits = np.unpackbits(constraint.mask(state).view(np.uint8), bitorder="little")
        assert not bits[len(constraint.tokens) :].any()
        state = constraint.advance(state, byte)


def accepts(constraint, text):
    reading = constraint.read(constraint.start, text.encode())
    return reading.length == len(text.encode()) and reading.may_end


def test_masks_are_what_advance_says(tokens):
    check_masks(compile(OBJECT, None, tokens, "object"), '{"a":-120,"é":"xy"}')
    check_masks(compile(None, "ab(c|好)*", tokens, "regex"), "abc好c")


def test_masks_over_a_real_tokenizer(tokenizer):
    table = from_tokenizer(tokenizer)
    constraint = compile({"type": "array", "items": {"type": "string"}}, None, table, "list")
    state = constraint.start
    for token in tokenizer.encode('["it\'s","né好"]', add_special_tokens=False):
        brute = [t for t in range(len(table)) if constraint.advance(state, t) != NONE]
        assert allowed(constraint, state) == brute
        assert not any(not table.bytes_of[t] for t in brute)
        state = constraint.advance(state, token)
    assert allowed(constraint, state) == [table.eos]


def test_special_tokens_are_never_allowed(tokens):
    constraint = compile({"type": "string"}, None, tokens, "string")
    state = feed(constraint, '"')
    assert SPECIAL not in allowed(constraint, state)
    assert constraint.advance(state, SPECIAL) == NONE
    assert constraint.advance(state, tokens.eos) == NONE


def test_states_are_interned(tokens):
    constraint = compile(OBJECT, None, tokens, "object")
    first = feed(constraint, '{"a":1')
    feed(constraint, '{"a":77')
    assert feed(constraint, '{"a":1') == first
    end = feed(constraint, ',"é":"x"}', first)
    assert constraint.advance(end, tokens.eos) == end
    assert constraint.may_end(end) and not constraint.may_end(first)


def test_a_state_left_long_ago_is_replayed(tokens):
    constraint = compile(OBJECT, None, tokens, "object")
    early = feed(constraint, '{"a":1')
    before = constraint.mask(early).copy()
    for number in range(2, 40):
        constraint.mask(feed(constraint, f'{{"a":{number},"é":"x'))
    constraint._masks.clear()
    assert (constraint.mask(early) == before).all()
    assert constraint.read(early, b"2,").length == 2


def test_what_is_forced(tokens):
    constraint = compile(OBJECT, None, tokens, "object")
    assert constraint.forced(constraint.start) == b'{"a":'
    assert constraint.forced(feed(constraint, '{"a":1')) == b""
    assert constraint.forced(feed(constraint, '{"a":1,')) == '"é":"'.encode()
    optional = compile(None, "a(bc)?", tokens, "optional")
    assert optional.forced(feed(optional, "a")) == b""  # it may also end
    half = compile(None, "x(好|奼)", tokens, "half")
    assert half.forced(half.start) == b"x\xe5\xa5"
    inside = half.advance(feed(half, "x"), 0xE5)
    assert half.forced(inside) == b"\xa5"


def test_reading_stops_at_a_byte(tokens):
    constraint = compile(OBJECT, None, tokens, "object")
    reading = constraint.read(constraint.start, '{"a":1,"é":"z"}'.encode())
    assert (reading.length, reading.expected, reading.may_end) == (13, b"x\xe5", False)
    assert constraint.advance(feed(constraint, '{"a":1,'), tokens.bytes_of.index(b'"a"')) == NONE
    assert constraint.read(feed(constraint, '{"a":1'), b'2,"\xc3x').length == 4
    whole = constraint.read(constraint.start, '{"a":1,"é":"好"}'.encode())
    assert whole.may_end and whole.expected == b""


def test_only_our_serialisation_is_read(tokens):
    constraint = compile({"type": "object"}, None, tokens, "any")
    value = {"a": [1, {"b": None, "c": 'é\n"\\'}, []], "d": {}}
    assert accepts(constraint, json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    assert not accepts(constraint, json.dumps(value, ensure_ascii=False))


def test_additional_properties_are_as_the_schema_says(tokens):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert accepts(compile(schema, None, tokens, "open"), '{"a":1,"b":[1,2]}')
    assert not accepts(compile({**schema, "additionalProperties": False}, None, tokens, "closed"), '{"a":1,"b":2}')


@pytest.mark.parametrize("regex, reason", [("a(", "parenthesis"), ("a(?=b)", "Lookahead")])
def test_regexes_that_are_not_understood(tokens, regex, reason):
    with pytest.raises(SchemaError, match=rf"by xgrammar: Regex.*{reason}") as caught:
        compile(None, regex, tokens, "bad")
    assert "\n" not in str(caught.value)


def test_languages_without_a_text(tokens):
    with pytest.raises(SchemaError, match="no answer can match"):
        compile(None, r"[^\x00-\U0010FFFF]", tokens, "empty")
    with pytest.raises(SchemaError, match="minLength 5 is greater than maxLength 3"):
        compile({"type": "string", "minLength": 5, "maxLength": 3}, None, tokens, "empty")
