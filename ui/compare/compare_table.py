"""The Compare page's table, a measure a line, and under what conditions its figures were found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.evaluate.ratio import Score
from core.evaluate.report import ModelReport, Report
from core.tasks import Task
from ui import titles
from ui.compare.comparison import Entry, ScoredRun
from ui.text import count, duration, percent, size
from ui.titles import MASKED

NOT_MEASURED = "not measured"


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


def with_interval(score: Score | None) -> str:
    if score is None:
        return "–"
    low, high = score.interval
    return f"{percent(score.value)} ({100 * low:.2f}–{100 * high:.2f})"


def measures(task: Task, shown: Sequence[Entry]) -> list[Measure]:
    """The table, a row a measure: the headline first, then the other metrics, the mask's share, the cost."""
    headline, *others = task.metrics
    rows = _headline(titles.metric(headline, task), [e.model.scores.get(headline) for e in shown])
    rows += [_ratio(titles.metric(m, task), [e.model.scores.get(m) for e in shown]) for m in others]
    for metric in ("valid", headline):
        scores = [e.model.free_scores.get(metric) for e in shown]
        if any(scores):
            rows.append(_ratio(f"{MASKED[False]}: {titles.metric(metric, task).lower()}", scores))
    if any(clean := [e.model.clean_scores.get(headline) for e in shown]):
        rows.append(_ratio(f"{titles.metric(headline, task)} without leaks", clean))
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


def _headline(title: str, scores: Sequence[Score | None]) -> list[Measure]:
    """Its interval has a row of its own: beside the value it would not fit into the columns of a narrow window."""
    interval = Measure(f"{title}, 95 % interval", (None,) * len(scores), tuple(map(_interval, scores)), None)
    return [_ratio(title, scores), interval]


def _speed_and_memory(models: Sequence[ModelReport]) -> list[Measure]:
    """Rows of what not every report says: memory only where a GPU was in use."""
    rows: list[Measure] = []
    speeds = tuple(m.tokens_per_second for m in models)
    if any(speeds):
        texts = tuple(f"{v:,.0f}" if v else NOT_MEASURED for v in speeds)
        rows.append(Measure("Tokens a second", speeds, texts, "highest"))
    peaks = tuple(m.peak_megabytes for m in models)
    if any(peaks):
        rows.append(Measure("GPU memory", peaks, tuple(size(v) if v else NOT_MEASURED for v in peaks), "lowest"))
    return rows


def _ratio(title: str, scores: Sequence[Score | None]) -> Measure:
    values = tuple(s.value if s else None for s in scores)
    return Measure(title, values, tuple(map(_percent, values)), "highest")


def _interval(score: Score | None) -> str:
    if score is None:
        return "–"
    low, high = score.interval
    return f"{100 * low:.2f}–{100 * high:.2f} %"


def _cost(title: str, values: Sequence[float | None], texts: Sequence[str]) -> Measure:
    """A model behind an API does not tell its size."""
    known = tuple("–" if value is None else text for value, text in zip(values, texts, strict=True))
    return Measure(title, tuple(values), known, "lowest")


def _size(entry: Entry) -> str:
    known = size(entry.model.megabytes) if entry.model.megabytes else "–"
    return f"{known} beside its base" if entry.is_adapter else known


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
            f"{report.machine} · trained for {duration(report.seconds)}"
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
