"""The masks of a task's examples, measured: how many tokens each position allows, and what keeping them takes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.constrain.constraints import Constraints
from core.constrain.forced import Encode
from core.constrain.masks import FORCED, MaskStore
from core.tasks.task import Example


@dataclass(frozen=True, eq=False)
class CorpusMasks:
    """`allowed[i]` (positions of example i,) int32 counts the tokens that each position allows, FORCED where the
    schema leaves no choice of text. `rows` different masks were kept, in `kept` bytes with a row number a position;
    packed, one for every position, they would be `dense` bytes. `seconds` is for schemas, forced texts and masks.
    """

    allowed: tuple[np.ndarray, ...]
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
    """Of the gold answers, each with its end. Raises SchemaError for an answer that its schema refuses."""
    tokens = constraints.tokens
    answers = [[*encode(example.answer), tokens.eos] for example in examples]
    store = MaskStore(tokens)
    began = time.perf_counter()
    rows = [
        store.positions(constraints.of(example.input), ids, encode)
        for example, ids in zip(examples, answers, strict=True)
    ]
    seconds = time.perf_counter() - began
    counts = np.array([*(store.count(number) for number in range(len(store))), FORCED], np.int32)  # [-1]: forced
    return CorpusMasks(
        allowed=tuple(counts[numbers] for numbers in rows),
        rows=len(store),
        kept=store.nbytes + sum(numbers.nbytes for numbers in rows),
        dense=4 * tokens.words * sum(map(len, rows)),
        seconds=seconds,
    )
