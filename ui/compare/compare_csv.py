"""The Compare page's two files for a spreadsheet: the models' figures, and all their answers."""

import csv
import io
from collections.abc import Iterator, Sequence

from core.evaluate.ratio import Score
from core.evaluate.report import Likelihood
from core.paths import without_place
from core.tasks import Example, Task
from ui.compare.comparison import Entry
from ui.text import as_cell

Row = dict[str, object]  # by the heads of the columns; None is left empty


def of_figures(task: Task, shown: Sequence[Entry]) -> str:
    """A line a model: plain numbers, their units in the heads; empty where something is not known. Of an adapter,
    which needs its base model beside it, the size stands in a column of its own."""
    return _file([_figures(task, entry) for entry in shown])


def _figures(task: Task, entry: Entry) -> Row:
    model, report = entry.model, entry.run.report
    row: Row = {"run": entry.run.name, "role": entry.role, "model": model.name}
    for metric in task.metrics:
        row |= _score(metric, model.scores.get(metric))
    for metric in task.metrics:
        free = model.free_scores.get(metric)
        row[f"{metric}_without_mask"] = free and free.value
    return row | {
        "parameters": model.parameters or None,
        "size_mb": entry.megabytes,
        "adapter_mb": model.megabytes if entry.is_adapter else None,
        "adapter_beside": _base(entry) if entry.is_adapter else None,
        "ms_per_example": model.ms_per_example,
        "model_calls_per_example": model.model_calls / len(report.examples),
        "tokens_per_second": model.tokens_per_second,
        "gpu_memory_mb": model.peak_megabytes,
        "cost_per_1000_answers": entry.cost,
        **_likelihood(model.likelihood),
        "examples": len(report.examples),
        "machine": report.machine,
    }


def _base(entry: Entry) -> str:
    """What an adapter is beside."""
    config = entry.run.config()
    return without_place(config.base)


def _score(metric: str, score: Score | None) -> Row:
    heads = (metric, *(f"{metric}_{part}" for part in ("low", "high", "hits", "total")))
    figures = (score.value, *score.interval, score.hits, score.total) if score else (None,) * 5
    return dict(zip(heads, figures, strict=True))


def _likelihood(read: Likelihood | None) -> Row:
    return {
        "perplexity_of_allowed": read and read.perplexity,
        "perplexity_of_all": read and read.perplexity_unmasked,
        "refused_mass": read and read.refused_mass,
        "calibration_error": read and read.calibration_error,
        "forced_share": read and read.forced_share,
        "agreement": read and read.agreement and read.agreement.value,
    }


def of_answers(task: Task, shown: Sequence[Entry]) -> str:
    """A line an answer, those without the mask too: what it is, and its counts."""
    return _file([row for entry in shown for row in _answers(task, entry)])


def _answers(task: Task, entry: Entry) -> Iterator[Row]:
    examples = entry.run.report.examples
    for mask, outputs in (("with", entry.model.outputs), ("without", entry.model.free_outputs)):
        for number, (example, output) in enumerate(zip(examples, outputs, strict=False), 1):
            row: Row = {"run": entry.run.name, "role": entry.role, "mask": mask, "example": number}
            row |= {"input": example.input, "gold": example.gold, "output": output}
            found = task.evaluate(Example(example.input, example.gold), output) if task.parse(example.gold) else {}
            for metric in task.metrics:
                row[f"{metric}_hits"], row[f"{metric}_total"] = found.get(metric, (None, None))
            yield row


def _file(rows: Sequence[Row]) -> str:
    target = io.StringIO()
    lines = csv.DictWriter(target, list(rows[0]) if rows else [])
    lines.writeheader()
    safe = lambda cell: as_cell(cell) if isinstance(cell, str) else cell
    lines.writerows({head: safe(cell) for head, cell in row.items()} for row in rows)
    return target.getvalue()
