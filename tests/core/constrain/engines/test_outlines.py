import pytest

from core.constrain.engines.constraint import NONE
from core.constrain.engines.outlines import OutlinesConstraint
from core.constrain.tokens import from_tokenizer
from core.errors import SchemaError
from tests.core.constrain.engines.probes import SPECIAL, TABLE, accepts, allowed, check_masks, feed

OBJECT = r'\{"a":-?[0-9]+,"é":"(x|xy|好)"\}'


def test_masks_are_what_advance_says():
    check_masks(OutlinesConstraint(OBJECT, TABLE, "object"), '{"a":-120,"é":"xy"}')
    check_masks(OutlinesConstraint("ab(c|好)*", TABLE, "regex"), "abc好c")


def test_masks_over_a_real_tokenizer(tokenizer):
    table = from_tokenizer(tokenizer)
    constraint = OutlinesConstraint(r'\["[^"]*"\]', table, "list")
    state = constraint.start
    for token in tokenizer.encode('["it\'s né好"]', add_special_tokens=False):
        brute = [t for t in range(len(table)) if constraint.advance(state, t) != NONE]
        assert allowed(constraint, state) == brute
        assert all(table.bytes_of[t] for t in brute)
        state = constraint.advance(state, token)
    assert allowed(constraint, state) == [table.eos]


def test_special_tokens_and_the_end_byte_are_never_allowed():
    constraint = OutlinesConstraint("(?s:.)*", TABLE, "anything")
    assert constraint.may_end(constraint.start)
    for token in (0, SPECIAL, TABLE.bytes_of.index(b"a\x00")):
        assert token not in allowed(constraint, constraint.start)
        assert constraint.advance(constraint.start, token) == NONE
    assert constraint.advance(constraint.start, TABLE.eos) == constraint.start


def test_an_answer_that_goes_on_after_it_could_end():
    number = OutlinesConstraint(r"[0-9]+(\.[0-9]+)?", TABLE, "number")
    assert accepts(number, "12") and accepts(number, "12.5") and not accepts(number, "12.")
    word = OutlinesConstraint("yes|yesterday", TABLE, "word")
    assert accepts(word, "yes") and accepts(word, "yesterday")


def test_reading_stops_at_a_byte():
    constraint = OutlinesConstraint(OBJECT, TABLE, "object")
    reading = constraint.read(constraint.start, '{"a":1,"é":"z"}'.encode())
    assert (reading.length, reading.expected, reading.may_end) == (13, b"x\xe5", False)
    state = constraint.advance(constraint.start, TABLE.bytes_of.index(b'{"'))
    assert constraint.read(state, b'a":7;').length == 4
    whole = constraint.read(constraint.start, '{"a":1,"é":"好"}'.encode())
    assert whole.may_end and whole.expected == b""


def test_the_end_byte_is_not_part_of_an_answer():
    constraint = OutlinesConstraint("a[^b]*c", TABLE, "wide")
    assert not constraint.may_end(feed(constraint, "a"))
    assert accepts(constraint, "axc") and not accepts(constraint, "ax")
    assert constraint.read(constraint.start, b"a\x00").length == 1


def test_both_indices_name_states_alike():
    constraint = OutlinesConstraint(OBJECT, TABLE, "object")
    over_bytes = constraint._bytes.get_transitions()
    for state, row in constraint._index.get_transitions().items():
        for token, target in row.items():
            if token < 256:
                assert over_bytes[state][token] == target


def test_what_it_refuses():
    with pytest.raises(SchemaError, match="cannot be compiled by outlines"):
        OutlinesConstraint("a(", TABLE, "bad")
    with pytest.raises(SchemaError, match="cannot be compiled by outlines"):
        OutlinesConstraint(r"[^\x00-\U0010FFFF]", TABLE, "empty")
