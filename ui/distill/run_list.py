"""The runs, under way and past, as a table in which one can be chosen; and which one is chosen.

The choice is in session state and in the address (`?run=name`), so that a link brings it back.
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from core.distill.config import RunConfig
from core.errors import RunError
from core.paths import DEMO_RUN
from core.runs import folder as run_folders
from core.runs.folder import OPEN, RunFolder
from core.tasks import TASKS
from ui import engine, rows, titles
from ui.distill import run_charts
from ui.page_tools import VISIT, went_back
from ui.text import show_error

CHOSEN = "distill_run"
VISITED = "distill_visit"  # the visit of the page whose link was read
STARTED = "distill_started"  # runs that were started and not chosen yet
ROWS_SHOWN = 6
SAMPLES = {"A run that is finished": {"run": DEMO_RUN.name}, "A run of your own": {}}
COLUMNS = {
    "run": st.column_config.TextColumn("Run"),
    "state": st.column_config.TextColumn("State"),
    "progress": st.column_config.ProgressColumn("Progress", format="percent", min_value=0, max_value=1, width="small"),
    "task": st.column_config.TextColumn("Task"),
    "student": st.column_config.TextColumn("Student"),
    "best": st.column_config.NumberColumn("Best dev", format="%.2f %%", help="the task's first metric, on dev"),
    "last": st.column_config.NumberColumn("Last dev", format="%.2f %%", help="the task's first metric, on dev"),
    "when": st.column_config.DatetimeColumn("Last change", format="distance"),
}


def choose(name: str | None) -> None:
    """Shows a run, or with None the form for a new one."""
    if name is None:
        st.session_state.pop(CHOSEN, None)
        st.query_params.pop("run", None)
    else:
        st.session_state[CHOSEN] = name
        st.query_params["run"] = name


def start(config: RunConfig) -> str:
    """Starts a run, which is chosen when the page is drawn next. It is noted in a list, for Streamlit may end a script
    before it writes to the state: a second click would start it once more."""
    started: list[str] = st.session_state.setdefault(STARTED, [])
    started.append(engine.jobs().start(config).name)
    return started[-1]


def chosen() -> RunFolder | None:
    """The chosen run. A link leads to one when the page is come to; after that the choice alone counts: the address
    that comes with a click may be older. A run that is gone is said to be so, and forgotten."""
    state = st.session_state
    linked = st.query_params.get("run")
    if state.get(VISITED) != state.get(VISIT) and (linked or went_back()):
        state[CHOSEN] = linked
    state[VISITED] = state.get(VISIT)
    if started := state.get(STARTED):
        choose(started[-1])
        started.clear()
    if not (name := state.get(CHOSEN)):
        st.query_params.pop("run", None)
        return None
    try:
        folder = run_folders.open_run(name, engine.jobs().root)
    except RunError as error:
        choose(None)
        show_error(str(error))
        return None
    choose(name)
    return folder


def under_way() -> list[str]:
    """Names of the runs that a new one would wait for, wherever they were started."""
    return [run.name for run in run_folders.all_runs(engine.jobs().root) if run.status().state in OPEN]


def draw(current: RunFolder | None) -> None:
    """The table; live while a run is under way."""
    runs = run_folders.all_runs(engine.jobs().root)
    if not runs:
        st.caption("No runs yet. Start one below; it will be listed here, also if it was started from a shell.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.subheader("Runs", anchor=False, width="content")
        if current is not None:
            st.button("New run", icon=":material/add:", key="distill_new", on_click=choose, args=(None,))
    busy = any(run.status().state in OPEN for run in runs)
    st.fragment(_table, run_every=2 if busy else None)(current.name if current else None, _signature(runs))


def _table(current: str | None, before: tuple[tuple[str, str], ...]) -> None:
    runs = run_folders.all_runs(engine.jobs().root)
    if _signature(runs) != before or st.session_state.get(CHOSEN) != current:
        st.rerun()
    names = [run.name for run in runs]
    line = names.index(current) if current in names else None
    # Another table once a run has come or gone: what a browser had selected in the old one may be another run by now.
    table = f"distill_runs {hash(tuple(names))}"
    rows.select(table, line)
    st.dataframe(
        [_row(run) for run in runs],
        key=table,
        column_config=COLUMNS,
        hide_index=True,
        placeholder="–",
        height=38 + 35 * min(len(runs), ROWS_SHOWN),
        on_select=lambda: _clicked(table, names),
        selection_mode="single-row",
    )
    rows.walk("distill", "run", line, len(names), lambda target: choose(names[target]))


def _clicked(table: str, names: list[str]) -> None:
    """A browser that has not heard yet of what was chosen last says with its next click, or by its timer, what its
    table had selected before: its address is the old one then. Nor does nothing selected mean that none is wanted."""
    selected = st.session_state[table]["selection"]["rows"]
    if selected and st.query_params.get("run") == st.session_state.get(CHOSEN):
        choose(names[selected[0]])


def _signature(runs: list[RunFolder]) -> tuple[tuple[str, str], ...]:
    """What the rest of the page depends on."""
    return tuple((run.name, run.status().state) for run in runs)


def _row(run: RunFolder) -> dict[str, Any]:
    status = run.status()
    row = {"run": run.name, "state": status.state, "progress": status.progress, "task": "", "student": ""}
    row |= {"best": None, "last": None, "when": _when(run, status.updated)}
    try:
        config = run.config()
    except RunError:
        return row | {"state": "damaged"}
    found = [value for _, value in run_charts.validations(run_charts.metrics(run), TASKS[config.task].metrics[0])]
    if found:
        row |= {"best": 100 * max(found), "last": 100 * found[-1]}
    return row | {"task": TASKS[config.task].title, "student": titles.choice(config.student.kind)}


def _when(run: RunFolder, updated: float) -> datetime | None:
    """None for a run that was deleted a moment ago."""
    with suppress(OSError):
        return datetime.fromtimestamp(updated or run.path.stat().st_mtime, UTC)
    return None
