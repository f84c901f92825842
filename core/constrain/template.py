"""From a template to its automaton: an input-conditioned schema of fixed texts and choices of texts.

Every example has its own, so this must cost next to nothing: the automaton of a choice is made once and copied into
place between the fixed texts. Apart from the numbers of its states the result is what `compile.py` would make of the
same expression, which is asked only where a longer choice goes on with the byte that comes after a shorter one.

No two states of the result are equal. Within a choice, two that leave different endings leave different texts with
what follows, because no end goes on with a byte of it; and whatever comes later leaves less text than what is before.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np

from core.constrain import compile as compiler
from core.constrain.automaton import NONE, Automaton
from core.constrain.compile import Limits, TooLarge
from core.constrain.engines.constraint import encode
from core.constrain.expression import Either, Expression, Text, Then
from core.constrain.minimise import minimise
from core.errors import SchemaError
from core.spelling import Template

_KEY = re.compile(r'"([^"\\]+)":"?$')


def automaton(template: Template, name: str = "template") -> Automaton:
    """Raises SchemaError for an empty template or choice, for what is no text, and for more states than Limits has: a
    state is a kilobyte, and a byte of the answer is a state."""
    if not template:
        raise SchemaError("the template is empty: it needs at least one piece.")
    blocks = [_literal(encode(piece)) if isinstance(piece, str) else _choice(piece) for piece in template]
    offsets = [0, *accumulate(block.states for block in blocks)]
    if offsets[-1] >= Limits.states:
        raise _too_large()
    table = np.full((offsets[-1] + 1, 256), NONE, np.int32)
    shift = np.repeat(np.array(offsets[:-1], np.int32), [len(block.byte) for block in blocks])
    state, target = (np.concatenate(arrays) + shift for arrays in zip(*((b.state, b.target) for b in blocks)))
    table[state, np.concatenate([block.byte for block in blocks])] = target
    accepting = np.zeros(len(table), bool)
    accepting[-1] = True
    for block, begin, after in zip(blocks, offsets, offsets[1:]):
        follows = table[after] != NONE
        for end in block.early + begin:
            if (follows & (table[end] != NONE)).any():  # a longer choice, or what comes next: only later bytes tell
                return compiler.compile(expression(template), name)
            table[end, follows] = table[after, follows]
            accepting[end] = accepting[after]
    return Automaton(name, table, accepting, _parts(template, offsets))


def expression(template: Template) -> Expression:
    """The template as an expression."""
    either = lambda choices: Either(tuple(Text(text.decode()) for text in _texts(choices)))
    return Then(tuple(Text(piece) if isinstance(piece, str) else either(piece) for piece in template))


def _texts(choices: tuple[str, ...]) -> tuple[bytes, ...]:
    if not choices or not all(choices):
        raise SchemaError(
            "the template has an empty choice: every choice needs at least one text, and no text is empty."
        )
    return tuple(encode(choice) for choice in dict.fromkeys(choices))


@dataclass(frozen=True, eq=False)
class _Block:
    """The transitions of one piece, its `states` numbered from 0; the next piece begins at the number after them, and
    at the `early` ones too: a choice that ends there begins a longer one."""

    state: np.ndarray
    byte: np.ndarray
    target: np.ndarray
    early: np.ndarray
    states: int


def _literal(text: bytes) -> _Block:
    place = np.arange(len(text), dtype=np.int32)
    return _Block(place, np.frombuffer(text, np.uint8), place + 1, np.zeros(0, np.int32), len(text))


@lru_cache(maxsize=512)
def _choice(choices: tuple[str, ...]) -> _Block:
    """The smallest automaton of the texts: their tree, with equal branches made one."""
    following: dict[tuple[int, int], int] = {}
    ends = []
    for choice in _texts(choices):
        state = 0
        for byte in choice:
            state = following.setdefault((state, byte), len(following) + 1)
        ends.append(state)
    states = len(following) + 1
    if states > Limits.states:
        raise _too_large()
    tree = np.array([(*edge, target) for edge, target in following.items()])
    used, column = np.unique(tree[:, 1], return_inverse=True)
    table = np.full((states, len(used)), NONE, np.int32)
    table[tree[:, 0], column] = tree[:, 2]
    accepting = np.zeros(states, bool)
    accepting[ends] = True
    small, ends_of, _ = minimise(table, accepting, 0)
    # The end that nothing can follow moves behind the other states, where the next piece begins.
    last = np.flatnonzero((small == NONE).all(axis=1))
    number = np.argsort(np.append(np.delete(np.arange(len(small)), last), last)).astype(np.int32)
    early = number[np.setdiff1d(np.flatnonzero(ends_of), last)]
    sources, columns = np.nonzero(small != NONE)
    targets = number[small[sources, columns]]
    return _Block(number[sources], used[columns].astype(np.uint8), targets, early, len(small) - 1)


def _too_large() -> TooLarge:
    return TooLarge(f"what may stand here needs more than {Limits.states:,} states: shorten the input.")


def _parts(template: Template, offsets: list[int]) -> tuple[str, ...]:
    """The JSON key that a choice is the value of, counted where there are several; nothing for fixed texts."""
    parts: list[str] = []
    seen: Counter[str] = Counter()
    before = ""
    for piece, begin, end in zip(template, offsets, offsets[1:]):
        name = ""
        if not isinstance(piece, str):
            key = found[-1] if (found := _KEY.findall(before)) else "choice"
            seen[key] += 1
            name = f"{key} {seen[key]}"
        before = piece if isinstance(piece, str) else ""
        parts += [name] * (end - begin)
    return (*parts, "")
