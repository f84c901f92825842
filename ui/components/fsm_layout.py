"""Where the states and edges of an automaton's picture are drawn: layers from left to right, wrapped like text.

Sugiyama's method (Sugiyama, Tagawa and Toda, 1981): every edge has a place of its own in each layer that it crosses,
its label in one between two layers of states, so that labels never lie on each other.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.constrain.picture import Edge, Picture

RADIUS = 15.0
CHARACTER = 6.7  # width of one in a label
LABEL = 24.0  # height of a label above its line
GAP = 14.0
WRAP = 1100.0  # a row longer than this goes on in the next one
LOOP = 34.0  # height of a loop above its state
SWEEPS = 6


@dataclass(frozen=True)
class Dot:
    """A state and its centre."""

    state: int
    x: float
    y: float


@dataclass(frozen=True)
class Line:
    """An edge: an SVG path with its arrow's tip (x, y, and the side it points to), and its label's box."""

    path: str
    tip: tuple[float, float, str]
    x: float  # centre of the label
    y: float  # its base line
    width: float


@dataclass(frozen=True)
class Layout:
    """`lines[i]` belongs to edge i of the picture."""

    width: float
    height: float
    dots: tuple[Dot, ...]
    lines: tuple[Line, ...]


@dataclass(eq=False)
class _Item:
    """A state, or the place of an edge in a layer. `up` and `down` are what it takes above and below its y."""

    layer: int
    width: float
    up: float
    down: float
    x: float = 0.0
    y: float = 0.0
    row: int = 0
    before: list["_Item"] = field(default_factory=list, repr=False)
    after: list["_Item"] = field(default_factory=list, repr=False)


def layout(picture: Picture, labels: Sequence[str]) -> Layout:
    """`labels[i]` is drawn on edge i. Nothing overlaps: neither states nor labels."""
    backward = _backward(picture)
    depth = _depths(picture, backward)
    loops = {e.source: labels[i] for i, e in enumerate(picture.edges) if e.source == e.target}
    states = {node: _state(2 * depth[node], loops.get(node)) for node in picture.nodes}
    shared: dict[tuple[int, int], _Item] = {}
    ways = [_way(e, states, labels[i], i in backward, shared) for i, e in enumerate(picture.edges)]
    layers = _layers(list(dict.fromkeys([*states.values(), *(item for way in ways for item in way)])))
    _order(layers)
    _set_y(layers)
    rows = _set_x(layers)
    _stack(rows)
    every = [item for layer in layers for item in layer]
    dots = tuple(Dot(node, item.x, item.y) for node, item in states.items())
    lines = tuple(
        _line(states[e.source], states[e.target], way, labels[i], i in backward, rows)
        for i, (e, way) in enumerate(zip(picture.edges, ways, strict=True))
    )
    width = max(item.x + item.width / 2 for item in every) + 2 * GAP
    return Layout(width, max(item.y + item.down for item in every) + GAP, dots, lines)


def _text_width(label: str) -> float:
    return CHARACTER * len(label) + 8


def _state(layer: int, loop: str | None) -> _Item:
    if loop is None:
        return _Item(layer, 2 * RADIUS, RADIUS, RADIUS)
    return _Item(layer, max(2 * RADIUS, _text_width(loop)), RADIUS + LOOP + LABEL - 6, RADIUS)


def _backward(picture: Picture) -> set[int]:
    """Edges that lead back to where the walk came from: without them there are no circles."""
    found: set[int] = set()
    seen, open_ = set[int](), set[int]()
    for root in (picture.start, *picture.nodes):
        if root in seen or root not in picture.leaving:
            continue
        waiting = [(root, iter(picture.leaving[root]))]
        seen.add(root)
        open_.add(root)
        while waiting:
            node, places = waiting[-1]
            place = next(places, None)
            if place is None:
                open_.discard(node)
                waiting.pop()
                continue
            target = picture.edges[place].target
            if target in open_:
                found.add(place)
            elif target not in seen:
                seen.add(target)
                open_.add(target)
                waiting.append((target, iter(picture.leaving[target])))
    return found


def _depths(picture: Picture, backward: set[int]) -> dict[int, int]:
    """The longest way to each state."""
    depth = dict.fromkeys(picture.nodes, 0)
    missing = dict.fromkeys(picture.nodes, 0)
    for place, edge in enumerate(picture.edges):
        missing[edge.target] += place not in backward
    ready = [node for node in picture.nodes if not missing[node]]
    for node in ready:
        for place in picture.leaving[node]:
            if place in backward:
                continue
            target = picture.edges[place].target
            depth[target] = max(depth[target], depth[node] + 1)
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    return depth


def _way(
    edge: Edge, states: dict[int, _Item], label: str, backward: bool, shared: dict[tuple[int, int], _Item]
) -> list[_Item]:
    """An edge's places, one a layer between its states, from left to right; its label beside the state it leaves.
    Behind their labels, edges to the same state run together."""
    if edge.source == edge.target:
        return []
    left, right = states[edge.source], states[edge.target]
    if backward:
        left, right = right, left
    at = right.layer - 1 if backward else left.layer + 1
    way = []
    for layer in range(left.layer + 1, right.layer):
        if layer == at:
            way.append(_Item(layer, _text_width(label), LABEL, 4))
        elif backward:
            way.append(_Item(layer, 0, 5, 5))
        else:
            way.append(shared.setdefault((edge.target, layer), _Item(layer, 0, 5, 5)))
    for one, other in zip([left, *way], [*way, right]):
        if other not in one.after:
            one.after.append(other)
            other.before.append(one)
    return way


def _layers(items: list[_Item]) -> list[list[_Item]]:
    found: dict[int, list[_Item]] = defaultdict(list)
    for item in items:
        found[item.layer].append(item)
    return [found[layer] for layer in sorted(found)]


def _order(layers: list[list[_Item]]) -> None:
    """Neighbours opposite each other, so that few lines cross."""
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for layer in layers if forward else reversed(layers):
            for place, item in enumerate(layer):
                near = item.before if forward else item.after
                item.x = sum(n.y for n in near) / len(near) if near else place
            layer.sort(key=lambda item: item.x)
            for place, item in enumerate(layer):
                item.y = place - (len(layer) - 1) / 2


def _set_y(layers: list[list[_Item]]) -> None:
    """Each item as near to its neighbours as its layer's order and sizes let it."""
    for item in (item for layer in layers for item in layer):
        item.y *= 2 * RADIUS
    for sweep in range(2 * SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            near = [[*item.before, *item.after] if sweep > 2 else item.before or item.after for item in layer]
            wanted = [sum(n.y for n in ns) / len(ns) if ns else item.y for ns, item in zip(near, layer)]
            for item, y in zip(layer, _apart(layer, wanted), strict=True):
                item.y = y


def _apart(layer: list[_Item], wanted: list[float]) -> list[float]:
    """As near to `wanted` as it goes without overlap: least squares by pooling neighbours that would collide."""
    offset = [0.0]
    for one, other in zip(layer, layer[1:]):
        offset.append(offset[-1] + one.down + GAP + other.up)
    pools: list[tuple[float, int]] = []  # (mean of wanted - offset, how many)
    for value, shift in zip(wanted, offset):
        pool = (value - shift, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, count = pools.pop()
            pool = ((mean * count + pool[0] * pool[1]) / (count + pool[1]), count + pool[1])
        pools.append(pool)
    placed = [mean for mean, count in pools for _ in range(count)]
    return [value + shift for value, shift in zip(placed, offset)]


def _set_x(layers: list[list[_Item]]) -> list[list[_Item]]:
    """Layer beside layer; a new row where one line only crosses. Returns the items row by row."""
    rows: list[list[_Item]] = [[]]
    x = GAP
    for layer in layers:
        width = max(item.width for item in layer)
        if x + width > WRAP and len(layer) == 1 and layer[0].layer % 2 and len(layer[0].after) == 1:
            rows.append([])
            x = 2 * GAP
        for item in layer:
            item.x, item.row = x + width / 2, len(rows) - 1
        rows[-1] += layer
        x += width + 2 * GAP
    return rows


def _stack(rows: list[list[_Item]]) -> None:
    top = GAP
    for row in rows:
        above = min(item.y - item.up for item in row)
        for item in row:
            item.y += top - above
        top = max(item.y + item.down for item in row) + 3 * GAP


def _line(source: _Item, target: _Item, way: list[_Item], label: str, back: bool, rows: list[list[_Item]]) -> Line:
    if source is target:
        x, y = source.x, source.y - RADIUS
        path = (
            f"M{x - 7:.1f},{y + 2:.1f} C{x - 24:.1f},{y - LOOP:.1f} {x + 24:.1f},{y - LOOP:.1f} {x + 7:.1f},{y + 2:.1f}"
        )
        return Line(path, (x + 7, y + 2, "down"), x, y - LOOP + 4, _text_width(label))
    left, right = (target, source) if back else (source, target)
    points = [(left.x + RADIUS, left.y, left.row)]
    for item in way:
        points += [(item.x - item.width / 2, item.y, item.row), (item.x + item.width / 2, item.y, item.row)]
    points.append((right.x - RADIUS, right.y, right.row))
    if back:
        points.reverse()
    named = next(item for item in way if item.width)
    tip = (points[-1][0], points[-1][1], "left" if back else "right")
    return Line(_path(points, rows), tip, named.x, named.y - 6, named.width)


def _path(points: list[tuple[float, float, int]], rows: list[list[_Item]]) -> str:
    x, y, row = points[0]
    parts = [f"M{x:.1f},{y:.1f}"]
    for to_x, to_y, to_row in points[1:]:
        if to_row != row:  # to the end of the row, and along the gap to the beginning of the other
            low, high = sorted((row, to_row))
            gap = (max(i.y + i.down for i in rows[low]) + min(i.y - i.up for i in rows[high])) / 2
            parts.append(f"L{x + GAP:.1f},{y:.1f} L{x + GAP:.1f},{gap:.1f} L{GAP:.1f},{gap:.1f} L{GAP:.1f},{to_y:.1f}")
            parts.append(f"L{to_x:.1f},{to_y:.1f}")
        elif y == to_y:
            parts.append(f"L{to_x:.1f},{to_y:.1f}")
        else:
            middle = (x + to_x) / 2
            parts.append(f"C{middle:.1f},{y:.1f} {middle:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}")
        x, y, row = to_x, to_y, to_row
    return " ".join(parts)
