"""Texts that a schema accepts and texts that it refuses, made from the schema itself.

All work on a constraint over single bytes (`tokens.BYTES`). Where there is an automaton, a walk knows
how far its end is; elsewhere it closes what is open once it is long enough, and a walk without an end is dropped.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np

from core.constrain.automaton import NONE, Automaton
from core.constrain.engines.constraint import Constraint, describe_bytes
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.tokens import BYTES

LONGEST = 300  # bytes of a sample made without an automaton
WORK = 30_000  # bytes of all walks
LONGER = (0, 4, 8, 16, 32, 64)  # bytes beyond the shortest sample
_END_SHARE = 0.3
_CLOSING = b'"}]el'  # with the least of them a JSON value comes to its end
_TYPED = 'abcXYZ019 {}[]",:.-_!é'


@dataclass(frozen=True)
class Refused:
    """A text that is refused at its byte `dies_at`, where `expected` could stand; that byte is its length if it
    ends too early. `change` says what was done to an accepted text."""

    text: str
    change: str
    dies_at: int
    expected: str


def accepted(constraint: Constraint, count: int = 8, seed: int = 0) -> list[str]:
    """At most `count` different texts, the shortest first. Fewer where there are no more, or none is found."""
    random, found = Random(seed), dict[str, None]()
    distance = distances(constraint.automaton) if isinstance(constraint, DfaConstraint) else None
    shortest = distance[constraint.start] if distance else 0
    attempts = max(1, min(8 * count, WORK // (shortest + max(LONGER))))
    for attempt in range(attempts):
        text = _walk(constraint, distance, shortest + LONGER[attempt * len(LONGER) // attempts], random)
        if text is not None:
            found[text] = None
    return _spread(sorted(found, key=lambda text: (len(text), text)), count)


def refused(constraint: Constraint, texts: list[str], count: int = 8, seed: int = 0) -> list[Refused]:
    """Beside accepted `texts`: each with one character changed, left out or put in, or without its end; those that
    the schema accepts all the same are passed over."""
    random, found = Random(seed), dict[str, Refused]()
    for _ in range(8 * count):
        if len(found) == count or not texts:
            break
        text, change = _changed(random.choice(texts), random)
        reading = constraint.read(constraint.start, text.encode())
        if reading.length < len(text.encode()) or not reading.may_end:
            expected = describe_bytes(reading.expected, reading.may_end)
            found[text] = Refused(text, change, reading.length, expected)
    return sorted(found.values(), key=lambda sample: (len(sample.text), sample.text))


def distances(automaton: Automaton) -> list[int]:
    """How many bytes each state (states,) is from the nearest accepting one."""
    state, byte = np.nonzero(automaton.next_state != NONE)
    pairs = np.unique(np.stack([automaton.next_state[state, byte], state]), axis=1)
    before: dict[int, list[int]] = {}
    for target, source in zip(*pairs.tolist()):
        before.setdefault(target, []).append(source)
    found = [0 if ends else NONE for ends in automaton.accepting.tolist()]
    waiting = deque(i for i, steps in enumerate(found) if steps == 0)
    while waiting:
        target = waiting.popleft()
        for source in before.get(target, ()):
            if found[source] == NONE:
                found[source] = found[target] + 1
                waiting.append(source)
    return found


def _walk(constraint: Constraint, distance: list[int] | None, budget: int, random: Random) -> str | None:
    """One accepted text of about `budget` bytes, or None if the walk finds no end."""
    state, text = constraint.start, bytearray()
    while len(text) <= max(budget, LONGEST):
        allowed = BYTES.ids(constraint.mask(state)).tolist()
        options = [byte for byte in allowed if byte != BYTES.eos]
        left = budget - len(text)
        if distance is not None:
            options = [byte for byte in options if distance[constraint.advance(state, byte)] < left]
        elif left <= 0:
            options = sorted(options, key=_closes)[:1]
        if BYTES.eos in allowed and (not options or left <= 0 or random.random() < _END_SHARE):
            return _decoded(text)
        if not options:
            return None
        byte = random.choices(options, [_WEIGHTS[byte] for byte in options])[0]
        text.append(byte)
        state = constraint.advance(state, byte)
    return None


def _closes(byte: int) -> int:
    return _CLOSING.index(byte) if byte in _CLOSING else len(_CLOSING)


def _weight(byte: int) -> float:
    """Letters, digits and ends of strings are what people read most easily."""
    character = chr(byte)
    if byte >= 128 or not character.isprintable() or character == "\\":
        return 0.01
    if character == '"':
        return 5
    return 1 if character.islower() else 0.6 if character.isalnum() or character == " " else 0.15


_WEIGHTS = [_weight(byte) for byte in range(256)]


def _decoded(text: bytearray) -> str | None:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return None


def _spread(texts: list[str], count: int) -> list[str]:
    """`count` of them from the first to the last."""
    if len(texts) <= count:
        return texts
    return [texts[i * (len(texts) - 1) // max(count - 1, 1)] for i in range(count)]


def _changed(text: str, random: Random) -> tuple[str, str]:
    place, typed = random.randrange(len(text) + 1), random.choice(_TYPED)
    changes = list(_changes(text, place, typed))
    return random.choice(changes)


def _changes(text: str, place: int, typed: str) -> Iterator[tuple[str, str]]:
    """What can go wrong at one place."""
    yield text[:place] + typed + text[place:], f"{typed!r} put in"
    if place < len(text):
        yield text[:place] + typed + text[place + 1 :], f"{text[place]!r} became {typed!r}"
        yield text[:place] + text[place + 1 :], f"{text[place]!r} left out"
        yield text[:place], "cut off"
