"""A task as plain data: what goes in, what must come out, how it is explained and how it is scored.

Adding a task is one file that builds a `Task`, and its name in `core/tasks/__init__.py`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from core.errors import DataError
from core.spelling import Template

# One thing that an answer says: what it is about (a word, a field), and what is said of it.
Part = tuple[str, str]

# Metric name -> (hits, total), so that a corpus score is a ratio of sums (micro average).
Counts = dict[str, tuple[int, int]]

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Example:
    """One input and its gold answer, serialised; empty where the data has none. `labels` are what the data charts
    count."""

    input: str
    answer: str
    labels: tuple[str, ...] = ()


def without_gold(inputs: Iterable[str]) -> list[Example]:
    return [Example(text, "") for text in inputs]


@dataclass(frozen=True)
class Dataset:
    """Examples in a fixed split."""

    name: str
    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]

    @classmethod
    def cut(cls, name: str, examples: Sequence[Example], noun: str) -> "Dataset":
        """The `examples` of one file split 8 : 1 : 1 in their order. Raises DataError for too few of them."""
        if len(examples) < 10:
            raise DataError(f"{name} is too short: a split needs at least 10 {noun}, and it has {len(examples)}.")
        a, b = len(examples) * 8 // 10, len(examples) * 9 // 10
        return cls(name, tuple(examples[:a]), tuple(examples[a:b]), tuple(examples[b:]))

    @property
    def without_gold(self) -> tuple[Example, ...]:
        """The examples whose answer is not known."""
        return tuple(e for e in (*self.train, *self.dev, *self.test) if not e.answer)

    def split(self, name: str) -> tuple[Example, ...]:
        return {"train": self.train, "dev": self.dev, "test": self.test}[name]

    def leaks(self) -> tuple[str, ...]:
        """Inputs that stand both in train and in a held-out split."""
        seen = {example.input for example in self.train}
        return tuple(e.input for e in (*self.dev, *self.test) if e.input in seen)


@dataclass(frozen=True)
class Task:
    """A single job. `metrics` names the scores, the headline first; `score` counts them for one answer.

    `score(gold, predicted)` gets `None` for an answer that is not valid. `parts(answer)` is what people
    compare, each about one `part_label`; `tags` are the values they choose from, each scored on its own, and
    empty where every part is a field. `template(input)` is the input-conditioned schema. `load(path)` reads
    the bundled data, or the user's file: in the task's format, whose name ends in `suffix`, or plain inputs.
    """

    name: str
    title: str
    description: str
    input_label: str
    output: type[BaseModel]
    instructions: str
    shots: tuple[Example, ...]
    metrics: tuple[str, ...]
    score: Callable[[Any, Any | None], Counts]
    parts: Callable[[Any], tuple[Part, ...]]
    part_label: str
    template: Callable[[str], Template]
    load: Callable[[str | None], Dataset]
    suffix: str
    file_help: str
    path_help: str
    input_help: str | None = None
    tags: tuple[str, ...] = ()

    def parse(self, answer: str) -> BaseModel | None:
        """The answer as the output type, or None if it is not a valid one: as in the schema, without other fields."""
        try:
            return self.output.model_validate_json(answer, strict=True, extra="forbid")
        except ValidationError:
            return None

    def evaluate(self, example: Example, answer: str) -> Counts:
        """Counts of every metric for one answer, `valid` and `exact_match` included."""
        gold, predicted = self.parse(example.answer), self.parse(answer)
        if gold is None:
            raise DataError(f"the gold answer is not a valid {self.output.__name__}: {example.answer[:200]}")
        return {
            **self.score(gold, predicted),
            "exact_match": (int(predicted == gold), 1),
            "valid": (int(predicted is not None), 1),
        }
