"""A report as plain data: what was found on held-out examples. Written to `report.json`.

What is None was not measured.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from core.evaluate.parts import PartScores, part_scores
from core.evaluate.ratio import Score, ratio
from core.paths import without_place
from core.tasks.task import Counts, Example, Task


def scores(task: Task, examples: Sequence[Example], outputs: Iterable[str]) -> dict[str, Score]:
    """Micro averages of every metric over the examples that have an output."""
    found: dict[str, list[tuple[int, int]]] = {}
    for example, output in zip(examples, outputs, strict=False):
        counts: Counts = task.evaluate(example, output)
        for name, count in counts.items():
            found.setdefault(name, []).append(count)
    return {name: ratio(counts) for name, counts in found.items()}


class Bin(BaseModel):
    """Positions at which a model was about equally sure: how sure, and how often it was right."""

    model_config = ConfigDict(frozen=True)
    count: int
    confidence: float
    accuracy: float


class Likelihood(BaseModel):
    """What a model makes of the gold answers: means over their `free` positions; `forced` ones cost nothing.

    Perplexities are per free position: `perplexity` among the allowed tokens, `perplexity_unmasked` in the whole
    vocabulary. `refused_mass` is the probability on refused tokens before any mask. `calibration_error` is the mean
    distance of confidence from accuracy over `bins` (Guo et al. 2017), under the mask. `agreement`: the first choice
    is the teacher's. `losses[i]` is the mean loss, in nats, of the report's example i; None where nothing was read.
    """

    model_config = ConfigDict(frozen=True)
    free: int
    forced: int
    perplexity: float
    perplexity_unmasked: float
    refused_mass: float
    calibration_error: float
    bins: tuple[Bin, ...]
    losses: tuple[float | None, ...]
    agreement: Score | None = None

    @property
    def forced_share(self) -> float:
        return self.forced / (self.free + self.forced)

    def hardest(self) -> list[int]:
        """Examples that were read, the highest loss first: where a model is surely wrong, or at a loss."""
        known = [(loss, i) for i, loss in enumerate(self.losses) if loss is not None]
        return [i for loss, i in sorted(known, key=lambda pair: (-pair[0], pair[1]))]


class ModelReport(BaseModel):
    """One model on the report's examples; its `name` does not say where on this machine it is. `outputs[i]` answers
    `Report.examples[i]`; `free` is the same without the constraint, on the first `len(free_outputs)` examples.
    `clean_scores` leave out what leaked. `peak_megabytes` is the most of the GPU's memory that it took while answering,
    its weights included, those of other models not. Sizes are 0 where they are not known."""

    model_config = ConfigDict(frozen=True)
    name: Annotated[str, AfterValidator(without_place)]
    role: str
    parameters: int
    megabytes: float
    ms_per_example: float
    model_calls: int
    scores: dict[str, Score]
    outputs: tuple[str, ...]
    free_scores: dict[str, Score] = {}
    free_outputs: tuple[str, ...] = ()
    tokens_per_second: float | None = None
    peak_megabytes: float | None = None
    parts: PartScores | None = None
    likelihood: Likelihood | None = None
    clean_scores: dict[str, Score] = {}


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


class Recovery(BaseModel):
    """The student beside its teacher, by the task's first metric. `share`: student / teacher. `gain`: of the way from
    the untrained student to the teacher, how much was gone; None where the teacher is no better than it."""

    model_config = ConfigDict(frozen=True)
    share: float
    gain: float | None = None


class Report(BaseModel):
    """Everything found about one run. `leaks` counts the examples that were trained on as well, `near_leaks` those
    that nearly were, `leaked` are the places of both. `left_out`: examples of the data that did not fit and were
    not used. `seconds` is what the steps of training took. Where `gold_by` is the teacher, the data has no gold and
    the teacher's answers stand for it: scores say how well a model agrees with it, and whether it is valid."""

    model_config = ConfigDict(frozen=True)
    task: str
    data: str
    machine: str
    seconds: float
    leaks: int
    examples: tuple[ReportExample, ...]
    models: tuple[ModelReport, ...]
    labels: LabelReport | None = None
    near_leaks: int | None = None
    leaked: tuple[int, ...] = ()
    left_out: int | None = None
    recovery: Recovery | None = None
    gold_by: Literal["data", "teacher"] = "data"

    def model(self, role: str) -> ModelReport | None:
        return next((m for m in self.models if m.role == role), None)


def completed(report: Report, task: Task) -> Report:
    """The report with all that follows from its answers: intervals that take examples as the unit, scores of the
    parts, scores without what leaked, recovery. What had to be measured stays as it is; so does a report whose gold
    answers are none of the task, as it is today."""
    examples = [Example(e.input, e.gold) for e in report.examples]
    if any(task.parse(e.answer) is None for e in examples):
        return report
    models = tuple(_completed(m, task, examples, report.leaked) for m in report.models)
    return report.model_copy(update={"models": models, "recovery": _recovery(models, task.metrics[0])})


def _completed(model: ModelReport, task: Task, examples: Sequence[Example], leaked: Sequence[int]) -> ModelReport:
    if len(model.outputs) != len(examples):
        return model
    clean = sorted(set(range(len(examples))) - set(leaked))
    update: dict[str, Any] = {
        "scores": scores(task, examples, model.outputs),
        "parts": part_scores(task, examples, model.outputs),
    }
    if leaked and clean:
        update["clean_scores"] = scores(task, [examples[i] for i in clean], [model.outputs[i] for i in clean])
    return model.model_copy(update=update)


def _recovery(models: Sequence[ModelReport], metric: str) -> Recovery | None:
    values = {m.role: m.scores[metric].value for m in models if metric in m.scores}
    teacher, student, untrained = (values.get(role) for role in ("teacher", "trained", "untrained"))
    if not teacher or student is None:
        return None
    gain = None
    if untrained is not None and teacher > untrained:
        gain = (student - untrained) / (teacher - untrained)
    return Recovery(share=student / teacher, gain=gain)
