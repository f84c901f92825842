"""The automaton's graph: nothing overlaps, everything on the answer's way is there, and the words are right."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.constrain import compile as compiler
from core.constrain import regex, schema, template
from core.constrain.picture import picture
from core.tasks import CARS, POS
from ui.components import fsm_graph, fsm_labels
from ui.components.fsm_layout import CHARACTER, LABEL, RADIUS, Layout, layout


def pictures():
    general = [schema.from_pydantic(task.output) for task in (POS, CARS)]
    return [
        *(picture(compiler.compile(g.expression, g.name)) for g in general if g.expression is not None),
        *(picture(template.automaton(task.template(task.load(None).dev[0].input))) for task in (POS, CARS)),
    ]


def boxes(found: Layout) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of every state and label."""
    states = [(d.x - RADIUS, d.y - RADIUS, d.x + RADIUS, d.y + RADIUS) for d in found.dots]
    labels = [(n.x - n.width / 2 + 4, n.y - 11, n.x + n.width / 2 - 4, n.y + 2) for n in found.lines]
    return states + labels


def check_apart(found: Layout) -> None:
    every = sorted(boxes(found))
    for i, (_, top, right, bottom) in enumerate(every):
        for other_left, other_top, _, other_bottom in every[i + 1 :]:
            if other_left >= right - 0.01:
                break
            assert bottom <= other_top + 0.01 or other_bottom <= top + 0.01


@pytest.mark.parametrize("shown", pictures(), ids=lambda p: str(len(p.nodes)))
def test_neither_states_nor_labels_overlap(shown):
    labels = [fsm_labels.short(edge) for edge in shown.edges]
    found = layout(shown, labels)
    check_apart(found)
    assert {d.state for d in found.dots} == set(shown.nodes)
    assert len(found.lines) == len(shown.edges)
    for left, top, right, bottom in boxes(found):
        assert left >= 0 and top >= 0 and right <= found.width and bottom <= found.height
    assert all(n.width >= CHARACTER * len(label) for n, label in zip(found.lines, labels))
    assert LABEL > 13


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["a", "b*", "(c|d+)", "[0-9]+", "(xy|z)?", "(ab|ac|b)+"]), min_size=1, max_size=9))
def test_any_automaton_can_be_laid_out(parts):
    shown = picture(compiler.compile(regex.parse("".join(parts)), "test"))
    check_apart(layout(shown, [fsm_labels.short(edge) for edge in shown.edges]))


@pytest.fixture(scope="module")
def way():
    example = POS.load(None).dev[0]
    automaton = template.automaton(POS.template(example.input))
    raw = example.answer.encode()
    return fsm_graph.walk(automaton, [raw[i : i + 3] for i in range(0, len(raw), 3)])


def test_marks_follow_the_answer(way):
    drawn = fsm_graph._drawing(way.picture)
    walked: set[int] = set()
    for index, stretch in enumerate(way.stretches):
        found = fsm_graph.marks(way, way.picture, drawn.layout, index)
        assert set(found["walked_edges"]) == walked
        if stretch.begins.edge is None:
            assert found["current"] == stretch.begins.node and found["on"] is None
            assert found["open_edges"] == list(way.picture.leaving[stretch.begins.node])
        else:
            assert found["current"] is None and found["on"]["edge"] == stretch.begins.edge
            assert found["open_edges"] == [stretch.begins.edge] and 0 < found["on"]["share"] <= 1
        assert stretch.begins.node in found["near_states"]
        walked.update(stretch.edges)
    assert len(walked) == len(way.picture.edges)


def test_which_tokens_pass_a_state(way):
    for node in way.picture.nodes:
        assert way.passing(node)
    assert way.passing(way.picture.start) == [0]


def test_a_large_picture_is_shown_in_part():
    way = fsm_graph.walk(compiler.compile(regex.parse("[a-z]{0,2000}"), "test"), [b"a"] * 100)
    part = fsm_graph._shown(way, 40, None)
    assert len(part.nodes) == fsm_graph.PART < len(way.picture.nodes)
    found = fsm_graph.marks(way, part, fsm_graph._drawing(part).layout, 40)
    here = way.stretches[40].begins.node
    assert here in part.nodes and found["near_states"] and set(found["near_states"]) <= set(part.nodes)
    assert all(0 <= i < len(part.edges) for i in found["open_edges"] + found["walked_edges"])
    assert fsm_graph._left_out(way.picture, part).startswith("1,841 states further away are left out")
    far = part.nodes[-1]
    other = fsm_graph._shown(way, 40, far)  # a state at the edge was clicked: what lies behind it is shown
    assert {way.picture.edges[i].target for i in way.picture.leaving[far]} <= set(other.nodes) - set(part.nodes)
    assert here in other.nodes


def test_a_small_picture_is_shown_whole(way):
    assert fsm_graph._shown(way, 40, None) is way.picture and not fsm_graph._left_out(way.picture, way.picture)


def edge_of(pattern: str):
    return picture(compiler.compile(regex.parse(pattern), "test")).edges[0]


@pytest.mark.parametrize(
    ("pattern", "label"),
    [
        ("abc", "abc"), ("(ab|cd)", "ab | cd"), ("[a-z]", "a–z"), ("[a-z0-9]", "0–9 a–z"), ('[^"]', None),
        (" x", "·x"), ("[ab]", "a–b"),
    ],
)  # fmt: skip
def test_labels(pattern, label):
    found = fsm_labels.short(edge_of(pattern))
    assert found == label if label else found.startswith("any character but")


def test_long_labels_are_cut_and_whole_ones_are_not():
    chain, choices = (
        edge_of("a{50}b"),
        edge_of("(" + "|".join(f"{chr(97 + i % 26) * (i + 1)}" for i in range(40)) + ");"),
    )
    assert len(fsm_labels.short(chain)) <= fsm_labels.SHORT and fsm_labels.whole(chain) == "a" * 50 + "b"
    assert len(fsm_labels.short(choices)) <= fsm_labels.SHORT and "40 in all" in fsm_labels.short(choices)
    assert "n" * 40 in fsm_labels.whole(choices)


def test_how_far_along_an_edge():
    edge = edge_of("(NOUN|NUM|VERB);")
    assert fsm_labels.progress(edge, b"N") == ("N", "OUN | UM")
    assert fsm_labels.remaining(edge, b"V") == ["ERB"]
