import numpy as np
import pytest

from core.constrain.engines.constraint import NONE
from core.constrain.engines.outlines import compile
from core.constrain.tokens import TokenTable, from_tokenizer
from core.errors import SchemaError

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


OBJECT = r'\{"a":-?[0-9]+,"é":"(x|xy|好)"\}'


def test_masks_are_what_advance_says(tokens):
    check_masks(compile(None, OBJECT, tokens, "object"), '{"a":-120,"é":"xy"}')
    check_masks(compile(None, "ab(c|好)*", tokens, "regex"), "abc好c")


def test_masks_over_a_real_tokenizer(tokenizer):
    table = from_tokenizer(tokenizer)
    constraint = compile(None, r'\["[^"]*"\]', table, "list")
    state = constraint.start
    for token in tokenizer.encode('["it\'s né好"]', add_special_tokens=False):
        brute = [t for t in range(len(table)) if constraint.advance(state, t) != NONE]
        assert allowed(constraint, state) == brute
        assert all(table.bytes_of[t] for t in brute)
        state = constraint.advance(state, token)
    assert allowed(constraint, state) == [table.eos]


def test_special_tokens_and_the_end_byte_are_never_allowed(tokens):
    constraint = compile(None, "(?s:.)*", tokens, "anything")
    assert constraint.may_end(constraint.start)
    for token in (0, SPECIAL, tokens.bytes_of.index(b"a\x00")):
        assert token not in allowed(constraint, constraint.start)
        assert constraint.advance(constraint.start, token) == NONE
    assert constraint.advance(constraint.start, tokens.eos) == constraint.start


def test_an_answer_that_goes_on_after_it_could_end(tokens):
    number = compile(None, r"[0-9]+(\.[0-9]+)?", tokens, "number")
    assert accepts(number, "12") and accepts(number, "12.5") and not accepts(number, "12.")
    word = compile(None, "yes|yesterday", tokens, "word")
    assert accepts(word, "yes") and accepts(word, "yesterday")


def test_reading_stops_at_a_byte(tokens):
    constraint = compile(None, OBJECT, tokens, "object")
    reading = constraint.read(constraint.start, '{"a":1,"é":"z"}'.encode())
    assert (reading.length, reading.expected, reading.may_end) == (13, b"x\xe5", False)
    state = constraint.advance(constraint.start, tokens.bytes_of.index(b'{"'))
    assert constraint.read(state, b'a":7;').length == 4
    whole = constraint.read(constraint.start, '{"a":1,"é":"好"}'.encode())
    assert whole.may_end and whole.expected == b""


def test_the_end_byte_is_not_part_of_an_answer(tokens):
    constraint = compile(None, "a[^b]*c", tokens, "wide")
    assert not constraint.may_end(feed(constraint, "a"))
    assert accepts(constraint, "axc") and not accepts(constraint, "ax")
    assert constraint.read(constraint.start, b"a\x00").length == 1


def test_both_indices_name_states_alike(tokens):
    constraint = compile(None, OBJECT, tokens, "object")
    over_bytes = constraint._bytes.get_transitions()
    for state, row in constraint._index.get_transitions().items():
        for token, target in row.items():
            if token < 256:
                assert over_bytes[state][token] == target


def test_what_it_refuses(tokens):
    with pytest.raises(SchemaError, match="not JSON Schemas"):
        compile({"type": "string"}, None, tokens, "schema")
    with pytest.raises(SchemaError, match="cannot be compiled by outlines"):
        compile(None, "a(", tokens, "bad")
    with pytest.raises(SchemaError, match="cannot be compiled by outlines"):
        compile(None, r"[^\x00-\U0010FFFF]", tokens, "empty")
