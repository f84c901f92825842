"""Engines side by side on one schema and one text: what they cost, and whether their masks are the same.

The reference is exact. Every mask of the text is compared with its mask, token by token.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.constrain.engines.constraint import NONE, Constraint, refusal
from core.constrain.schema import Schema
from core.errors import SchemaError

LARGEST = 100_000_000  # states x tokens, about ten seconds of outlines
ENDLESS = ("outlines", "xgrammar")  # they have no limit of time
MOST_REPEATED = 10_000
SHOWN = 4  # differences of each kind


@dataclass(frozen=True)
class Difference:
    """A token before step `step` that only the reference allows, or only the engine (`extra`), and why."""

    step: int
    token: int
    text: str
    extra: bool
    why: str


@dataclass(frozen=True)
class Judged:
    """One engine. `first_ms` is from the schema to its first mask, `mask_us` the mean of the text's masks.

    `missing` and `extra` count tokens over all steps; `not_run` says why there are no figures; `stopped` is the
    step whose token the engine refuses, if there is one.
    """

    engine: str
    not_run: str = ""
    first_ms: float = 0.0
    mask_us: float = 0.0
    steps: int = 0
    missing: int = 0
    extra: int = 0
    differing: int = 0
    stopped: int | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def agrees(self) -> bool:
        return not (self.not_run or self.differing or self.stopped is not None)


def too_slow(engine: str, schema: Schema, states: int, tokens: int) -> str:
    """Why an engine without limits is not run on a schema whose automaton has so many states, 0 if it has none;
    empty if it may be."""
    if engine not in ENDLESS:
        return ""
    if states * tokens > LARGEST:
        return f"not run: {states:,} states are too many for {engine}, which takes long over them and cannot be stopped"
    if not states and (schema.expression is not None or _largest_number(schema.json_schema) > MOST_REPEATED):
        return f"not run: the schema is so large that {engine}, which cannot be stopped, may never come to an end"
    return ""


def judge(engine: str, make: Callable[[], Constraint], reference: Constraint, ids: Sequence[int]) -> Judged:
    """Measures a constraint made by `make` along the tokens `ids`, which the reference accepts."""
    try:
        began = time.perf_counter()
        constraint = make()
        constraint.mask(constraint.start)
        first_ms = 1000 * (time.perf_counter() - began)
        rows, seconds, stopped = _masks(constraint, ids)
        differences, missing, extra, differing = _compare(constraint, reference, ids, rows)
    except SchemaError as error:
        return Judged(engine, str(error))
    us = 1e6 * seconds / len(rows)
    return Judged(engine, "", first_ms, us, len(rows), missing, extra, differing, stopped, differences)


def _masks(constraint: Constraint, ids: Sequence[int]) -> tuple[list[np.ndarray], float, int | None]:
    """The mask before each token and after the last, the seconds they took, and the step that was refused."""
    rows, seconds, state = [], 0.0, constraint.start
    for step in range(len(ids) + 1):
        began = time.perf_counter()
        rows.append(constraint.mask(state))
        seconds += time.perf_counter() - began
        if step == len(ids) or ids[step] == constraint.tokens.eos:
            break
        following = constraint.advance(state, ids[step])
        if following == NONE:
            return rows, seconds, step
        state = following
    return rows, seconds, None


def _compare(
    constraint: Constraint, reference: Constraint, ids: Sequence[int], rows: list[np.ndarray]
) -> tuple[tuple[Difference, ...], int, int, int]:
    """Up to SHOWN tokens of each kind of difference, where they were met first; then missing and extra tokens, and
    the steps that have any."""
    found: dict[tuple[bool, int], Difference] = {}
    missing = extra = differing = 0
    theirs, ours = constraint.start, reference.start
    for step, row in enumerate(rows):
        exact = reference.mask(ours)
        if not np.array_equal(row, exact):
            lost, more = reference.tokens.ids(exact & ~row), reference.tokens.ids(row & ~exact)
            missing, extra, differing = missing + len(lost), extra + len(more), differing + 1
            fresh = [_lost(constraint, theirs, step, token) for token in lost[:SHOWN].tolist()]
            fresh += [_extra(reference, ours, step, token) for token in more[:SHOWN].tolist()]
            for one in fresh:
                found.setdefault((one.extra, one.token), one)
        if step + 1 < len(rows):
            theirs, ours = constraint.advance(theirs, ids[step]), reference.advance(ours, ids[step])
    both = [[one for one in found.values() if one.extra == is_extra][:SHOWN] for is_extra in (False, True)]
    return (*both[0], *both[1]), missing, extra, differing


def _lost(constraint: Constraint, state: int, step: int, token: int) -> Difference:
    text = constraint.tokens.text([token]) or "the end"
    dies_at, expected = refusal(constraint, state, token)
    if token != constraint.tokens.eos and dies_at == len(constraint.tokens.bytes_of[token]):
        return Difference(step, token, text, False, "it can read these bytes, and leaves this spelling of them out")
    return Difference(step, token, text, False, f"it refuses byte {dies_at}: it expects {expected or 'nothing'}")


def _extra(reference: Constraint, state: int, step: int, token: int) -> Difference:
    dies_at, expected = refusal(reference, state, token)
    text = reference.tokens.text([token]) or "the end"
    return Difference(step, token, text, True, f"the schema refuses byte {dies_at}: expected {expected}")


def _largest_number(value: object) -> float:
    return max(_numbers(value), default=0)


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for child in value.values():
            yield from _numbers(child)
    elif isinstance(value, list):
        for child in value:
            yield from _numbers(child)
    elif isinstance(value, (int, float)):
        yield value
