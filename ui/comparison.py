"""What the Compare page compares: finished runs with a report, their models, and the table of measures."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import streamlit as st

from core.distill.config import RunConfig
from core.errors import RunError, StillroomError
from core.evaluate.ratio import Score
from core.evaluate.report import ModelReport, Report
from core.runs import folder as run_folders
from core.runs.folder import RunFolder
from core.tasks import TASKS, Example, Task
from ui.text import as_cell, count, percent, size

ROLES = {"teacher": "Teacher", "untrained": "Untrained student", "trained": "Trained student"}
NOT_MEASURED = "not measured"
LIKELIHOOD = ("perplexity", "perplexity_unmasked", "refused_mass", "calibration_error", "forced_share")
TITLES = {"valid": "Valid", "exact_match": "Exact match", "accuracy": "Accuracy", "field_accuracy": "Field accuracy"}


@dataclass(frozen=True)
class ScoredRun:
    """A finished run and its report. `path` and `stamp` name this version of the report."""

    folder: RunFolder
    report: Report
    path: str
    stamp: int

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def task(self) -> Task:
        return TASKS[self.report.task]

    def config(self) -> RunConfig:
        """Raises RunError if it is missing or damaged."""
        return self.folder.config()

    def saves_adapter(self) -> bool:
        """False also where the configuration cannot tell."""
        try:
            return self.config().student.is_adapter
        except RunError:
            return False


@dataclass(frozen=True)
class Entry:
    """One model of one run. `label` is unique among the models of the chosen runs, and `number` its place among them:
    it keeps its colour whatever else is shown."""

    label: str
    role: str
    run: ScoredRun
    model: ModelReport
    number: int = 0

    @property
    def id(self) -> str:
        """What a link calls it."""
        return f"{self.run.name}/{self.role}"

    @property
    def is_adapter(self) -> bool:
        """Whether what was saved of it is an adapter, which needs its whole base model beside it."""
        return self.role == "trained" and self.run.saves_adapter()

    @property
    def megabytes(self) -> float | None:
        """On disk, of a model that stands alone; None where that is not known, or makes no model."""
        return None if self.is_adapter else self.model.megabytes or None

    @property
    def cost(self) -> float | None:
        """What 1,000 answers cost, in the currency of the prices that the run was told; None where there are none."""
        labels = self.run.report.labels
        if self.role != "teacher" or labels is None or labels.cost is None or not labels.asked:
            return None
        return 1000 * labels.cost / labels.asked


@dataclass(frozen=True)
class Measure:
    """A row of the table: one value a model, as number and as text. `best` says which end is good."""

    title: str
    values: tuple[float | None, ...]
    texts: tuple[str, ...]
    best: Literal["highest", "lowest"] | None

    def is_best(self, i: int) -> bool:
        """Whether value i is the best, unless all are equal."""
        known = [v for v in self.values if v is not None]
        if self.best is None or self.values[i] is None or len(set(known)) < 2:
            return False
        return self.values[i] == (max(known) if self.best == "highest" else min(known))


def scored_runs() -> tuple[dict[str, ScoredRun], list[str]]:
    """Finished runs by name, the newest first and the demo run last; and what is wrong with the rest."""
    runs: dict[str, ScoredRun] = {}
    problems = []
    for folder in run_folders.all_runs():
        path = folder.path / "report.json"
        if folder.name in runs or not path.exists() or folder.status().state != "finished":
            continue
        try:
            stamp = path.stat().st_mtime_ns
            runs[folder.name] = ScoredRun(folder, read_report(str(folder.path), stamp), str(folder.path), stamp)
        except StillroomError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f"the report of {folder.name!r} cannot be read: {error.strerror}.")
    return runs, problems


@st.cache_data(max_entries=64, show_spinner=False)
def read_report(path: str, stamp: int) -> Report:
    """Raises RunError if the report is damaged or about something this version does not know."""
    folder = RunFolder(Path(path))
    report = folder.report()
    if report is None:
        raise RunError(f"the report of {folder.name!r} is gone: run it again.")
    if report.task not in TASKS:
        raise RunError(f"the report of {folder.name!r} is about an unknown task, {report.task!r}.")
    if not report.models or not report.examples:
        raise RunError(f"the report of {folder.name!r} is empty: run it again.")
    return report


def entries(runs: Sequence[ScoredRun]) -> list[Entry]:
    """Every model of the runs: teacher, untrained, trained. Several runs: their names are in the labels."""
    found: list[Entry] = []
    order = list(ROLES)
    for run in runs:
        for model in sorted(run.report.models, key=lambda m: order.index(m.role) if m.role in order else len(order)):
            role = ROLES.get(model.role, model.role)
            label = f"{role} · {run.name}" if len(runs) > 1 else role
            found.append(Entry(label, model.role, run, model, len(found)))
    return found


def metric_title(task: Task, metric: str) -> str:
    if metric in task.output.model_fields:
        return f"Field {metric}"
    return TITLES.get(metric, metric.replace("_", " ").capitalize())


def with_interval(score: Score | None) -> str:
    if score is None:
        return "–"
    low, high = score.interval
    return f"{percent(score.value)} ({100 * low:.2f}–{100 * high:.2f})"


def measures(task: Task, shown: Sequence[Entry]) -> list[Measure]:
    """The table, a row a measure: the headline first, then the other metrics, the mask's share, the cost."""
    headline, *others = task.metrics
    rows = [
        _ratio(f"{metric_title(task, headline)} (95 % interval)", [e.model.scores.get(headline) for e in shown], True)
    ]
    rows += [_ratio(metric_title(task, m), [e.model.scores.get(m) for e in shown]) for m in others]
    for metric in ("valid", headline):
        scores = [e.model.free_scores.get(metric) for e in shown]
        if any(scores):
            rows.append(_ratio(f"Without the mask: {metric_title(task, metric).lower()}", scores))
    if any(clean := [e.model.clean_scores.get(headline) for e in shown]):
        rows.append(_ratio(f"{metric_title(task, headline)} without leaked examples", clean))
    found = [e.run.report.recovery if e.role == "trained" else None for e in shown]
    for title, shares in (
        ("Recovery (student / teacher)", [r.share if r else None for r in found]),
        ("Recovered gain", [r.gain if r else None for r in found]),
    ):
        if any(share is not None for share in shares):
            rows.append(Measure(title, tuple(shares), tuple(map(_percent, shares)), "highest"))
    models = [e.model for e in shown]
    calls = [e.model.model_calls / len(e.run.report.examples) for e in shown]
    return [
        *rows,
        *_speed_and_memory(models),
        _cost("Parameters", [m.parameters or None for m in models], [count(m.parameters) for m in models]),
        Measure("Size on disk", tuple(e.megabytes for e in shown), tuple(map(_size, shown)), "lowest"),
        _cost("Time an example", [m.ms_per_example for m in models], [f"{m.ms_per_example:,.1f} ms" for m in models]),
        _cost("Cost of 1,000 answers", [e.cost for e in shown], [f"{e.cost or 0:,.4g}" for e in shown]),
        _cost("Model calls an example", calls, [f"{value:,.1f}" for value in calls]),
    ]


def _speed_and_memory(models: Sequence[ModelReport]) -> list[Measure]:
    """Rows of what newer reports, or only those made on a GPU, have."""
    rows: list[Measure] = []
    speeds = tuple(m.tokens_per_second for m in models)
    if any(speeds):
        texts = tuple(f"{v:,.0f}" if v else NOT_MEASURED for v in speeds)
        rows.append(Measure("Tokens a second", speeds, texts, "highest"))
    peaks = tuple(m.peak_megabytes for m in models)
    if any(peaks):
        rows.append(Measure("GPU memory", peaks, tuple(size(v) if v else NOT_MEASURED for v in peaks), "lowest"))
    return rows


def _ratio(title: str, scores: Sequence[Score | None], interval: bool = False) -> Measure:
    values = tuple(s.value if s else None for s in scores)
    return Measure(
        title, values, tuple(map(with_interval, scores)) if interval else tuple(map(_percent, values)), "highest"
    )


def examples_csv(task: Task, shown: Sequence[Entry]) -> str:
    """Every answer of the models, a line an answer, with its counts; the free ones too."""
    metrics = list(task.metrics)
    target = io.StringIO()
    lines = csv.writer(target)
    counts = [f"{m}{end}" for m in metrics for end in ("_hits", "_total")]
    lines.writerow(["run", "role", "masked", "example", "input", "gold", "output", *counts])
    for entry in shown:
        examples = entry.run.report.examples
        for masked, outputs in (("yes", entry.model.outputs), ("no", entry.model.free_outputs)):
            for i, (example, output) in enumerate(zip(examples, outputs, strict=False), 1):
                found = task.evaluate(Example(example.input, example.gold), output) if task.parse(example.gold) else {}
                figures = [n for m in metrics for n in found.get(m, ("", ""))]
                head = [as_cell(entry.run.name), entry.role, masked, i]
                lines.writerow([*head, *map(as_cell, (example.input, example.gold, output)), *figures])
    return target.getvalue()


def _cost(title: str, values: Sequence[float | None], texts: Sequence[str]) -> Measure:
    """A model behind an API does not tell its size."""
    known = tuple("–" if value is None else text for value, text in zip(values, texts, strict=True))
    return Measure(title, tuple(values), known, "lowest")


def _size(entry: Entry) -> str:
    known = size(entry.model.megabytes) if entry.model.megabytes else "–"
    return f"adapter of {known}, and its base" if entry.is_adapter else known


def _percent(value: float | None) -> str:
    return "–" if value is None else percent(value)


def conditions(runs: Sequence[ScoredRun], shown: Sequence[Entry]) -> list[str]:
    """A line a run: on what its figures were found, and how honest that is."""
    lines = []
    for run in runs:
        report = run.report
        leaks = _leaks(report) + (f" · {report.left_out} of the data left out: they do not fit" * bool(report.left_out))
        free = max((len(e.model.free_outputs) for e in shown if e.run is run), default=0)
        without = f" · without the mask: the first {free}" if free else ""
        start = f"{run.name}: " if len(runs) > 1 else ""
        by = " · no gold answers: the teacher's stand for gold" if report.gold_by == "teacher" else ""
        lines.append(
            f"{start}{len(report.examples)} held-out examples of the data {report.data!r}{by}{without} · {leaks} · "
            f"{report.machine} · trained for {report.seconds / 60:.1f} min"
        )
    return lines


def warnings(runs: Sequence[ScoredRun]) -> list[str]:
    """Why figures of these runs may not compare."""
    found: list[str] = []
    if len({tuple((e.input, e.gold) for e in run.report.examples) for run in runs}) > 1:
        found.append("These runs were scored on different examples: compare with care.")
    if len({run.report.machine for run in runs}) > 1:
        found.append("These runs were scored on different machines: times do not compare.")
    return found


def _leaks(report: Report) -> str:
    """How many examples were trained on as well, or nearly so."""
    exact = f"{report.leaks} of them also stand in train" if report.leaks else "no leaks from train"
    if report.near_leaks is None:
        return f"{exact}, near ones not measured"
    return exact + (f", {report.near_leaks} more nearly do" if report.near_leaks else ", no near ones")


def to_csv(task: Task, shown: Sequence[Entry]) -> str:
    """The table's figures as plain numbers, a line a model."""
    metrics = list(task.metrics)
    target = io.StringIO()
    lines = csv.writer(target)
    parts = [f"{m}{end}" for m in metrics for end in ("", "_low", "_high", "_hits", "_total")]
    costs = ("parameters", "megabytes", "ms_per_example", "model_calls", "tokens_per_second", "peak_megabytes")
    free, rest = [f"free_{m}" for m in metrics], ["agreement", "examples", "machine"]
    lines.writerow(["run", "role", "name", *parts, *free, *costs, "cost_per_1000", *LIKELIHOOD, *rest])
    for entry in shown:
        model, report = entry.model, entry.run.report
        row: list[object] = [as_cell(entry.run.name), entry.role, as_cell(model.name)]
        for metric in metrics:
            score = model.scores.get(metric)
            row += [score.value, *score.interval, score.hits, score.total] if score else [""] * 5
        row += [s.value if (s := model.free_scores.get(m)) else "" for m in metrics]
        row += [getattr(model, name) for name in costs]
        row.append("" if entry.cost is None else entry.cost)
        read = model.likelihood
        row += [getattr(read, name) if read else "" for name in LIKELIHOOD]
        row.append(read.agreement.value if read and read.agreement else "")
        lines.writerow([*row, len(report.examples), report.machine])
    return target.getvalue()
