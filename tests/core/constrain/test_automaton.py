import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.constrain import automaton, schema
from core.constrain.automaton import NONE
from core.errors import SchemaError
from core.tasks import POS


def accepts(machine, text: str) -> bool:
    state = machine.walk(text.encode(), machine.start)
    return state != NONE and bool(machine.accepting[state])


@pytest.mark.parametrize(
    ("regex", "good", "bad"),
    [
        ("yes|yesterday", ["yes", "yesterday"], ["yest", ""]),
        (r"[0-9]+(\.[0-9]+)?", ["1", "12.5"], ["12.", ".5"]),
        ("好|Ł+", ["好", "ŁŁ"], ["L", "好好"]),
        ("a*", ["", "aaa"], ["b"]),
    ],
)
def test_regex(regex, good, bad):
    machine = automaton.from_schema(schema.from_regex(regex))
    assert [accepts(machine, text) for text in good] == [True] * len(good)
    assert [accepts(machine, text) for text in bad] == [False] * len(bad)


@pytest.mark.parametrize("regex", ["(", "[z-a]", "a{5,2}"])
def test_invalid_regex(regex):
    with pytest.raises(SchemaError, match="cannot be compiled"):
        automaton.from_schema(schema.from_regex(regex))


def test_too_large(monkeypatch):
    monkeypatch.setattr(automaton, "MAX_STATES", 20)
    with pytest.raises(SchemaError, match="the limit is 20"):
        automaton.from_schema(schema.from_regex("[a-z]{30}"))


@given(
    st.lists(
        st.one_of(st.text(min_size=1, max_size=4), st.lists(st.text(min_size=1, max_size=4), min_size=1)), min_size=1
    )
)
def test_template_accepts_every_spelling_and_nothing_shorter(pieces):
    """Literals between choices keep a template unambiguous."""
    template = tuple(part for piece in pieces for part in (tuple(piece) if isinstance(piece, list) else piece, "\x00|"))
    if any("\x00" in choice for piece in pieces for choice in piece):
        return
    machine = automaton.from_template(template)
    text = "".join(part if isinstance(part, str) else part[-1] for part in template)
    assert accepts(machine, text)
    assert not accepts(machine, text[:-1])
    assert not accepts(machine, text + "x")


def test_template_choices_that_begin_alike():
    machine = automaton.from_template(("[", ("ab", "a", "abc"), "]"))
    assert all(accepts(machine, f"[{t}]") for t in ("a", "ab", "abc"))
    assert not accepts(machine, "[abcd]")
    last = automaton.from_template((("a", "ab"),))
    assert accepts(last, "a") and accepts(last, "ab")


def test_ambiguous_template_is_refused():
    with pytest.raises(SchemaError, match="ambiguous"):
        automaton.from_template((("a", "ab"), "bc"))
    with pytest.raises(SchemaError, match="empty choice"):
        automaton.from_template(("a", ()))


def test_template_is_the_same_language_as_its_regex():
    words = "She runs"
    machine = automaton.from_template(POS.template(words))
    tags = "(" + "|".join(POS.template(words)[1]) + ")"
    regex = r'\{"tokens":\[\{"text":"She","pos":"' + tags + r'"\},\{"text":"runs","pos":"' + tags + r'"\}\]\}'
    other = automaton.from_schema(schema.from_regex(regex))
    pairs, seen = [(machine.start, other.start)], set()
    for a, b in pairs:
        assert machine.accepting[a] == other.accepting[b]
        assert machine.allowed_bytes(a) == other.allowed_bytes(b)
        for byte in machine.allowed_bytes(a):
            pair = (int(machine.next_state[a, byte]), int(other.next_state[b, byte]))
            if pair not in seen:
                seen.add(pair)
                pairs.append(pair)


def test_forced_and_refused():
    machine = automaton.from_template(("ab", ("x", "y"), "!"))
    text, state = machine.forced(machine.start)
    assert text == b"ab" and machine.allowed_bytes(state) == b"xy"
    assert machine.refused_at(b"abz", machine.start) == 2
    assert machine.refused_at(b"abx!", machine.start) is None
