"""The Compare page's parts: choosing runs, the table of measures, filtering and choosing an example."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.evaluate.report import Report
from core.tasks import Task
from ui import answers, comparison
from ui.comparison import Entry, ScoredRun
from ui.text import percent, show_error

BEST = "★"


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
    """The runs to compare, at first those the link names (?run=), else the newest. The link follows the choice."""
    names = list(runs)
    wanted = [name for name in dict.fromkeys(st.query_params.get_all("run")) if name in runs]
    chosen = st.multiselect(
        "Runs", names, default=wanted or names[:1], key="compare_runs", placeholder="Choose at least one finished run"
    )
    if st.query_params.get_all("run") != chosen:
        st.query_params["run"] = chosen
    return [runs[name] for name in chosen]


def choose_task(runs: Sequence[ScoredRun]) -> list[ScoredRun]:
    """Runs of one task only: figures of different tasks cannot stand side by side."""
    tasks = {run.task.name: run.task for run in runs}
    if len(tasks) == 1:
        return list(runs)
    chosen = st.segmented_control(
        "Task", list(tasks), format_func=lambda name: tasks[name].title, key="compare_task",
        default=runs[0].task.name, required=True, help="The chosen runs have different tasks",
    )  # fmt: skip
    return [run for run in runs if run.task.name == (chosen or runs[0].task.name)]


def headline(run: ScoredRun) -> None:
    """What became of the student, in four figures beside its teacher's."""
    task, student, teacher = run.task, run.report.model("trained"), run.report.model("teacher")
    score = student.scores.get(task.metrics[0]) if student else None
    if student is None or score is None:
        return
    title = comparison.metric_title(task, task.metrics[0])
    low, high = score.interval
    columns = st.columns(4)
    columns[0].metric(title, percent(score.value), border=True)
    columns[0].caption(f"of the student; 95 % interval {100 * low:.2f}–{100 * high:.2f}")
    if teacher is None:
        return
    found = run.report.recovery
    columns[1].metric("Recovered", percent(found.share) if found else "–", border=True)
    columns[1].caption(f"of the teacher's {title.lower()}; over 100 %, it is better")
    if teacher.megabytes:  # an API does not tell
        columns[2].metric("Smaller", f"{teacher.megabytes / max(student.megabytes, 1e-9):.1f}×", border=True)
        columns[2].caption(f"{student.megabytes:,.1f} MB, the teacher {teacher.megabytes:,.1f} MB")
    columns[3].metric("Faster", f"{teacher.ms_per_example / max(student.ms_per_example, 1e-9):.1f}×", border=True)
    columns[3].caption(f"{student.ms_per_example:,.0f} ms an example, the teacher {teacher.ms_per_example:,.0f} ms")


def table(task: Task, shown: Sequence[Entry]) -> None:
    """A line a measure, a column a model; the best of a line carries a star."""
    rows = comparison.measures(task, shown)
    frame = pd.DataFrame(
        [[r.title, *(f"{BEST} {t}" if r.is_best(i) else t for i, t in enumerate(r.texts))] for r in rows],
        columns=["Measure", *(entry.label for entry in shown)],
    )
    config = {"Measure": st.column_config.TextColumn(pinned=True, width="medium")}
    style = frame.style.map(lambda cell: "font-weight: 700" if str(cell).startswith(BEST) else "")
    st.dataframe(
        style, hide_index=True, width="stretch", height=38 + 35 * len(rows), column_config=config, key="compare_table"
    )


def notes(runs: Sequence[ScoredRun], shown: Sequence[Entry]) -> None:
    """Under what conditions the figures were found."""
    st.caption(
        f"{BEST} best of its line; costs: the lowest. Intervals (Wilson, 95 %) take the example as the unit. Recovered "
        "gain: how far it has come from the untrained student to its teacher. Tokens: forced ones included."
    )
    for run in runs:
        report = run.report
        leaks = _leaks(report) + (f" · {report.left_out} of the data left out: they do not fit" * bool(report.left_out))
        free = max((len(e.model.free_outputs) for e in shown if e.run is run), default=0)
        without = f" · without the mask: the first {free}" if free else ""
        start = f"{run.name}: " if len(runs) > 1 else ""
        st.text(
            f"{start}{len(report.examples)} held-out examples of the data {report.data!r}{without} · {leaks} · "
            f"{report.machine} · trained for {report.seconds / 60:.1f} min"
        )
    if len({tuple((e.input, e.gold) for e in run.report.examples) for run in runs}) > 1:
        st.warning("These runs were scored on different examples: compare with care.", icon=":material/rule:")
    if len({run.report.machine for run in runs}) > 1:
        st.warning("These runs were scored on different machines: times do not compare.", icon=":material/timer:")


def _leaks(report: Report) -> str:
    """How many examples were trained on as well, or nearly so."""
    exact = f"{report.leaks} of them also stand in train" if report.leaks else "no leaks from train"
    if report.near_leaks is None:
        return f"{exact}, near ones not measured"
    return exact + (f", {report.near_leaks} more nearly do" if report.near_leaks else ", no near ones")


def choose_example(runs: Sequence[ScoredRun]) -> answers.Shared | None:
    """A filter, then one of the examples that pass it. None, with a reason on the screen, if there is none."""
    examples = answers.shared_examples(runs)
    if not examples:
        st.info("The chosen runs share no example: choose runs that were scored on the same data.")
        return None
    roles = {m.role for m in runs[0].report.models}
    needs = {"all": set(), "student": {"trained"}, "teacher": {"trained", "teacher"}, "untrained": {"untrained"}}
    found = {name: answers.passing(runs[0], examples, name) for name in answers.FILTERS if needs[name] <= roles}
    name = st.segmented_control(
        "Examples" if len(runs) == 1 else "Examples, by the first run chosen",
        list(found), default="all", required=True, key="compare_filter",
        format_func=lambda name: f"{answers.FILTERS[name]} ({len(found[name])})",
    )  # fmt: skip
    places = found[name or "all"]
    if not places:
        st.info("No example is of this kind.")
        return None
    losses = _losses(runs[0], examples)
    hard = any(losses[i] is not None for i in places) and st.toggle(
        "Hardest first", key="compare_hardest",
        help="By the student's mean loss on the gold answer: where it is surely wrong, or at a loss",
    )  # fmt: skip
    key = f"compare_example_{name}"
    if hard:
        key, places = f"{key}_hardest", sorted(places, key=lambda i: -(losses[i] or 0.0))
    loss = lambda i: f"(loss {losses[i]:.2f})  " if hard and losses[i] is not None else ""  # noqa: E731
    chosen = st.selectbox(
        f"Example ({runs[0].task.input_label.lower()})", places, key=key,
        format_func=lambda i: f"{i}  {loss(i)}{examples[i].input}",
    )  # fmt: skip
    return examples[chosen]


def _losses(run: ScoredRun, examples: Sequence[answers.Shared]) -> list[float | None]:
    """The trained student's mean loss on each example's gold answer; None where it was not measured."""
    student = run.report.model("trained")
    known = student.likelihood.losses if student and student.likelihood else ()
    return [known[e.at[0]] if e.at[0] < len(known) else None for e in examples]
