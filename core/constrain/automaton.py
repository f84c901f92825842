"""The automaton of a schema: a finite-state machine over bytes, independent of any tokenizer.

Built from a regular expression (by outlines_core, over a vocabulary of single bytes) or straight
from a template (an input-conditioned schema). States that cannot reach the end are removed.
"""

from dataclasses import dataclass

import numpy as np

from core.constrain.schema import Schema
from core.errors import SchemaError

NONE = -1
MAX_STATES = 50_000
_END = 256  # the symbol outlines_core uses for the end of the text


@dataclass(frozen=True, eq=False)
class Automaton:
    """`next_state` (states, 256) int32, NONE where a byte is refused; `accepting` (states,) bool."""

    next_state: np.ndarray
    accepting: np.ndarray
    start: int
    name: str

    def __len__(self) -> int:
        return len(self.next_state)

    def walk(self, text: bytes, state: int) -> int:
        """The state that `text` leads to from `state`, or NONE once a byte is refused."""
        for byte in text:
            state = int(self.next_state[state, byte])
            if state == NONE:
                return NONE
        return state

    def refused_at(self, text: bytes, state: int) -> int | None:
        """Offset of the first byte of `text` that is refused from `state`, or None."""
        for offset, byte in enumerate(text):
            state = int(self.next_state[state, byte])
            if state == NONE:
                return offset
        return None

    def allowed_bytes(self, state: int) -> bytes:
        return bytes(np.flatnonzero(self.next_state[state] != NONE).astype(np.uint8))

    def forced(self, state: int) -> tuple[bytes, int]:
        """The bytes that must come next, and the state after them: up to a choice or the end."""
        text = bytearray()
        while not self.accepting[state]:
            following = self.allowed_bytes(state)
            if len(following) != 1:
                break
            text += following
            state = int(self.next_state[state, following[0]])
        return bytes(text), state


def from_schema(schema: Schema) -> Automaton:
    """Raises SchemaError for an expression that is invalid, too large or matches nothing."""
    from outlines_core import Index, Vocabulary

    byte_vocabulary = Vocabulary(_END, {bytes([i]): [i] for i in range(256)})
    # outlines_core 0.2.14 loses transitions that leave an accepting state, and prefers the first
    # alternative: a NUL after the expression makes the end explicit. Where no answer continues
    # another one this is not needed, and the plain expression compiles faster.
    regex = schema.regex if schema.delimited else f"(?:{schema.regex})\\x00"
    try:
        index = Index(regex, byte_vocabulary)
    except Exception as error:  # bare exceptions of the Rust side
        raise SchemaError(f"the schema {schema.name!r} cannot be compiled: {error}") from error
    transitions = index.get_transitions()
    states = list(transitions)
    if len(states) > MAX_STATES:
        raise SchemaError(f"the schema {schema.name!r} needs {len(states):,} states; the limit is {MAX_STATES:,}.")
    number = {state: i for i, state in enumerate(states)}
    table = np.full((len(states), 257), NONE, np.int32)
    for state, row in transitions.items():
        for symbol, target in row.items():
            table[number[state], symbol] = number.get(target, NONE)
    finals = index.get_final_states()
    if schema.delimited:
        accepting = np.array([state in finals for state in states])
    else:
        accepting = np.array([row.get(0) in finals for row in transitions.values()])
        table[:, 0] = NONE
    return _trim(table[:, :256], accepting, number[index.get_initial_state()], schema.name)


def from_template(template: tuple[str | tuple[str, ...], ...], name: str = "template") -> Automaton:
    """An input-conditioned schema: literal texts, and choices of texts. Raises SchemaError if a
    choice cannot be told from what follows it by its next byte."""
    edges: list[dict[int, int]] = [{}]
    accepting = {0}
    start = 0  # built back to front: `start` is where the pieces that follow begin
    for piece in reversed(template):
        choices = (piece,) if isinstance(piece, str) else tuple(dict.fromkeys(piece))
        if not choices or not all(choices):
            raise SchemaError(f"the template of {name!r} has an empty choice.")
        start = _prepend(edges, accepting, choices, start, name)
    table = np.full((len(edges), 256), NONE, np.int32)
    for state, row in enumerate(edges):
        table[state, list(row)] = list(row.values())
    ends = np.zeros(len(edges), bool)
    ends[list(accepting)] = True
    return Automaton(table, ends, start, name)


def _prepend(edges: list[dict[int, int]], accepting: set[int], choices: tuple[str, ...], follow: int, name: str) -> int:
    """Adds a trie of `choices` in front of the state `follow`; returns its root."""
    root = len(edges)
    edges.append({})
    ends: list[tuple[int, int]] = []  # the edge (state, byte) on which a choice ends
    for text in (choice.encode() for choice in choices):
        state = root
        for byte in text[:-1]:
            state = _child(edges, state, byte)
        _child(edges, state, text[-1])
        ends.append((state, text[-1]))
    for state, byte in ends:
        node = edges[state][byte]
        if not edges[node]:
            edges[state][byte] = follow
        elif edges[node].keys() & edges[follow].keys():
            raise SchemaError(
                f"the template of {name!r} is ambiguous: one choice continues like the text after another."
            )
        else:  # this choice is the beginning of another one: go on, or be done
            edges[node].update(edges[follow])
            accepting.update({node} if follow in accepting else ())
    return root


def _child(edges: list[dict[int, int]], state: int, byte: int) -> int:
    if byte not in edges[state]:
        edges[state][byte] = len(edges)
        edges.append({})
    return edges[state][byte]


def _trim(table: np.ndarray, accepting: np.ndarray, start: int, name: str) -> Automaton:
    """Keeps the states that reach an end, and of those the ones the start reaches."""
    sources, symbols = np.nonzero(table != NONE)
    before: dict[int, set[int]] = {}
    for source, target in zip(sources.tolist(), table[sources, symbols].tolist(), strict=True):
        before.setdefault(target, set()).add(source)
    useful = _reached(np.flatnonzero(accepting).tolist(), before)
    if start not in useful:
        raise SchemaError(f"the schema {name!r} matches no text at all.")
    after: dict[int, set[int]] = {}
    for target, origins in before.items():
        for source in origins if target in useful else ():
            after.setdefault(source, set()).add(target)
    kept = _reached([start], after)
    lookup = np.full(len(table) + 1, NONE, np.int32)  # the last entry stands for NONE itself
    lookup[kept] = np.arange(len(kept))
    return Automaton(lookup[table[kept]], accepting[kept], 0, name)


def _reached(origins: list[int], neighbours: dict[int, set[int]]) -> list[int]:
    """States found from `origins`, breadth first."""
    order, seen = list(origins), set(origins)
    for state in order:
        for other in sorted(neighbours.get(state, ())):
            if other not in seen:
                seen.add(other)
                order.append(other)
    return order
