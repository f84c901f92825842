"""Downloads of the Compare page: report, table, and the student itself."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from core.errors import RunError
from core.export.bundle import bundle
from core.tasks import Task
from ui.comparison import Entry, ScoredRun, to_csv
from ui.text import show_error, size


def figures(task: Task, shown: Sequence[Entry], runs: Sequence[ScoredRun]) -> None:
    """The table as CSV and each run's report as JSON."""
    with st.container(horizontal=True):
        st.download_button(
            "Table as CSV", to_csv(task, shown), f"{task.name}-comparison.csv", "text/csv",
            key="compare_csv", on_click="ignore", icon=":material/table:",
        )  # fmt: skip
        for i, run in enumerate(runs):
            st.download_button(
                "Report as JSON" if len(runs) == 1 else f"Report {i + 1} as JSON",
                _reader(run, "report.json"), f"{run.name}-report.json", "application/json",
                key=f"compare_json_{i}", on_click="ignore", icon=":material/data_object:",
                help=None if len(runs) == 1 else "In the order of the runs chosen above",
            )  # fmt: skip


def students(runs: Sequence[ScoredRun]) -> None:
    """Each run's student as a zip file, made when it is asked for."""
    for i, run in enumerate(runs):
        weights = sum(p.stat().st_size for p in run.folder.student.glob("*.safetensors")) / 1e6
        if not weights:
            st.text(f"{run.name}: the folder of its student is not here; run it again to get one.")
            continue
        try:
            run.folder.config()
        except RunError as error:
            show_error(str(error))
            continue
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                f"Download the student, {size(weights)}", partial(bundle, run.folder),
                f"{run.name}-student.zip", "application/zip",
                key=f"compare_bundle_{i}", on_click="ignore", icon=":material/takeout_dining:", type="primary",
            )  # fmt: skip
            st.text(f"{run.name}: weights, tokenizer, schema, report and how to load it")


def _reader(run: ScoredRun, name: str) -> Callable[[], bytes]:
    return lambda: (run.folder.path / name).read_bytes()
