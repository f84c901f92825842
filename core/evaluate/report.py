"""A report as plain data: what was found on held-out examples. Written to `report.json`."""

import math
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from core.tasks.task import Counts, Example, Task


class Score(BaseModel):
    """A ratio of sums: `hits` of `total`."""

    model_config = ConfigDict(frozen=True)
    hits: int
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval (Wilson 1927), taking the counted items as independent."""
        if not self.total:
            return 0.0, 1.0
        z2 = 1.96**2
        centre = (self.value + z2 / (2 * self.total)) / (1 + z2 / self.total)
        spread = self.value * (1 - self.value) / self.total + z2 / (4 * self.total**2)
        half = 1.96 * math.sqrt(spread) / (1 + z2 / self.total)
        return max(0.0, centre - half), min(1.0, centre + half)


def scores(task: Task, examples: Sequence[Example], outputs: Iterable[str]) -> dict[str, Score]:
    """Micro averages of every metric over the examples that have an output."""
    total: Counts = {}
    for example, output in zip(examples, outputs, strict=False):
        for name, (hits, of) in task.evaluate(example, output).items():
            a, b = total.get(name, (0, 0))
            total[name] = (a + hits, b + of)
    return {name: Score(hits=hits, total=of) for name, (hits, of) in total.items()}


class ModelReport(BaseModel):
    """One model on the report's examples. `outputs[i]` answers `Report.examples[i]`; `free` is the
    same without the constraint, on the first `len(free_outputs)` examples. Sizes are 0 where they are not known."""

    model_config = ConfigDict(frozen=True)
    name: str
    role: str
    parameters: int
    megabytes: float
    ms_per_example: float
    model_calls: int
    scores: dict[str, Score]
    outputs: tuple[str, ...]
    free_scores: dict[str, Score] = {}
    free_outputs: tuple[str, ...] = ()


class LabelReport(BaseModel):
    """A teacher's answers that were learned. `refused` were left out; `scores` say how well the learned ones agree
    with gold; `cost` is what the tokens of all that was `asked` cost, None without prices."""

    model_config = ConfigDict(frozen=True)
    asked: int
    learned: int
    refused: int
    scores: dict[str, Score]
    tokens_in: int
    tokens_out: int
    cost: float | None = None


class ReportExample(BaseModel):
    model_config = ConfigDict(frozen=True)
    input: str
    gold: str


class Report(BaseModel):
    """Everything found about one run. `leaks` counts the examples that were trained on as well; `seconds`
    is what the steps of training took."""

    model_config = ConfigDict(frozen=True)
    task: str
    data: str
    machine: str
    seconds: float
    leaks: int
    examples: tuple[ReportExample, ...]
    models: tuple[ModelReport, ...]
    labels: LabelReport | None = None

    def model(self, role: str) -> ModelReport | None:
        return next((m for m in self.models if m.role == role), None)
