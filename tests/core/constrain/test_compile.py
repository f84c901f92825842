import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.constrain.compile import Limits, TooLarge, compile
from core.constrain.expression import (
    ANY,
    Both,
    Chars,
    Either,
    Field,
    Listed,
    Repeat,
    Text,
    Then,
    Without,
    chars,
    either,
    none_of,
    then,
)
from core.errors import SchemaError

ALPHABET = "abŁ好😀"


def ends(expression, text, begin):
    """Where a match that starts at `begin` may end: the meaning of expressions, written down once more."""
    match expression:
        case Text(t):
            return {begin + len(t)} if text.startswith(t, begin) else set()
        case Chars(ranges):
            fits = begin < len(text) and any(low <= ord(text[begin]) <= high for low, high in ranges)
            return {begin + 1} if fits else set()
        case Then(parts):
            found = {begin}
            for part in parts:
                found = {e for b in found for e in ends(part, text, b)}
            return found
        case Either(options):
            return {e for option in options for e in ends(option, text, begin)}
        case Repeat(body, least, most, separator):
            found, last, count = ({begin} if least == 0 else set()), {begin}, 0
            while last and (most is None or count < most) and count <= len(text) + least:
                if count:
                    last = {e for b in last for e in ends(Text(separator), text, b)}
                last = {e for b in last for e in ends(body, text, b)}
                count += 1
                found |= last if count >= least else set()
            return found
        case Listed(parts, separator):
            states = {(begin, False)}
            for part, required in parts:
                new = set() if required else set(states)
                for b, written in states:
                    starts = ends(Text(separator), text, b) if written else {b}
                    new |= {(e, True) for s in starts for e in ends(part, text, s)}
                states = new
            return {e for e, _ in states}
        case Field(_, body):
            return ends(body, text, begin)
        case Both(left, right):
            return ends(left, text, begin) & ends(right, text, begin)
        case Without(left, right):
            return ends(left, text, begin) - ends(right, text, begin)


leaves = st.one_of(
    st.text(ALPHABET, max_size=2).map(Text),
    st.sets(st.sampled_from(ALPHABET), min_size=1).map(lambda s: chars(*((ord(c), ord(c)) for c in s))),
    st.sampled_from([ANY, none_of(((ord("a"), ord("a")),)), chars((0x80, 0xFFFF))]),
)


def bigger(children):
    counts = st.tuples(st.integers(0, 2), st.none() | st.integers(0, 2))
    return st.one_of(
        st.lists(children, max_size=3).map(lambda c: Then(tuple(c))),
        st.lists(children, max_size=3).map(lambda c: Either(tuple(c))),
        st.builds(
            lambda b, c, s: Repeat(b, c[0], None if c[1] is None else c[0] + c[1], s),
            children, counts, st.sampled_from(["", "a"]),
        ),
        st.builds(
            lambda parts, s: Listed(tuple(parts), s),
            st.lists(st.tuples(children, st.booleans()), max_size=3), st.sampled_from(["b", "ab"]),
        ),
        st.builds(Both, children, children),
        st.builds(Without, children, children),
        st.builds(Field, st.just("f"), children),
    )  # fmt: skip


expressions = st.recursive(leaves, bigger, max_leaves=6)


@settings(max_examples=300)
@given(expressions, st.lists(st.text(ALPHABET, max_size=5), min_size=1, max_size=8))
def test_the_automaton_matches_what_the_expression_means(expression, texts):
    meaning = {text: len(text) in ends(expression, text, 0) for text in texts}
    try:
        machine = compile(expression, "x")
    except SchemaError:
        assert not any(meaning.values())
        return
    assert {text: machine.matches(text) for text in texts} == meaning


def test_states_know_their_part():
    items = Repeat(Field("b", Field("[]", Text("x"))), separator=",")
    machine = compile(then('{"a":', Field("a", either("1", "2")), ',"b":[', items, "]}"), "x")
    assert machine.parts[machine.start] == ""
    assert machine.parts[machine.walk(b'{"a":', machine.start)] == "a"
    assert machine.parts[machine.walk(b'{"a":1,"b":[x,', machine.start)] == "b[]"


def test_what_is_too_large_is_refused_within_the_limits():
    with pytest.raises(TooLarge, match="more than 100 states"):
        compile(Repeat(ANY, 0, 500), "long", Limits(states=100))
    blow_up = then(Repeat(ANY), "a", Repeat(ANY, 40, 40))  # 2^40 subsets
    with pytest.raises(TooLarge, match=r"takes more than 0\.2 s|more than 50,000 states"):
        compile(blow_up, "subsets", Limits(seconds=0.2))
    nested = Text("a")
    for _ in range(5000):
        nested = Then((nested,))
    with pytest.raises(TooLarge, match="nested"):
        compile(nested, "deep")


def test_an_empty_language_is_refused():
    for empty in (Either(()), then("a", Either(())), Both(Text("a"), Text("b")), Without(Text("a"), Repeat(ANY))):
        with pytest.raises(SchemaError, match="matches no text"):
            compile(empty, "nothing")


def test_equal_languages_give_equal_tables():
    one, other = compile(either("ab", "ac"), "x"), compile(then("a", either("c", "b")), "y")
    assert np.array_equal(one.next_state, other.next_state) and np.array_equal(one.accepting, other.accepting)


@pytest.mark.parametrize("nothing", [Text(""), Then(()), Repeat(Text("a"), 0, 0), Repeat(Text(""), 0, 5)])
def test_any_number_of_nothing_is_nothing(nothing):
    machine = compile(then("x", Repeat(nothing, 4_000_000_000, None)), "x")
    assert machine.matches("x") and len(machine) == 2


def test_the_clock_is_read_whatever_takes_the_time():
    began = time.perf_counter()
    with pytest.raises(TooLarge, match="takes more than"):
        compile(Repeat(Repeat(Text("a"), 0, 1), 3000, 3000), "optionals", Limits(seconds=0.3))
    assert time.perf_counter() - began < 3
