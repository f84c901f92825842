"""The Compare page's upper half: which runs and models are compared, the headline, table and charts of figures."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.tasks import Task
from ui import charts, titles
from ui.compare import compare_charts, compare_table
from ui.compare.comparison import Entry, ScoredRun
from ui.page_tools import VISIT, given_all, linked, to_address, went_back
from ui.text import literal, percent, show_error

BEST = "★"
MANY = 5  # models


def no_runs(problems: Sequence[str]) -> None:
    """What to do when there is nothing to compare."""
    st.info(
        "There is no finished run with a report yet. Distil a student first: about five minutes with the Quick preset."
    )
    st.page_link("pages/distill.py", label="Go to Distill", icon=":material/science:")
    show_problems(problems)


def show_problems(problems: Sequence[str]) -> None:
    for problem in problems:
        show_error(problem)


def choose_runs(runs: dict[str, ScoredRun]) -> list[ScoredRun]:
    """The runs to compare, at first those the link names (?run=), else the newest. A link leads here when the page is
    come to; after that the choice alone counts, and the link follows it: the address that comes with a click may be
    older than the choice."""
    names, state, said = list(runs), st.session_state, given_all("run", runs)
    if missing := [name for name in st.query_params.get_all("run") if name not in runs]:
        st.toast(f"There is no finished run named {literal(missing[0])}.", icon=":material/link_off:")
    led = said and state.get("compare_visit") != state.get(VISIT)
    state["compare_runs"] = said if led else [name for name in state.get("compare_runs", names[:1]) if name in runs]
    chosen = st.multiselect(
        "Runs",
        names,
        key="compare_runs",
        placeholder="Choose at least one finished run",
        wrap=True,
        persist_state="session",
    )
    to_address("run", chosen)
    state["compare_visit"] = state.get(VISIT)
    return [runs[name] for name in chosen]


def choose_models(known: Sequence[Entry]) -> list[Entry]:
    """Which of the runs' models stand in the tables and charts: all, unless the link (?model=) or the user says."""
    by_id = {entry.id: entry for entry in known}
    key = f"compare_models {' '.join(by_id)}"
    if key not in st.session_state or went_back():
        st.session_state[key] = given_all("model", by_id) or list(by_id)
    chosen = st.multiselect(
        "Models",
        list(by_id),
        format_func=lambda name: by_id[name].label,
        key=key,
        placeholder="Choose at least one model",
        wrap=True,
        persist_state="session",
    )
    to_address("model", chosen if len(chosen) < len(by_id) else "")
    return [entry for entry in known if entry.id in chosen]


def choose_task(runs: Sequence[ScoredRun]) -> list[ScoredRun]:
    """Runs of one task only: figures of different tasks cannot stand side by side."""
    tasks = {run.task.name: run.task for run in runs}
    if len(tasks) == 1:
        return list(runs)
    linked("compare_task", runs[0].task.name, tasks)
    chosen = st.segmented_control(
        "Task",
        list(tasks),
        format_func=lambda name: tasks[name].title,
        key="compare_task",
        required=True,
        persist_state="session",
        help="The chosen runs have different tasks",
    )
    return [run for run in runs if run.task.name == (chosen or runs[0].task.name)]


def headline(run: ScoredRun) -> None:
    """What became of the student, in four figures beside its teacher's."""
    task, student, teacher = run.task, run.report.model("trained"), run.report.model("teacher")
    score = student.scores.get(task.metrics[0]) if student else None
    if student is None or score is None:
        return
    title = titles.metric(task.metrics[0], task)
    low, high = score.interval
    columns = st.columns(4)
    columns[0].metric(title, percent(score.value), border=True)
    columns[0].caption(f"of the student; 95 % interval {100 * low:.2f}–{100 * high:.2f}")
    if teacher is None:
        return
    found = run.report.recovery
    columns[1].metric("Recovered", percent(found.share) if found else "–", border=True)
    columns[1].caption(f"of the teacher's {title.lower()}; over 100 %, it is better")
    if run.saves_adapter():
        columns[2].metric("Smaller", "–", border=True)
        columns[2].caption(f"an adapter of {student.megabytes:,.1f} MB beside its base model")
    elif teacher.megabytes:  # an API does not tell
        columns[2].metric("Smaller", f"{teacher.megabytes / max(student.megabytes, 1e-9):.1f}×", border=True)
        columns[2].caption(f"{student.megabytes:,.1f} MB, the teacher {teacher.megabytes:,.1f} MB")
    columns[3].metric("Faster", f"{teacher.ms_per_example / max(student.ms_per_example, 1e-9):.1f}×", border=True)
    columns[3].caption(f"{student.ms_per_example:,.0f} ms an example, the teacher {teacher.ms_per_example:,.0f} ms")


def table(task: Task, shown: Sequence[Entry]) -> None:
    """A line a measure, a column a model; the best of a line carries a star."""
    rows = compare_table.measures(task, shown)
    frame = pd.DataFrame(
        [[r.title, *(f"{BEST} {t}" if r.is_best(i) else t for i, t in enumerate(r.texts))] for r in rows],
        columns=["Measure", *(entry.label for entry in shown)],
    )
    config = {"Measure": st.column_config.TextColumn(pinned=True, width="medium")}
    if len(shown) > MANY:  # too many to share the page's width
        config |= {entry.label: st.column_config.TextColumn(width="medium") for entry in shown}
    style = frame.style.map(lambda cell: "font-weight: 700" if str(cell).startswith(BEST) else "")
    st.dataframe(
        style, hide_index=True, width="stretch", height=38 + 35 * len(rows), column_config=config, key="compare_table"
    )


def quality(task: Task, shown: Sequence[Entry]) -> None:
    """The headline metric of each model, then against what it costs."""
    metric = task.metrics[0]
    title = titles.metric(metric, task)
    drawn, words = (
        compare_charts.metric_chart(shown, metric, title),
        compare_charts.describe_metric(shown, metric, title),
    )
    charts.chart(drawn, "compare_metric_chart", words)
    costs = (("size", "megabytes", "Size on disk, MB"), ("speed", "milliseconds", "Time an example, ms"))
    for column, (name, *cost) in zip(st.columns(2), costs, strict=True):
        with column:
            drawn = compare_charts.against(shown, metric, title, *cost)
            words = compare_charts.describe_against(shown, metric, title, *cost)
            charts.chart(drawn, f"compare_{name}_chart", words)


def notes(runs: Sequence[ScoredRun], shown: Sequence[Entry]) -> None:
    """Under what conditions the figures were found."""
    st.caption(
        f"{BEST} best of its line; costs: the lowest. Intervals (Wilson, 95 %) take the example as the unit. Recovered "
        "gain: how far it has come from the untrained student to its teacher. Tokens: forced ones included."
    )
    for line in compare_table.conditions(runs, shown):
        st.text(line)
    for warning in compare_table.warnings(runs):
        st.warning(warning, icon=":material/rule:")
