import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.constrain import regex
from core.constrain.compile import compile
from core.constrain.expression import Listed, Text, Then
from core.errors import SchemaError

TEXTS = [
    "", "a", "ab", "abc", "aab", "yes", "yesterday", "yest", "12", "12.5", "12.", "x-1", "_", " ", "\n", "好", "Ł",
    "a\nb", "A", "]", "\\", "٣",
]  # fmt: skip
REGEXES = [
    "yes|yesterday", r"[0-9]+(\.[0-9]+)?", "a*b+?c?", "(a|b){2,3}", "[^a]", r"\d{2}", r"\w+", r"\s", r"\D\S\W?", ".",
    ".*", "a.b", "好|Ł", "[好-龥]", r"[\]\\]", "(?:ab)*", "(?P<n>a)b", r"\x61\u0142?", r"[\w-]+", "^ab$", r"\Aab\Z",
    "^(a|ab)$", "a|^b$", "[^\\n]+", "a{0}", "(a*)*b",
]  # fmt: skip


@pytest.mark.parametrize("text", REGEXES)
def test_means_what_pythons_re_means(text):
    machine = compile(regex.parse(text), text)
    assert [machine.matches(t) for t in TEXTS] == [bool(re.fullmatch(text, t, re.ASCII)) for t in TEXTS]


@pytest.mark.parametrize("text", ["a", "^a", "b$", "^ab$", "^a|b$", "(^a|b$)", "a.c", "^[0-9]+", "$", "^"])
def test_search_finds_a_part(text):
    machine = compile(regex.parse(text, search=True), text)
    texts = [t for t in TEXTS if not t.endswith("\n")]  # Python's $ also stands before a last new line
    assert [machine.matches(t) for t in texts] == [bool(re.search(text, t, re.ASCII)) for t in texts]


@pytest.mark.parametrize("text", [t for t in REGEXES if t != "a{0}"])
def test_rendered_and_read_again_it_is_the_same(text):
    found = regex.parse(text)
    again = regex.render(found).replace("\\x{", "\\U{")
    again = re.sub(r"\\U\{([0-9A-F]+)\}", lambda m: f"\\U{int(m[1], 16):08x}", again)
    one, other = compile(found, "one"), compile(regex.parse(again), "other")
    assert np.array_equal(one.next_state, other.next_state)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("(", "not valid at character 1"),
        ("[z-a]", "not valid at character 2"),
        ("a{5,2}", "min repeat greater than max"),
        (r"(a)\1", "a back reference"),
        ("(?=a)b", "look-around"),
        ("(?<!a)b", "look-around"),
        (r"\bword", "an anchor in the middle"),
        ("a^b", "an anchor in the middle"),
        ("(?i)a", "sets a flag"),
        ("(?i:a)", "sets a flag"),
        ("a++", "possessive"),
        ("(?>a|ab)", "atomic"),
        (r"\p{L}", "bad escape"),
        ("\\ud800", "half a surrogate"),
        ("[\\ud800-\\udfff]", "half a surrogate"),
        ("[^\\ud800]", "half a surrogate"),
        ("[[:alpha:]]", "is ambiguous"),
        ("[a--b]", "is ambiguous"),
        ("[a&&b]", "is ambiguous"),
        ("[a~~b]", "is ambiguous"),
        ("a" * 30_000, "the limit is 20,000"),
        ("(" * 3000 + ")" * 3000, "too large|nested"),
        ("a{99999999999}", "too large"),
    ],
)
def test_refused_by_name(text, message):
    with pytest.raises(SchemaError, match=message):
        regex.parse(text)


@given(st.text("ab()[]|*+?{},1\\^$.-d", max_size=12))
def test_any_text_gives_an_expression_or_a_clear_error(text):
    try:
        found = regex.parse(text)
    except SchemaError:
        return
    try:
        machine = compile(found, text)
    except SchemaError as error:
        assert "matches no text" in str(error)
        return
    for sample in ("", "a", "ab", "1", "bb"):
        assert machine.matches(sample) == bool(re.fullmatch(text, sample, re.ASCII))


def test_white_space_is_that_of_ecma():
    spaces = "\t\n\v\f\r \u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
    white, black = (compile(regex.parse(text), text) for text in (r"\s", r"\S"))
    for character in [*spaces, "a", "\x1c", "\x85", "\u180e", "\u200b"]:
        assert white.matches(character) == (character in spaces) != black.matches(character)


def test_an_empty_pattern_finds_anything():
    assert compile(regex.parse("", search=True), "any").matches("x\n")


def test_what_would_be_endless_is_not_rendered():
    found = Then((Text("ab"), Text("c")))
    for _ in range(40):
        found = Then((found, found))
    with pytest.raises(SchemaError, match="more than 1,000,000 characters"):
        regex.render(found)
    with pytest.raises(SchemaError, match="more than 1,000,000 characters"):
        regex.render(Listed(tuple((Text("a" * 2000), False) for _ in range(400)), ","))
