"""The picture of an automaton means what the automaton means, and shows every one of its states."""

import re
from random import Random
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.constrain import compile as compiler
from core.constrain import regex, schema, template
from core.constrain.automaton import Automaton
from core.constrain.picture import Picture, around, picture
from core.constrain.trail import trail
from core.errors import SchemaError
from core.tasks import CARS, POS

WORDS = st.lists(st.text("abé", min_size=1, max_size=4), min_size=1, max_size=6, unique=True)


def of_regex(text: str) -> Automaton:
    return compiler.compile(regex.parse(text), "test")


def automata() -> list[Automaton]:
    general = [schema.from_pydantic(task.output) for task in (POS, CARS)]
    return [
        *(compiler.compile(g.expression, g.name) for g in general if g.expression is not None),
        *(template.automaton(task.template(task.load(None).dev[0].input)) for task in (POS, CARS)),
        of_regex("[0-9]{4}-(0[1-9]|1[0-2])"),
        of_regex("(a|é|日|😀)+x?"),
    ]


def read(found: Picture, text: str) -> bool:
    """Whether the picture's edges spell a text: each edge a text or a character, the last one at an end."""
    at = {(found.start, 0)}
    seen = set(at)
    while at:
        node, offset = at.pop()
        if offset == len(text) and node in found.accepting:
            return True
        for place in found.leaving[node]:
            edge = found.edges[place]
            lengths = [len(t) for t in edge.texts if text.startswith(t, offset)]
            if offset < len(text) and any(low <= ord(text[offset]) <= high for low, high in edge.ranges):
                lengths.append(1)
            fresh = {(edge.target, offset + length) for length in lengths} - seen
            at |= fresh
            seen |= fresh
    return False


@pytest.mark.parametrize("automaton", automata(), ids=lambda a: f"{a.name}-{len(a)}")
def test_every_state_is_a_node_or_lies_on_an_edge(automaton):
    found = picture(automaton)
    held = set().union(*(edge.through for edge in found.edges))
    assert set(found.nodes) | held == set(range(len(automaton)))
    assert not set(found.nodes) & held
    assert found.accepting == {s for s in range(len(automaton)) if automaton.accepting[s]}
    pairs = [(e.source, e.target) for e in found.edges]
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize("automaton", automata(), ids=lambda a: f"{a.name}-{len(a)}")
def test_the_texts_of_an_edge_are_the_bytes_that_the_automaton_reads(automaton):
    for edge in picture(automaton).edges:
        characters = [chr(c) for low, high in edge.ranges for c in {low, high}]
        for text in (*edge.texts, *characters):
            assert automaton.walk(text.encode(), edge.source) == edge.target


@settings(max_examples=60)
@given(WORDS, st.text("abé", max_size=8))
def test_it_means_what_the_automaton_means(words, text):
    automaton = of_regex("(" + "|".join(map(re.escape, words)) + ")(;a*)?")
    found = picture(automaton)
    assert read(found, text) == automaton.matches(text)
    assert read(found, words[0]) and read(found, words[-1] + ";aa")


def test_a_list_is_one_edge_and_so_is_a_chain():
    found = picture(of_regex('\\{"pos":"(NOUN|NUM|VERB)"\\}'))
    assert [e.texts for e in found.edges] == [('{"pos":"',), ("NOUN", "NUM", "VERB"), ('"}',)]
    assert len(found.nodes) == 4


def test_parallel_ways_are_one_edge_beside_a_loop():
    found = picture(of_regex("<([^>!]|!>)*>"))
    loop = next(e for e in found.edges if e.source == e.target)
    assert loop.texts == ("!>",) and loop.ranges and loop.only is None


def test_classes_hold_whole_characters():
    (edge,) = picture(of_regex("[α-ω]")).edges
    assert edge.ranges == ((ord("α"), ord("ω")),)
    assert edge.through  # the state between the two bytes


def test_a_part_has_the_nearest_nodes_and_the_edges_between_them():
    whole = picture(template.automaton(POS.template(POS.load(None).dev[0].input)))
    part = around(whole, [whole.nodes[10]], 5)
    assert len(part.nodes) == 5 and whole.nodes[10] in part.nodes
    assert set(part.edges) <= set(whole.edges) and part.edges
    assert all({e.source, e.target} <= set(part.nodes) for e in part.edges)


@settings(max_examples=40)
@given(st.integers(0, 9), st.lists(st.integers(1, 9), min_size=1, max_size=60))
def test_a_trail_stands_where_the_automaton_stands(number, cuts):
    example = POS.load(None).dev[number]
    automaton = template.automaton(POS.template(example.input))
    found = picture(automaton)
    raw, tokens = example.answer.encode(), []
    while raw:
        cut = cuts[len(tokens) % len(cuts)]
        tokens.append(raw[:cut])
        raw = raw[cut:]
    way = trail(automaton, found, tokens)
    written = b""
    for stretch, token in zip(way, [*tokens, b""], strict=True):
        place = stretch.begins
        assert place.state == automaton.walk(written, automaton.start)
        if place.edge is None:
            assert place.node == place.state and not place.written
        else:
            edge = found.edges[place.edge]
            assert place.state in edge.through and edge.source == place.node
            assert any(text.encode().startswith(place.written) for text in edge.texts) and place.written
        written += token
    assert way[-1].begins.state in found.accepting
    _check_joined(found, way)


def _check_joined(found: Picture, way) -> None:
    edges = [found.edges[i] for stretch in way for i in stretch.edges]
    for one, other in zip(edges, edges[1:]):
        assert one.target == other.source


def test_a_trail_that_leaves_the_automaton_is_refused():
    automaton = of_regex("abc")
    with pytest.raises(SchemaError, match="after 1"):
        trail(automaton, picture(automaton), [b"ab", b"x"])


def test_a_trail_may_stop_within_a_character():
    automaton = of_regex("[α-ω]+")
    way = trail(automaton, picture(automaton), ["β".encode()[:1], "β".encode()[1:]])
    assert way[1].begins.edge is not None and way[1].begins.written == "β".encode()[:1]
    assert way[2].begins.edge is None


def test_a_long_list_takes_time_in_proportion():
    """Of six thousand words; it was quadratic."""
    random = Random(1)
    words = ["".join(random.choices("abcdefghijklmnop", k=8)) for _ in range(6000)]
    automaton = template.automaton((tuple(words),))
    began = process_time()
    picture(automaton)
    assert process_time() - began < 3
