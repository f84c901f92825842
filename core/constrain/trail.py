"""An answer's way through the picture of its automaton: which edges its tokens passed and where each one begins."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.constrain.automaton import NONE, Automaton
from core.constrain.picture import Picture
from core.errors import SchemaError


@dataclass(frozen=True)
class Place:
    """Where an answer stands: at `node`, or on `edge` (a place in `Picture.edges`) behind it with `written` of the
    edge's text. `state` is the automaton's own; `written` is bytes, because a token may end within a character."""

    state: int
    node: int
    edge: int | None = None
    written: bytes = b""


@dataclass(frozen=True)
class Stretch:
    """One token: where it begins, the edges that it finished, and the nodes that it came to."""

    begins: Place
    edges: tuple[int, ...]
    nodes: tuple[int, ...]


def trail(automaton: Automaton, picture: Picture, tokens: Sequence[bytes]) -> list[Stretch]:
    """One stretch a token, and a last one without edges for where the answer ends. Raises SchemaError where the
    tokens leave the automaton."""
    found: list[Stretch] = []
    place = Place(picture.start, picture.start)
    for token in tokens:
        begins, edges, nodes = place, [], []
        for byte in token:
            state = int(automaton.next_state[place.state, byte])
            if state == NONE:
                raise SchemaError(f"the tokens leave the schema {automaton.name!r} after {len(found)} of them.")
            if state in picture.leaving:
                edges.append(_edge_to(picture, place.node, state))
                nodes.append(state)
                place = Place(state, state)
            else:
                place = Place(state, place.node, _edge_over(picture, place.node, state), place.written + bytes([byte]))
        found.append(Stretch(begins, tuple(edges), tuple(nodes)))
    return [*found, Stretch(place, (), ())]


def _edge_to(picture: Picture, node: int, target: int) -> int:
    return next(place for place in picture.leaving[node] if picture.edges[place].target == target)


def _edge_over(picture: Picture, node: int, state: int) -> int:
    return next(place for place in picture.leaving[node] if state in picture.edges[place].through)
