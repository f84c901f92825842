"""The graph of an automaton: its states and edges, and an answer's way through them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from core.constrain.automaton import Automaton
from core.constrain.picture import Picture, around, picture
from core.constrain.trail import Place, Stretch, trail
from ui.components import fsm_labels
from ui.components.component import component, news, signature, turn
from ui.components.fsm_layout import Layout, layout

# On two busy cores 900 states and edges took a second to be laid out, once, and 70 ms a move in the browser; 1,500
# took 300 ms a move. A part is laid out at each step.
LARGEST = 900  # states and edges of a picture that is drawn as a whole
PART = 160  # states that are drawn of a larger one
BEFORE = 3  # states of the way so far that count as near

_component = component(
    "fsm_graph",
    """
    <div class="frame"><svg tabindex="0" role="group"></svg></div>
    <div class="key"></div>
    <div class="tools"></div>
    <div class="card" popover="manual" role="tooltip"></div>
    """,
)
_pictures: WeakKeyDictionary[Automaton, Picture] = WeakKeyDictionary()
_drawings: WeakKeyDictionary[Picture, "Drawing"] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture as the browser draws it."""

    layout: Layout
    signature: str
    states: list[dict[str, Any]]
    edges: list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Walk:
    """An answer's way through the picture of its automaton, a stretch a token."""

    automaton: Automaton
    picture: Picture
    stretches: Sequence[Stretch]

    def passing(self, state: int) -> list[int]:
        """The tokens that begin in a state, or, if none does, those that come past it."""
        begin = [i for i, s in enumerate(self.stretches[:-1]) if s.begins.state == state]
        return begin or [i for i, s in enumerate(self.stretches) if state in s.nodes]


def walk(automaton: Automaton, tokens: Sequence[bytes]) -> Walk:
    """Raises SchemaError where the tokens leave the automaton."""
    if automaton not in _pictures:
        _pictures[automaton] = picture(automaton)
    found = _pictures[automaton]
    return Walk(automaton, found, trail(automaton, found, tokens))


def fsm_graph(way: Walk, index: int, *, key: str, picked: int | None, on_pick: Callable[[], None]) -> None:
    """Shows where the answer stands before token `index`. A click on a state is kept as `picked_state` and `on_pick`
    is called; `picked` is drawn with a mark."""
    shown = _shown(way, index, picked)
    drawing = _drawing(shown)
    marked = marks(way, shown, drawing.layout, index)
    data = {
        "signature": drawing.signature,
        "width": drawing.layout.width,
        "height": drawing.layout.height,
        "states": drawing.states,
        "edges": drawing.edges,
        "picked": picked,
        "turn": turn(key),
        "note": _left_out(way.picture, shown),
        **marked,
        "look": _dot(drawing.layout, picked) if shown is not way.picture and picked is not None else marked["focus"],
    }
    _component(key=key, data=data, on_pick_change=on_pick)


def _shown(way: Walk, index: int, picked: int | None) -> Picture:
    """The whole picture, or of a large one what is nearest to a state that was clicked and to the answer."""
    if len(way.picture.nodes) + len(way.picture.edges) <= LARGEST:
        return way.picture
    return _part(way.picture, (*([] if picked is None else [picked]), *_recent(way, index)))


@lru_cache(maxsize=4)  # what is shaded may change while the step stays
def _part(whole: Picture, nodes: tuple[int, ...]) -> Picture:
    return around(whole, nodes, PART)


def _left_out(whole: Picture, shown: Picture) -> str:
    missing = len(whole.nodes) - len(shown.nodes)
    return f"{missing:,} states further away are left out: walk on, or click a state, to see more" if missing else ""


def picked_state(key: str) -> int | None:
    """For `on_pick`: the state that was clicked, if that is news."""
    state = news(key, "pick").get("state")
    return state if isinstance(state, int) else None


def marks(way: Walk, shown: Picture, drawn: Layout, index: int) -> dict[str, Any]:
    """What is walked, open, near and current before token `index`, in places of the shown picture."""
    place = way.stretches[index].begins
    number = {id(edge): i for i, edge in enumerate(shown.edges)}
    numbers = lambda places: [n for p in places if (n := number.get(id(way.picture.edges[p]))) is not None]
    walked = [edge for s in way.stretches[:index] for edge in s.edges]
    nodes = [way.picture.start, *(node for s in way.stretches[:index] for node in s.nodes)]
    leaving = way.picture.leaving[place.node]
    open_ = [place.edge] if place.edge is not None else leaving
    on_the_way = [edge for s in way.stretches[index : index + 2] for edge in s.edges]
    near = {*nodes[-BEFORE:], place.node, *(way.picture.edges[e].target for e in (*leaving, *on_the_way))}
    near_edges = {*walked[-BEFORE:], *leaving, *on_the_way}
    on = None if place.edge is None else _on(way.picture, place, numbers([place.edge]))
    return {
        "walked_states": sorted(set(nodes)),
        "walked_edges": sorted(set(numbers(walked))),
        "open_edges": numbers(open_),
        "near_states": sorted(near),
        "near_edges": sorted(numbers(near_edges)),
        "current": place.node if place.edge is None else None,
        "on": on,
        "focus": _focus(place, drawn, on),
        "description": "Automaton. " + fsm_labels.standing(way.picture, place),
    }


def _on(whole: Picture, place: Place, edge: list[int]) -> dict[str, Any] | None:
    """How far along an edge the answer stands, if the edge is shown."""
    if not edge or place.edge is None:
        return None
    done, rest = fsm_labels.progress(whole.edges[place.edge], place.written)
    length = len(done) + len(rest)
    return {"edge": edge[0], "done": done, "rest": rest, "share": len(done) / max(1, length)}


def _focus(place: Place, drawn: Layout, on: dict[str, Any] | None) -> tuple[float, float]:
    if on is not None:
        line = drawn.lines[on["edge"]]
        return line.x, line.y
    return _dot(drawn, place.node)


def _dot(drawn: Layout, state: int) -> tuple[float, float]:
    return next(((dot.x, dot.y) for dot in drawn.dots if dot.state == state), (0.0, 0.0))


def _recent(way: Walk, index: int) -> list[int]:
    """The nodes that the answer came to last and will come to next, the nearest first."""
    place = way.stretches[index].begins
    before = [node for s in way.stretches[max(0, index - 20) : index] for node in s.nodes]
    after = [node for s in way.stretches[index : index + 10] for node in s.nodes]
    return [place.node, *after[:5], *before[::-1][:10]]


def _drawing(shown: Picture) -> Drawing:
    if shown not in _drawings:
        labels = [fsm_labels.short(edge) for edge in shown.edges]
        found = layout(shown, labels)
        states = [_state(shown, dot.state, dot.x, dot.y) for dot in found.dots]
        edges = [
            {
                "source": edge.source,
                "target": edge.target,
                "label": label,
                "whole": fsm_labels.whole(edge),
                "path": line.path,
                "tip": line.tip,
                "x": line.x,
                "y": line.y,
                "width": line.width,
            }
            for edge, label, line in zip(shown.edges, labels, found.lines, strict=True)
        ]
        _drawings[shown] = Drawing(found, signature([states, edges]), states, edges)
    return _drawings[shown]


def _state(shown: Picture, state: int, x: float, y: float) -> dict[str, Any]:
    accepting = state in shown.accepting
    follows = "; ".join(fsm_labels.may_follow(shown, Place(state, state)))
    return {
        "id": state,
        "x": round(x, 1),
        "y": round(y, 1),
        "accepting": accepting,
        "label": f"State {state}. May follow: {follows or 'nothing'}",
    }
