"""From an expression to its automaton: characters to UTF-8 bytes, subsets to states, then the smallest form.

Work is bounded: an expression that would need more states or seconds than the limits allow is refused.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.constrain.automaton import NONE, Automaton
from core.constrain.expression import (
    Both,
    Chars,
    Either,
    Expression,
    Field,
    Listed,
    Repeat,
    Text,
    Then,
    Without,
)
from core.constrain.minimise import minimise
from core.constrain.utf8 import ByteRanges, branches
from core.errors import SchemaError


class TooLarge(SchemaError):
    """The expression needs more states or more time than the limits allow."""


@dataclass(frozen=True)
class Limits:
    """Of `states`, both before and after they become deterministic, and of `seconds`."""

    states: int = 50_000
    seconds: float = 5.0


class _Budget:
    """What is left of the limits. The clock is read whenever some work was done."""

    def __init__(self, limits: Limits, name: str) -> None:
        self.limits, self.name = limits, name
        self.ends = time.perf_counter() + limits.seconds
        self.work = 0

    def check(self, states: int) -> None:
        if states > self.limits.states:
            raise TooLarge(
                f"the schema {self.name!r} needs more than {self.limits.states:,} states: "
                "shorten its lengths and repetitions, or split it."
            )
        self.spend(16)

    def spend(self, work: int) -> None:
        """Counts `work` small operations."""
        self.work += work
        if self.work > 4096:
            self.work = 0
            if time.perf_counter() > self.ends:
                raise TooLarge(
                    f"the schema {self.name!r} takes more than {self.limits.seconds:g} s to compile: "
                    "shorten its lengths and repetitions, or split it."
                )


def compile(expression: Expression, name: str, limits: Limits | None = None) -> Automaton:
    """The minimal automaton. Raises TooLarge, and SchemaError if no text matches."""
    try:
        found = _automaton(expression, name, _Budget(limits or Limits(), name))
    except RecursionError as error:
        raise TooLarge(f"the schema {name!r} is nested too deeply.") from error
    if not len(found):
        raise SchemaError(f"the schema {name!r} matches no text at all.")
    return found


def _automaton(expression: Expression, name: str, budget: _Budget) -> Automaton:
    """Possibly without any state."""
    nfa = _Nfa(budget)
    end = nfa.state()
    start = nfa.build(expression, end)
    return _determinise(nfa, start, end, name)


class _Nfa:
    """A nondeterministic automaton, built from its end: each expression is put in front of the state that
    follows it. `edges[s]` are (byte ranges, target), `free[s]` the states that s may be taken for."""

    def __init__(self, budget: _Budget) -> None:
        self.budget = budget
        self.edges: list[list[tuple[ByteRanges, int]]] = []
        self.free: list[list[int]] = []
        self.part: list[str] = []
        self.path: list[str] = [""]
        self.tails: dict[tuple[ByteRanges, int], int] = {}

    def state(self, *free: int) -> int:
        self.edges.append([])
        self.free.append(list(free))
        self.part.append(self.path[-1])
        self.budget.check(len(self.edges))
        return len(self.edges) - 1

    def build(self, expression: Expression, follow: int) -> int:
        """The state at which `expression` begins if `follow` comes after it."""
        match expression:
            case Text(text):
                return self._text(text.encode(), follow)
            case Chars(ranges):
                return self._chars(ranges, follow)
            case Then(parts):
                for part in reversed(parts):
                    follow = self.build(part, follow)
                return follow
            case Either(options):
                return self.state(*[self.build(option, follow) for option in options])
            case Repeat(body, least, most, separator):
                return self._repeat(body, least, most, separator.encode(), follow)
            case Listed(parts, separator):
                return self._listed(parts, separator.encode(), follow)
            case Field(name, body):
                return self._field(name, body, follow)
            case Both(left, right):
                return self._product(left, right, follow, wanted=True)
            case Without(left, right):
                return self._product(left, right, follow, wanted=False)

    def _text(self, text: bytes, follow: int) -> int:
        for byte in reversed(text):
            state = self.state()
            self.edges[state].append((((byte, byte),), follow))
            follow = state
        return follow

    def _chars(self, ranges: tuple[tuple[int, int], ...], follow: int) -> int:
        state = self.state()
        self.edges[state] = [(first, self._tail(tail, follow)) for first, tail in branches(ranges)]
        return state

    def _tail(self, tail: ByteRanges, follow: int) -> int:
        """The state before the last bytes of a character. Characters with equal last bytes share it."""
        if not tail:
            return follow
        if (tail, follow) not in self.tails:
            target = self._tail(tail[1:], follow)
            state = self.tails[tail, follow] = self.state()
            self.edges[state].append((tail[:1], target))
        return self.tails[tail, follow]

    def _repeat(self, body: Expression, least: int, most: int | None, separator: bytes, follow: int) -> int:
        if most == 0:
            return follow
        after = self.state(follow) if most is None else follow
        for _ in range(0 if most is None else most - max(least, 1)):
            after = self.state(self._text(separator, self.build(body, after)), follow)
        start = self.build(body, after)
        if start == after and not separator:  # the body is empty: so is any number of it
            return follow
        if most is None:
            self.free[after].append(self._text(separator, start))
        for _ in range(least - 1):
            start = self.build(body, self._text(separator, start))
        return self.state(start, follow) if least == 0 else start

    def _listed(self, parts: tuple[tuple[Expression, bool], ...], separator: bytes, follow: int) -> int:
        first = later = follow  # where the rest begins if nothing, or something, was written before
        for part, required in reversed(parts):
            item = self.build(part, later)
            separated = self._text(separator, item)
            later = separated if required else self.state(separated, later)
            first = item if required else self.state(item, first)
        return first

    def _field(self, name: str, body: Expression, follow: int) -> int:
        inside = self.path[-1]
        self.path.append(inside + name if name.startswith("[") or not inside else f"{inside}.{name}")
        start = self.build(body, follow)
        self.path.pop()
        return start

    def _product(self, left: Expression, right: Expression, follow: int, wanted: bool) -> int:
        """What matches `left`, and `right` too (`wanted`) or not."""
        a, b = (_automaton(side, self.budget.name, self.budget) for side in (left, right))
        dead = len(b)  # `right` cannot match any more
        b_next = np.vstack([np.where(b.next_state == NONE, dead, b.next_state), np.full((1, 256), dead)])
        b_ends = np.append(b.accepting, False)
        numbers: dict[tuple[int, int], int] = {}
        pairs: list[tuple[int, int]] = []

        def number(pair: tuple[int, int]) -> int:
            if pair not in numbers:
                numbers[pair] = self.state()
                pairs.append(pair)
            return numbers[pair]

        if not len(a):
            return self.state()
        start = number((a.start, b.start if dead else 0))
        for i, j in pairs:
            state = numbers[i, j]
            allowed = np.flatnonzero(a.next_state[i] != NONE)
            for target, ranges in _runs(allowed, a.next_state[i, allowed], b_next[j, allowed]):
                if not (wanted and target[1] == dead):
                    self.edges[state].append((ranges, number(target)))
            if a.accepting[i] and b_ends[j] == wanted:
                self.free[state].append(follow)
        return start


def _runs(allowed: np.ndarray, a: np.ndarray, b: np.ndarray) -> Iterator[tuple[tuple[int, int], ByteRanges]]:
    """The pairs of targets that some bytes lead to, each with those bytes."""
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for byte, target in zip(allowed.tolist(), zip(a.tolist(), b.tolist())):
        ranges = found.setdefault(target, [])
        if ranges and ranges[-1][1] == byte - 1:
            ranges[-1] = (ranges[-1][0], byte)
        else:
            ranges.append((byte, byte))
    yield from ((target, tuple(ranges)) for target, ranges in found.items())


def _determinise(nfa: _Nfa, start: int, end: int, name: str) -> Automaton:
    """Subset construction over classes of bytes that no edge tells apart, then minimisation."""
    classes_of, class_of_byte = _byte_classes(nfa)
    closures: dict[int, tuple[int, ...]] = {}
    number: dict[frozenset[int], int] = {}
    subsets: list[frozenset[int]] = []
    known: dict[tuple[int, ...], int] = {}  # the targets of an edge to the number of their subset
    tails: list[int] = []
    symbols: list[int] = []
    heads: list[int] = []

    def subset(targets: tuple[int, ...]) -> int:
        if targets not in known:
            members = frozenset(member for target in targets for member in _closure(nfa, target, end, closures))
            nfa.budget.spend(len(members))
            if members not in number:
                number[members] = len(subsets)
                subsets.append(members)
                nfa.budget.check(len(subsets))
            known[targets] = number[members]
        return known[targets]

    subset((start,))
    for state, members in enumerate(subsets):
        moves: dict[int, list[int]] = {}
        nfa.budget.spend(len(members))
        for member in members:
            for ranges, target in nfa.edges[member]:
                for symbol in classes_of[ranges]:
                    moves.setdefault(symbol, []).append(target)
        for symbol, targets in moves.items():
            tails.append(state)
            symbols.append(symbol)
            heads.append(subset(tuple(targets)))
    table = np.full((len(subsets), int(class_of_byte.max()) + 1), NONE, np.int32)
    table[tails, symbols] = heads
    accepting = np.array([end in members for members in subsets])
    small, ends, new = minimise(table, accepting, 0)
    return Automaton(name, small[:, class_of_byte], ends, _parts(nfa, subsets, new.tolist(), len(small)))


def _closure(nfa: _Nfa, state: int, end: int, known: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    """The states with edges, and the end, that `state` may be taken for."""
    if state not in known:
        if not nfa.free[state]:
            known[state] = (state,)
            return known[state]
        seen, found, stack = {state}, [], [state]
        while stack:
            current = stack.pop()
            if nfa.edges[current] or current == end:
                found.append(current)
            nfa.budget.spend(1)
            fresh = [target for target in nfa.free[current] if target not in seen]
            seen.update(fresh)
            stack.extend(fresh)
        known[state] = tuple(found)
    return known[state]


def _byte_classes(nfa: _Nfa) -> tuple[dict[ByteRanges, list[int]], np.ndarray]:
    """The classes that each set of bytes on an edge is made of, and the class of every byte (256,)."""
    sets = list(dict.fromkeys(ranges for edges in nfa.edges for ranges, _ in edges))
    holds = np.zeros((len(sets), 256), bool)
    for i, ranges in enumerate(sets):
        for low, high in ranges:
            holds[i, low : high + 1] = True
    if not sets:
        return {}, np.zeros(256, np.intp)
    _, example, inverse = np.unique(np.packbits(holds, axis=0), axis=1, return_index=True, return_inverse=True)
    # In the order of their first bytes, so that equal languages get equally numbered states.
    order = np.argsort(example)
    class_of_byte = np.argsort(order)[inverse.ravel()]
    by_class = holds[:, example[order]]
    return {ranges: np.flatnonzero(by_class[i]).tolist() for i, ranges in enumerate(sets)}, class_of_byte


def _parts(nfa: _Nfa, subsets: list[frozenset[int]], new: list[int], states: int) -> tuple[str, ...]:
    """What each minimal state writes. States that were merged, or a choice still open, have several names."""
    names: list[dict[str, None]] = [{} for _ in range(states)]
    for members, state in zip(subsets, new):
        if state != NONE:
            names[state].update(dict.fromkeys(nfa.part[member] for member in sorted(members)))
    return tuple(" or ".join(name for name in found if name) for found in names)
