"""One run on screen: state, curves, log and scores; stop, resume and delete. Live while it is under way."""

import time
from collections.abc import Sequence
from typing import Any, Literal

import streamlit as st

from core.distill import config as run_config
from core.distill.config import RunConfig
from core.errors import MisfitError, RunError, StillroomError
from core.paths import DEMO_RUN
from core.runs import folder as run_folders
from core.runs.folder import OPEN, RESUMABLE, RunFolder, Status
from core.tasks import TASKS
from ui import charts, engine, titles
from ui.distill import run_charts, run_list, run_prompt, run_scores
from ui.run_text import LEARNS_FROM
from ui.text import duration, errors_shown, heading, literal, percent, plain, show_error

BADGES: dict[str, tuple[Literal["gray", "blue", "orange", "green", "red"], str]] = {
    "queued": ("gray", ":material/hourglass_top:"),
    "running": ("blue", ":material/autorenew:"),
    "stopped": ("orange", ":material/pause:"),
    "interrupted": ("orange", ":material/power_off:"),
    "finished": ("green", ":material/check:"),
    "failed": ("red", ":material/error:"),
}
RECENT = 20  # steps over which speed is measured
FORESEEN = 0.02  # progress from which the rest of the time can be told


def draw(folder: RunFolder) -> None:
    """The panel, live until the run has come to its end. Drawing charts takes a core's time away from training:
    they are looked at less often than the rest."""
    state = folder.status().state
    is_open = state in OPEN
    st.fragment(_panel, run_every=1 if is_open else None)(folder, state)
    st.fragment(_curves, run_every=4 if is_open else None)(folder, is_open)
    st.fragment(_log, run_every=2 if is_open else None)(folder)
    _configuration(folder)


def seeds(folder: RunFolder) -> dict[str, int]:
    config = _config(folder)
    return {"this run": config.seed} if config else {}


def _panel(folder: RunFolder, before: str) -> None:
    if not folder.path.is_dir():
        st.rerun()  # which says so
    status = folder.status()
    if status.state != before:
        st.rerun()  # ends the timer, or begins it
    config = _config(folder)
    if config is None:
        _damage(folder)
    records = run_charts.metrics(folder)
    _head(folder, status, config)
    _problem(status, config)
    if status.state in OPEN:
        _progress(folder.name, status, config, run_charts.steps(records))
    _figures(status, config, records)
    if status.state == "finished":
        run_scores.draw(folder)


def _config(folder: RunFolder) -> RunConfig | None:
    try:
        return folder.config()
    except StillroomError:
        return None


def _damage(folder: RunFolder) -> None:
    st.error(
        "This run's folder is damaged. What can still be read is shown; it can be deleted.", icon=":material/error:"
    )
    with errors_shown():
        folder.config()


def _head(folder: RunFolder, status: Status, config: RunConfig | None) -> None:
    colour, icon = BADGES[status.state]
    with st.container(horizontal=True, vertical_alignment="center", key="distill_head"):
        st.subheader(literal(folder.name), width="content", anchor=False)
        st.badge(status.state, icon=icon, color=colour)
        st.caption(literal(status.phase), width="stretch")
        _actions(folder, status, config)


def _actions(folder: RunFolder, status: Status, config: RunConfig | None) -> None:
    if status.state in OPEN:
        stopping = engine.jobs().is_stopping(folder.name)
        label, hint = "Stop and save", "Saves a checkpoint after the current step. The run can be resumed."
        if status.state == "queued":
            label, hint = "Take out of the queue", "It can be resumed later: it then waits for its turn again."
        if stopping:
            label, hint = "Stopping …", "The current step ends first."
        if st.button(label, icon=":material/stop:", key="distill_stop", disabled=stopping, help=hint):
            _try(_stop, folder)
        return
    if (
        status.state in RESUMABLE
        and config is not None
        and st.button(
            "Resume",
            icon=":material/play_arrow:",
            type="primary",
            key="distill_resume",
            help="Goes on from the last checkpoint, or from the start if there is none.",
        )
    ):
        _try(engine.jobs().resume, folder.name)
    if folder.path == DEMO_RUN:
        return
    with st.popover("Delete", icon=":material/delete:", key="distill_delete"):
        st.write("Configuration, checkpoints, student and report go for good.")
        if st.button("Delete this run", type="primary", key="distill_delete_confirm"):
            _try(_delete, folder)


def _stop(folder: RunFolder) -> None:
    try:
        engine.jobs().stop(folder.name)
    except RunError as error:
        if folder.status().state in OPEN:
            raise
        raise RunError(f"the run {folder.name!r} has ended already: there is nothing to stop.") from error


def _delete(folder: RunFolder) -> None:
    run_folders.delete(folder)
    run_list.choose(None)  # the address must not name what is gone


def _try(action: Any, argument: Any) -> None:
    """Does what was asked and shows the page anew; what stands in its way is said."""
    try:
        action(argument)
    except (StillroomError, OSError) as error:
        show_error(str(error))
    else:
        st.rerun()


def _problem(status: Status, config: RunConfig | None) -> None:
    if status.state != "failed":
        return
    st.error("The run failed", icon=":material/error:")
    plain(status.error or "no reason was written")
    if (
        status.failure == MisfitError.__name__
        and config is not None
        and st.button(
            "Leave them out and start again",
            icon=":material/filter_alt:",
            type="primary",
            key="distill_leave_out",
            help="Starts a new run of the same configuration that leaves out what does not fit.",
        )
    ):
        _try(run_list.start, config.model_copy(update={"drop_misfits": True}))
    if status.traceback:
        with st.expander("Where it happened", icon=":material/bug_report:"):
            st.code(status.traceback, language="python")


def _progress(name: str, status: Status, config: RunConfig | None, steps: list[dict[str, Any]]) -> None:
    if status.state == "queued":
        first = next(iter(engine.jobs().names()), name)
        text = "Waiting for its turn" + (f": {literal(first)} is under way" if first != name else "")
    elif steps:
        last = steps[-1]
        stages = f" of {len(config.stages)}" if config else ""
        text = f"Step {last['step']:,} of {last['total']:,} · stage {last['stage'] + 1}{stages}: "
        text += literal(LEARNS_FROM.get(last["method"], str(last["method"])))
        if config and config.max_seconds:
            text += f" · training ends after {config.max_seconds:g} s at the latest"
    else:
        text = "Getting ready"
    done = max(status.progress, steps[-1]["progress"] if steps else 0.0)
    st.progress(min(max(done, 0.0), 1.0), text=text)


def _figures(status: Status, config: RunConfig | None, records: Sequence[dict[str, Any]]) -> None:
    """Five numbers in a row that are there from the start, so that nothing moves later."""
    steps = run_charts.steps(records)
    metric = TASKS[config.task].metrics[0] if config else ""
    found = [value for _, value in run_charts.validations(records, metric)]
    is_open = status.state in OPEN
    elapsed = (time.time() if is_open else status.updated) - status.started if status.started else None
    last = steps[-1] if steps else None
    columns = st.columns(5)
    columns[0].metric("Elapsed", duration(elapsed), help="since the first start, pauses included")
    if is_open:
        columns[1].metric("Training left", duration(_left(last)), help="without the scoring that follows")
    else:
        columns[1].metric("Training", duration(last["seconds"] if last else None), help="without loading and scoring")
    columns[2].metric("Tokens a second", _speed(steps))
    columns[3].metric("Steps", f"{last['step']:,}" if last else "–")
    label = titles.metric(metric) if metric else "Validation"
    columns[4].metric(
        f"Best {label.lower()}", percent(max(found)) if found else "–", help="on dev examples, answered with the mask"
    )


def _left(last: dict[str, Any] | None) -> float | None:
    """Not told from the first few steps, which also wait for the teacher."""
    done = last["progress"] if last else 0.0
    return last["seconds"] * (1 - done) / done if last and done >= FORESEEN else None


def _speed(steps: list[dict[str, Any]]) -> str:
    recent = steps[-RECENT:]
    seconds = recent[-1]["seconds"] - recent[0]["seconds"] if len(recent) > 1 else 0.0
    return f"{sum(record['tokens'] for record in recent[1:]) / seconds:,.0f}" if seconds > 0 else "–"


VALIDATION_HELP = (
    "Held-out examples, answered with the mask. Refused mass: the probability that the student gives, at its free "
    "choices, to tokens that the schema refuses."
)


def _curves(folder: RunFolder, is_live: bool) -> None:
    config, records = _config(folder), run_charts.metrics(folder)
    names, described = _shown_metrics(config, records), () if is_live else records
    left, right = st.columns(2)
    with left:
        heading("Loss")
        charts.chart(run_charts.loss(records), "distill_loss", run_charts.describe_loss(described))
    with right:
        heading("Validation", VALIDATION_HELP)
        words = run_charts.describe_validation(described, names)
        charts.chart(run_charts.validation(records, names), "distill_validation", words)


def _shown_metrics(config: RunConfig | None, records: Sequence[dict[str, Any]]) -> list[str]:
    if config:
        pressed = any("refused_mass" in r["validation"] for r in records if "validation" in r)
        return [TASKS[config.task].metrics[0], "exact_match", "refused_mass" if pressed else "valid"]
    return list(next((r["validation"] for r in records if "validation" in r), {}))[:3]


def _log(folder: RunFolder) -> None:
    heading("Log")
    with st.container(height=190, border=False, autoscroll=True, key="distill_log"):
        st.code(folder.log_tail(100) or "nothing yet", language=None, wrap_lines=True)


def _configuration(folder: RunFolder) -> None:
    config = _config(folder)
    if config is None:
        return
    run_prompt.recorded(config)
    text = run_config.to_yaml(config)
    with st.expander("Configuration", icon=":material/tune:"):
        st.code(text, language="yaml")
        st.download_button(
            "Download", text, f"{config.name}.yaml", "application/yaml", key="distill_run_yaml", on_click="ignore"
        )
        st.caption("Go on with it from a shell, if it was stopped:")
        st.code(f".venv/bin/python -m core resume {folder.name}", language="bash")
