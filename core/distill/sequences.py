"""Examples as token sequences: prompt, answer, which positions are free, and what was allowed there."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from core.constrain.constraints import Constraints
from core.constrain.engines.constraint import check_answer
from core.constrain.masks import MaskStore
from core.errors import DataError, SchemaError
from core.models.language_model import LanguageModel
from core.tasks.task import Example, Task


@dataclass(frozen=True)
class TokenSequence:
    """`prompt` and `answer` ids, eos ending the answer. `rows[i]` is the mask of answer token i in the
    MaskStore, FORCED where the schema dictated it."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def tokenise(
    lm: LanguageModel,
    constraints: Constraints,
    examples: Iterable[Example],
    store: MaskStore,
    reader: Callable[[str], list[int]],
) -> list[TokenSequence]:
    """Sequences as `lm` reads them; `reader` makes the prompt of an input.

    Raises DataError for an answer its schema refuses, or a sequence longer than the model reads.
    """
    sequences = []
    for number, example in enumerate(examples, 1):
        constraint = constraints.of(example.input)
        prompt = reader(example.input)
        answer = [*lm.encode(example.answer), lm.eos]
        if len(prompt) + len(answer) > lm.context:
            raise DataError(
                f"example {number} needs {len(prompt) + len(answer):,} tokens and the student reads at most "
                f"{lm.context:,}: raise student.context or leave out {example.input[:60]!r}."
            )
        try:
            check_answer(constraint, example.answer)
            rows = store.positions(constraint, answer, lm.encode)
        except SchemaError as error:
            raise DataError(f"example {number} ({example.input[:60]!r}): {error}") from error
        sequences.append(TokenSequence(tuple(prompt), tuple(answer), tuple(rows.tolist())))
    return sequences


def used_tokens(lm: LanguageModel, task: Task, examples: Sequence[Example]) -> set[int]:
    """Ids of a tokenizer that the data and the schema's fixed words need."""
    used = {lm.eos}
    for example in examples:
        used.update(lm.encode(example.input))
        used.update(lm.encode(example.answer))
    used.update(token for text in _schema_words(task) for token in lm.encode(text))
    return used


def _schema_words(task: Task) -> set[str]:
    """Texts of the schema: field names, and the values of its enumerations."""
    found: set[str] = set()

    def visit(node: object) -> None:
        if isinstance(node, dict):
            found.update(map(str, node.get("enum", ())))
            found.update(map(str, node.get("properties", {})))
            for child in node.values():
                visit(child)
        elif isinstance(node, list):
            for child in node:
                visit(child)

    visit(task.output.model_json_schema())
    return found


def batches(lengths: Sequence[int], size: int, seed: int) -> list[list[int]]:
    """Indices in shuffled batches of similar length; the same for the same seed."""
    random = np.random.default_rng(seed)
    noisy = np.asarray(lengths) + random.uniform(0, 6, len(lengths))
    order = np.argsort(noisy, kind="stable").tolist()
    groups = [order[i : i + size] for i in range(0, len(order), size)]
    random.shuffle(groups)
    return groups
