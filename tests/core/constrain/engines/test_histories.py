"""llguidance and xgrammar: different libraries behind the same interface, asked the same questions."""

import json

import pytest

from core.constrain.engines import llguidance, xgrammar
from core.constrain.engines.constraint import NONE
from core.constrain.tokens import from_tokenizer
from tests.core.constrain.engines.probes import OBJECT, SPECIAL, TABLE, accepts, allowed, check_masks, feed


@pytest.fixture(params=[llguidance, xgrammar], ids=["llguidance", "xgrammar"])
def compile(request):
    return request.param.compile


def test_masks_are_what_advance_says(compile):
    check_masks(compile(OBJECT, None, TABLE, "object"), '{"a":-120,"é":"xy"}')
    check_masks(compile(None, "ab(c|好)*", TABLE, "regex"), "abc好c")


def test_masks_over_a_real_tokenizer(compile, tokenizer):
    table = from_tokenizer(tokenizer)
    constraint = compile({"type": "array", "items": {"type": "string"}}, None, table, "list")
    state = constraint.start
    for token in tokenizer.encode('["it\'s","né好"]', add_special_tokens=False):
        brute = [t for t in range(len(table)) if constraint.advance(state, t) != NONE]
        assert allowed(constraint, state) == brute
        assert not any(not table.bytes_of[t] for t in brute)
        state = constraint.advance(state, token)
    assert allowed(constraint, state) == [table.eos]


def test_special_tokens_are_never_allowed(compile):
    constraint = compile({"type": "string"}, None, TABLE, "string")
    state = feed(constraint, '"')
    assert SPECIAL not in allowed(constraint, state)
    assert constraint.advance(state, SPECIAL) == NONE
    assert constraint.advance(state, TABLE.eos) == NONE


def test_states_are_interned(compile):
    constraint = compile(OBJECT, None, TABLE, "object")
    first = feed(constraint, '{"a":1')
    feed(constraint, '{"a":77')
    assert feed(constraint, '{"a":1') == first
    end = feed(constraint, ',"é":"x"}', first)
    assert constraint.advance(end, TABLE.eos) == end
    assert constraint.may_end(end) and not constraint.may_end(first)


def test_a_state_left_long_ago_is_replayed(compile):
    constraint = compile(OBJECT, None, TABLE, "object")
    early = feed(constraint, '{"a":1')
    before = constraint.mask(early).copy()
    for number in range(2, 40):
        constraint.mask(feed(constraint, f'{{"a":{number},"é":"x'))
    constraint._masks.clear()
    assert (constraint.mask(early) == before).all()
    assert constraint.read(early, b"2,").length == 2


def test_what_is_forced(compile):
    constraint = compile(OBJECT, None, TABLE, "object")
    assert constraint.forced(constraint.start) == b'{"a":'
    assert constraint.forced(feed(constraint, '{"a":1')) == b""
    assert constraint.forced(feed(constraint, '{"a":1,')) == '"é":"'.encode()
    optional = compile(None, "a(bc)?", TABLE, "optional")
    assert optional.forced(feed(optional, "a")) == b""  # it may also end
    half = compile(None, "x(好|奼)", TABLE, "half")
    assert half.forced(half.start) == b"x\xe5\xa5"
    inside = half.advance(feed(half, "x"), 0xE5)
    assert half.forced(inside) == b"\xa5"


def test_reading_stops_at_a_byte(compile):
    constraint = compile(OBJECT, None, TABLE, "object")
    reading = constraint.read(constraint.start, '{"a":1,"é":"z"}'.encode())
    assert (reading.length, reading.expected, reading.may_end) == (13, b"x\xe5", False)
    assert constraint.advance(feed(constraint, '{"a":1,'), TABLE.bytes_of.index(b'"a"')) == NONE
    assert constraint.read(feed(constraint, '{"a":1'), b'2,"\xc3x').length == 4
    whole = constraint.read(constraint.start, '{"a":1,"é":"好"}'.encode())
    assert whole.may_end and whole.expected == b""


def test_only_our_serialisation_is_read(compile):
    constraint = compile({"type": "object"}, None, TABLE, "any")
    value = {"a": [1, {"b": None, "c": 'é\n"\\'}, []], "d": {}}
    assert accepts(constraint, json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    assert not accepts(constraint, json.dumps(value, ensure_ascii=False))
