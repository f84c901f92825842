"""From a template to its automaton: an input-conditioned schema of fixed texts and choices of texts.

Every example has its own, so this must cost next to nothing: the automaton of a choice is compiled once and
copied into place between the fixed texts. The result is what `compile.py` would make of the same expression.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np

from core.constrain import compile as compiler
from core.constrain.automaton import NONE, Automaton
from core.constrain.engines.constraint import encode
from core.constrain.expression import Either, Expression, Text, Then
from core.errors import SchemaError

Template = tuple[str | tuple[str, ...], ...]

_KEY = re.compile(r'"([^"\\]+)":"?$')


def automaton(template: Template, name: str = "template") -> Automaton:
    """Raises SchemaError for an empty template or choice, and for what is no text."""
    if not template:
        raise SchemaError("the template is empty: it needs at least one piece.")
    blocks = [_literal(encode(piece)) if isinstance(piece, str) else _choice(piece) for piece in template]
    found = [block for block in blocks if block is not None]
    if len(found) < len(blocks):  # one choice begins another: what follows decides
        return compiler.compile(expression(template), name)
    offsets = [0, *accumulate(block.states for block in found)]
    table = np.full((offsets[-1] + 1, 256), NONE, np.int32)
    shift = np.repeat(np.array(offsets[:-1], np.int32), [len(block.byte) for block in found])
    state, target = (np.concatenate(arrays) + shift for arrays in zip(*((b.state, b.target) for b in found)))
    table[state, np.concatenate([block.byte for block in found])] = target
    accepting = np.zeros(len(table), bool)
    accepting[-1] = True
    return Automaton(name, table, accepting, _parts(template, offsets))


def expression(template: Template) -> Expression:
    """The template as an expression."""
    return Then(tuple(Text(piece) if isinstance(piece, str) else Either(_texts(piece)) for piece in template))


def _texts(choices: tuple[str, ...]) -> tuple[Expression, ...]:
    if not choices or not all(choices):
        raise SchemaError(
            "the template has an empty choice: every choice needs at least one text, and no text is empty."
        )
    return tuple(Text(encode(choice).decode()) for choice in dict.fromkeys(choices))


@dataclass(frozen=True, eq=False)
class _Block:
    """The transitions of one piece, its `states` numbered from 0; the next piece begins at the number after them."""

    state: np.ndarray
    byte: np.ndarray
    target: np.ndarray
    states: int


def _literal(text: bytes) -> _Block:
    place = np.arange(len(text), dtype=np.int32)
    return _Block(place, np.frombuffer(text, np.uint8), place + 1, len(text))


@lru_cache(maxsize=512)
def _choice(choices: tuple[str, ...]) -> _Block | None:
    """None if one choice is the beginning of another one."""
    found = compiler.compile(Either(_texts(choices)), "choice")
    ends = np.flatnonzero(found.accepting)
    if len(ends) != 1 or found.allowed_bytes(int(ends[0])):
        return None
    state, byte = np.nonzero(found.next_state != NONE)
    # The end moves behind the other states, where the next piece begins.
    order = np.append(np.delete(np.arange(len(found)), ends[0]), ends[0])
    number = np.empty(len(found), np.int32)
    number[order] = np.arange(len(found), dtype=np.int32)
    return _Block(number[state], byte.astype(np.uint8), number[found.next_state[state, byte]], len(found) - 1)


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
