"""The masks of a task's examples, measured: how many tokens each position allows, and what keeping them takes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.constrain.constraints import Constraints
from core.constrain.forced import Encode
from core.constrain.masks import FORCED, MaskStore
from core.errors import DataError, SchemaError, StillroomError
from core.tasks.task import Example


@dataclass(frozen=True, eq=False)
class CorpusMasks:
    """`allowed[i]` (positions of example i,) int32 counts the tokens that each position allows, FORCED where the
    schema leaves no choice of text. `rows` different masks were kept, in `kept` bytes with a row number a position;
    packed, one for every position, they would be `dense` bytes. `seconds` is for schemas, forced texts and masks.
    `refused` holds the places of the examples that were left out, each with why; `places` those of the others, but
    for `ungraded` ones that have no gold answer.
    """

    allowed: tuple[np.ndarray, ...]
    places: tuple[int, ...]
    refused: tuple[tuple[int, str], ...]
    ungraded: int
    rows: int
    kept: int
    dense: int
    seconds: float

    @property
    def positions(self) -> int:
        return sum(map(len, self.allowed))

    @property
    def forced(self) -> int:
        return sum(int((counts == FORCED).sum()) for counts in self.allowed)


def measure(constraints: Constraints, examples: Sequence[Example], encode: Encode) -> CorpusMasks:
    """Of the gold answers, each with its end. An answer that its schema refuses is left out. Raises SchemaError if
    that leaves none, DataError if there is none."""
    tokens = constraints.tokens
    graded = {place: example for place, example in enumerate(examples) if example.answer}
    answers = [[*encode(example.answer), tokens.eos] for example in graded.values()]
    store = MaskStore(tokens)
    found: dict[int, np.ndarray] = {}
    refused: list[tuple[int, str]] = []
    began = time.perf_counter()
    for (place, example), ids in zip(graded.items(), answers, strict=True):
        try:
            found[place] = store.positions(constraints.of(example.input), ids, encode)
        except StillroomError as error:
            refused.append((place, str(error)))
    seconds = time.perf_counter() - began
    if not examples:
        raise DataError("there are no examples to measure: choose another split.")
    if not graded:
        raise DataError("these inputs have no gold answers, whose masks could be counted: choose other data.")
    if not found:
        raise SchemaError(f"not one of these {len(graded)} answers keeps to its schema. The first: {refused[0][1]}")
    rows = list(found.values())
    counts = np.array([*(store.count(number) for number in range(len(store))), FORCED], np.int32)  # [-1]: forced
    return CorpusMasks(
        allowed=tuple(counts[numbers] for numbers in rows),
        places=tuple(found),
        refused=tuple(refused),
        ungraded=len(examples) - len(graded),
        rows=len(store),
        kept=store.nbytes + sum(numbers.nbytes for numbers in rows),
        dense=4 * tokens.words * sum(map(len, rows)),
        seconds=seconds,
    )
