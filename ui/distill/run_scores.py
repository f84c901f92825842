"""The headline of a finished run's report, and the way to the rest of it."""

import streamlit as st

from core.errors import StillroomError
from core.evaluate.report import LabelReport, Report
from core.runs.folder import RunFolder
from core.tasks import TASKS
from ui import titles
from ui.text import count, heading, percent, show_error, size
from ui.titles import ROLES


def draw(folder: RunFolder) -> None:
    """The headline of the report, and the way to the rest of it."""
    try:
        report = folder.report()
    except StillroomError as error:
        show_error(str(error))
        return
    if report is None or report.task not in TASKS:
        st.info("This run has no report.", icon=":material/info:")
        return
    _headline(report)
    st.page_link(
        "pages/compare.py",
        label="Compare the answers, one by one",
        icon=":material/balance:",
        query_params={"run": folder.name},
    )


def _headline(report: Report) -> None:
    metric = TASKS[report.task].metrics[0]
    shown = [(role, model) for role in reversed(ROLES) if (model := report.model(role)) and metric in model.scores]
    heading(f"{titles.metric(metric)} on {len(report.examples)} test examples")
    for column, (role, model) in zip(st.columns(max(3, len(shown))), shown, strict=False):
        low, high = model.scores[metric].interval
        with column.container(border=True, height="stretch"):
            st.metric(ROLES[role], percent(model.scores[metric].value))
            st.caption(f"95 % interval {100 * low:.1f}–{100 * high:.1f} %")
            known = f"{count(model.parameters)} parameters · {size(model.megabytes)}"
            size_of = known if model.parameters else "asked over the network"
            st.caption(f"{size_of} · {model.ms_per_example:,.0f} ms an example")
    if report.gold_by == "teacher":
        st.caption("The data has no gold answers: scores are the agreement with the teacher's.")
    if report.left_out:
        st.caption(f"{report.left_out:,} examples of the data did not fit and were left out.")
    if report.labels:
        st.caption(_labels(report.labels, metric))


def _labels(labels: LabelReport, metric: str) -> str:
    """What the teacher's answers, from which the student learned, were like."""
    agreement = f"{percent(labels.scores[metric].value)} right by gold" if metric in labels.scores else "without gold"
    refused = f", {labels.refused:,} more refused by the schema" if labels.refused else ""
    cost = "" if labels.cost is None else f" · cost {labels.cost:,.4f}"
    return f"Learned from {labels.learned:,} answers of the teacher, {agreement}{refused}{cost}."
