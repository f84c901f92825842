"""Downloads of the Compare page: the comparison as a page and as tables, the reports, and the students themselves."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from core.errors import RunError
from core.export.bundle import bundle
from core.export.report_html import Comparison, Confusion, ExampleAnswers, Row, to_html
from core.export.report_svg import Point
from core.models import weights
from core.tasks import Task
from ui import answers, titles
from ui.compare import compare_csv
from ui.compare.compare_table import conditions, measures, warnings
from ui.compare.comparison import Entry, ScoredRun
from ui.compare.shared_examples import Shared, outputs_of, shared_examples
from ui.text import show_error, size


def figures(task: Task, shown: Sequence[Entry], runs: Sequence[ScoredRun]) -> None:
    """The comparison as one HTML file, its figures and its answers as CSV, and each run's report as JSON. Each is made
    when it is asked for."""
    with st.container(horizontal=True):
        st.download_button(
            "Report as HTML",
            lambda: to_html(comparison_of(task, shown, runs)),
            f"{task.name}-comparison.html",
            "text/html",
            key="compare_html",
            on_click="ignore",
            icon=":material/description:",
            help="One file with tables, charts and every answer; opens without a network and runs no script",
        )
        st.download_button(
            "Figures as CSV",
            lambda: compare_csv.of_figures(task, shown),
            f"{task.name}-comparison.csv",
            "text/csv",
            key="compare_csv",
            on_click="ignore",
            icon=":material/table:",
        )
        st.download_button(
            "Answers as CSV",
            lambda: compare_csv.of_answers(task, shown),
            f"{task.name}-answers.csv",
            "text/csv",
            key="compare_examples_csv",
            on_click="ignore",
            icon=":material/list:",
        )
        for i, run in enumerate(runs):
            st.download_button(
                "Report as JSON" if len(runs) == 1 else f"Report {i + 1} as JSON",
                _reader(run, "report.json"),
                f"{run.name}-report.json",
                "application/json",
                key=f"compare_json_{i}",
                on_click="ignore",
                icon=":material/data_object:",
                help=None if len(runs) == 1 else "In the order of the runs chosen above",
            )


def comparison_of(task: Task, shown: Sequence[Entry], runs: Sequence[ScoredRun]) -> Comparison:
    """What the HTML report shows: what the page shows, and every example that the runs share."""
    rows = [
        Row(m.title, m.texts, frozenset(i for i in range(len(m.texts)) if m.is_best(i))) for m in measures(task, shown)
    ]
    return Comparison(
        title=f"{task.title}: {', '.join(run.name for run in runs)}",
        quality=titles.metric(task.metrics[0], task),
        models=tuple(entry.label for entry in shown),
        rows=tuple(rows),
        notes=(*conditions(runs, shown), *warnings(runs)),
        points={
            "Size on disk, MB": _points(task, shown, lambda entry: entry.megabytes),
            "Time an example, ms": _points(task, shown, lambda entry: entry.model.ms_per_example),
        },
        confusions=tuple(Confusion(e.label, e.model.parts.confusion) for e in shown if task.tags and e.model.parts),
        examples=tuple(_example(task, i, e, shown, runs) for i, e in enumerate(shared_examples(runs), 1)),
        sign=answers.WRONG,
    )


def _points(task: Task, shown: Sequence[Entry], cost: Callable[[Entry], float | None]) -> tuple[Point, ...]:
    """The models whose cost is known."""
    found = []
    for entry in shown:
        score = entry.model.scores.get(task.metrics[0])
        if score and (value := cost(entry)):
            found.append(Point(entry.label, value, score.value, *score.interval, entry.number, entry.role))
    return tuple(found)


def _example(
    task: Task, number: int, example: Shared, shown: Sequence[Entry], runs: Sequence[ScoredRun]
) -> ExampleAnswers:
    outputs = outputs_of(example, shown, runs)
    gold = answers.parts(task, example.gold)
    table = answers.columns_of(task, gold, outputs, "Gold", answers.WRONG) if gold is not None else {}
    odd = {k: o for k, o in outputs.items() if o is not None and (gold is None or answers.parts(task, o) is None)}
    right = sum(answers.verdict(task, gold, output) == answers.RIGHT for output in outputs.values())
    return ExampleAnswers(
        input=example.input,
        summary=f"{number} · {right} of {len(outputs)} right ·",
        heads=tuple(table),
        rows=tuple(zip(*table.values(), strict=True)),
        raw=tuple(odd.items()),
    )


def students(runs: Sequence[ScoredRun]) -> None:
    """Each run's student as a zip file, made when it is asked for."""
    for i, run in enumerate(runs):
        megabytes = weights.megabytes(run.folder.student)
        if not megabytes:
            st.text(f"{run.name}: the folder of its student is not here; run it again to get one.")
            continue
        try:
            run.config()
        except RunError as error:
            show_error(str(error))
            continue
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                f"Download the student, {size(megabytes)}",
                partial(bundle, run.folder),
                f"{run.name}-student.zip",
                "application/zip",
                key=f"compare_bundle_{i}",
                on_click="ignore",
                icon=":material/takeout_dining:",
                type="primary",
            )
            st.text(f"{run.name}: weights, tokenizer, schema, report and how to load it")


def _reader(run: ScoredRun, name: str) -> Callable[[], bytes]:
    return lambda: (run.folder.path / name).read_bytes()
