"""An automaton as people look at it: characters instead of bytes, one edge a pair of states, and what is dictated
or listed drawn as one edge.

Three things are folded into an edge: the bytes of one character, a chain of characters that leaves no choice, and a
list of texts (an enumeration) that parts at one state and comes together again at another. The states in between are
`through` the edge: every state of the automaton is a node or lies on an edge.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.constrain.automaton import NONE, Automaton
from core.constrain.expression import merged

Ranges = tuple[tuple[int, int], ...]  # code points, ascending, ends included
Ways = dict[int, tuple[Ranges, frozenset[int]]]  # where characters lead to: which of them, and through which states

LISTED = 64  # texts that one edge may stand for
LONGEST_LIST = 2_000  # characters of such a list
_LEADS = ((0xC0, 0xE0, 1), (0xE0, 0xF0, 2), (0xF0, 0xF8, 3))


@dataclass(frozen=True)
class Edge:
    """All that leads from state `source` to state `target`: any of `texts`, and any one character of `ranges`."""

    source: int
    target: int
    texts: tuple[str, ...]
    ranges: Ranges
    through: frozenset[int]

    @property
    def only(self) -> str | None:
        """The text, if there is only one."""
        return self.texts[0] if len(self.texts) == 1 and not self.ranges else None


@dataclass(frozen=True, eq=False)
class Picture:
    """`nodes` are states, breadth first from `start`. There is one edge at most from one node to another."""

    start: int
    nodes: tuple[int, ...]
    accepting: frozenset[int]
    edges: tuple[Edge, ...]

    @cached_property
    def leaving(self) -> dict[int, tuple[int, ...]]:
        """For each node the places in `edges` of those that leave it."""
        found: dict[int, list[int]] = {node: [] for node in self.nodes}
        for place, edge in enumerate(self.edges):
            found[edge.source].append(place)
        return {node: tuple(places) for node, places in found.items()}


def picture(automaton: Automaton) -> Picture:
    """Takes time in proportion to the automaton's states."""
    graph = _Graph(automaton)
    graph.fold_chains()
    graph.fold_lists()
    nodes = graph.breadth_first()
    accepting = frozenset(n for n in nodes if automaton.accepting[n])
    edges = tuple(edge for node in nodes for edge in graph.out[node].values())
    return Picture(automaton.start, tuple(nodes), accepting, edges)


class _Graph:
    """The edges while they are being folded: `out[state][target]`, and the states that lead `into` each."""

    def __init__(self, automaton: Automaton) -> None:
        self.start = automaton.start
        self.ends = set(np.flatnonzero(automaton.accepting).tolist())
        self.out: dict[int, dict[int, Edge]] = {}
        self.into: dict[int, set[int]] = defaultdict(set)
        characters, waiting = _Characters(automaton), [automaton.start]
        while waiting:
            state = waiting.pop()
            if state in self.out:
                continue
            self.out[state] = characters.edges(state)
            for target in self.out[state]:
                self.into[target].add(state)
                waiting.append(target)

    def breadth_first(self) -> list[int]:
        found = dict.fromkeys([self.start])
        for node in (order := [self.start]):
            fresh = [target for target in self.out[node] if target not in found]
            found |= dict.fromkeys(fresh)
            order += fresh
        return order

    def fold_chains(self) -> None:
        """A state between two single texts is no choice: the texts become one."""
        for state in self.breadth_first():
            if state in self.ends or state == self.start or len(self.out[state]) != 1 or len(self.into[state]) != 1:
                continue
            (before,), (after,) = self.into[state], self.out[state].values()
            edge = self.out[before].get(state)
            if edge is None or edge.only is None or after.only is None or after.target == state:
                continue
            hidden = edge.through | after.through | {state}
            self._drop([state])
            self._add(Edge(before, after.target, (edge.only + after.only,), (), hidden))

    def fold_lists(self) -> None:
        """Where all ways from a state come together again, having written one of a few texts, they are one edge."""
        for root in self.breadth_first():
            if root not in self.out or len(self.out[root]) < 2:
                continue
            found = self._meeting(root)
            if found is None:
                continue
            target, inner = found
            texts = self._texts(root, target)
            if texts is None:
                continue
            hidden = inner.union(*(edge.through for n in (root, *inner) for edge in self.out[n].values()))
            self._drop(inner)
            self.out[root].clear()
            self._add(Edge(root, target, tuple(texts), (), frozenset(hidden)))

    def _meeting(self, root: int) -> tuple[int, set[int]] | None:
        """The state where all ways from `root` come together, and those between: no loops, no end, no way in. None,
        too, where there are more texts than are listed: each state of the border is on one of its own."""
        passed = {root}
        border = set(self.out[root])
        while 1 < len(border) <= LISTED and len(passed) <= LONGEST_LIST:
            closed = next(
                (n for n in border if n not in self.ends and n != self.start and self.into[n] <= passed), None
            )
            if closed is None or closed == root:
                return None
            passed.add(closed)
            border.remove(closed)
            border.update(self.out[closed])
        return None if len(border) > 1 or root in border else (border.pop(), passed - {root})

    def _texts(self, root: int, target: int) -> list[str] | None:
        """All texts that lead from `root` to `target`; None if there are too many."""
        found: list[str] = []
        waiting = [("", root)]
        while waiting:
            written, node = waiting.pop()
            if node == target:
                found.append(written)
                continue
            for edge in self.out[node].values():
                if sum(high - low + 1 for low, high in edge.ranges) > LISTED:
                    return None
                waiting += [(written + text, edge.target) for text in (*edge.texts, *_each(edge.ranges))]
            if len(found) + len(waiting) > LISTED or sum(map(len, found)) > LONGEST_LIST:
                return None
        return sorted(found)

    def _drop(self, states: Iterable[int]) -> None:
        for state in states:
            for target in self.out.pop(state):
                self.into[target].discard(state)
            for source in self.into.pop(state, ()):
                self.out.get(source, {}).pop(state, None)

    def _add(self, edge: Edge) -> None:
        other = self.out[edge.source].get(edge.target)
        if other is not None:
            texts, ranges = {*edge.texts, *other.texts}, tuple(merged([*edge.ranges, *other.ranges]))
            edge = Edge(edge.source, edge.target, tuple(sorted(texts)), ranges, edge.through | other.through)
        self.out[edge.source][edge.target] = edge
        self.into[edge.target].add(edge.source)


def _each(ranges: Ranges) -> list[str]:
    return [chr(code) for low, high in ranges for code in range(low, high + 1)]


class _Characters:
    """What single characters do: UTF-8's continuation bytes put together."""

    def __init__(self, automaton: Automaton) -> None:
        self.next_state = automaton.next_state
        self._known: dict[tuple[int, int], Ways] = {}

    def edges(self, state: int) -> dict[int, Edge]:
        ways = _together(self._after(*step) for step in self._steps(state))
        return {end: _edge(state, end, ranges, through) for end, (ranges, through) in ways.items()}

    def _steps(self, state: int) -> list[tuple[int, int]]:
        """The bytes that may come next, each with the state it leads to."""
        row = self.next_state[state]
        return [(byte, int(row[byte])) for byte in np.flatnonzero(row != NONE).tolist()]

    def _after(self, byte: int, target: int) -> Ways:
        for low, high, more in _LEADS:
            if low <= byte < high:
                return self._rest_after(byte & (0x3F >> more), target, more)
        return {target: (((byte, byte),), frozenset())}

    def _rest(self, state: int, more: int) -> Ways:
        """Where `more` continuation bytes lead from `state`, and with which lower bits."""
        key = (state, more)
        if key not in self._known:
            steps = self._steps(state)
            self._known[key] = _together(self._rest_after(byte & 0x3F, target, more - 1) for byte, target in steps)
        return self._known[key]

    def _rest_after(self, bits: int, target: int, more: int) -> Ways:
        """As `_rest`, behind the `bits` of a byte that led to `target`."""
        if not more:
            return {target: (((bits, bits),), frozenset())}
        by = bits << (6 * more)
        return {
            end: (tuple((low + by, high + by) for low, high in ranges), through | {target})
            for end, (ranges, through) in self._rest(target, more).items()
        }


def _together(parts: Iterable[Ways]) -> Ways:
    found: dict[int, tuple[list[tuple[int, int]], set[int]]] = {}
    for ways in parts:
        for end, (ranges, through) in ways.items():
            known = found.setdefault(end, ([], set()))
            known[0].extend(ranges)
            known[1].update(through)
    return {end: (tuple(merged(ranges)), frozenset(through)) for end, (ranges, through) in found.items()}


def _edge(source: int, target: int, ranges: Ranges, through: frozenset[int]) -> Edge:
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return Edge(source, target, (chr(ranges[0][0]),), (), through)
    return Edge(source, target, (), ranges, through)


def around(whole: Picture, nodes: Iterable[int], most: int) -> Picture:
    """The part of a picture that lies nearest to `nodes`: `most` nodes, and the edges between them."""
    neighbours: dict[int, list[int]] = {node: [] for node in whole.nodes}
    for edge in whole.edges:
        neighbours[edge.source].append(edge.target)
        neighbours[edge.target].append(edge.source)
    order = list(dict.fromkeys(nodes))
    kept = set(order)
    for node in order:
        fresh = [n for n in dict.fromkeys(neighbours[node]) if n not in kept]
        kept.update(fresh)
        order += fresh
        if len(order) >= most:
            break
    near = set(order[:most])
    edges = tuple(edge for edge in whole.edges if edge.source in near and edge.target in near)
    return Picture(whole.start, tuple(n for n in whole.nodes if n in near), whole.accepting & near, edges)
