"""The form for a new run: preset, task, data, teacher and prompt around the generated form; then check and start."""

import streamlit as st
from pydantic.fields import FieldInfo

from core.distill import config as run_config
from core.distill.config import RunConfig
from core.distill.presets import PRESETS
from core.errors import ConfigError, DataError, StillroomError
from core.tasks import TASKS
from ui import data_form, engine, uploads
from ui.data_form import BUNDLED
from ui.distill import preview_view, run_file, run_form, run_list, run_prompt
from ui.run_text import describe
from ui.text import literal, show_error

PRESET = "distill_preset"
# The form; its widgets follow from it.
KEPT = (PRESET, run_form.FILLED, run_form.VALUES, run_form.DATA_SEEN, run_prompt.MODE)
INTENTS = {
    "Quick": "For a first look: a student cut from the teacher, a short time budget.",
    "Tiny": "For a small file: the teacher's first layers, cut to a third of their width, many epochs, no time limit.",
    "Thorough": "For more care: more of the teacher's layers, a larger vocabulary, more epochs, no time limit.",
}


def draw() -> None:
    """The form, and beside it what it amounts to."""
    if run_form.VALUES not in st.session_state:
        st.session_state.setdefault(PRESET, next(iter(PRESETS)))
        _use_preset()
    _follow_choices()
    _follow_data()
    form, side = st.columns([3, 2], gap="medium")
    with form:
        _preset()
        run_prompt.draw()
        run_form.draw({"task": _task, "data": _data, "teacher": _teacher})
    with side:
        _summary()


def seeds() -> dict[str, int]:
    return {"the new run": run_form.values()["seed"]}


def _preset() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.segmented_control(
            "Preset",
            list(PRESETS),
            required=True,
            key=PRESET,
            persist_state="session",
            help="Choosing one resets the whole form.",
        )
        st.button(
            "Back to the preset",
            icon=":material/restart_alt:",
            type="tertiary",
            key="distill_reset",
            on_click=_use_preset,
        )
    st.caption(INTENTS.get(st.session_state.get(PRESET) or "", "Read from a file."))


def _use_preset() -> None:
    name = st.session_state.get(PRESET)
    if name is None:  # a file was read: back to the first
        name = st.session_state[PRESET] = next(iter(PRESETS))
    run_form.fill(PRESETS[name])
    _start_over(PRESETS[name].task)
    st.session_state[run_form.FILLED] = name


def _follow_choices() -> None:
    """Fills the form anew where another preset or task was chosen. Not in callbacks: what a browser says by a timer,
    before it has heard of a file that was read, would be taken for a choice."""
    preset, task = st.session_state.get(PRESET), st.session_state.get(run_form.key("task"))
    if preset and preset != st.session_state.get(run_form.FILLED):
        _use_preset()
    elif task and task != run_form.values()["task"]:
        _start_over(task)
        for name in ("data", "teacher"):
            st.session_state.pop(run_form.key(name), None)
        run_form.values()["task"] = task


def _start_over(task: str) -> None:
    """What goes with a task: data and prompt as chosen on the other pages, the teacher that was tuned for it."""
    run_form.values()["data"] = st.session_state[run_form.DATA_SEEN] = uploads.chosen(TASKS[task])
    run_form.values()["teacher"] = engine.tuned_teacher(task)
    run_prompt.use(run_prompt.PAGE)


def _follow_data() -> None:
    """Takes the data over that was chosen on the Datasets page since."""
    chosen = uploads.chosen(TASKS[run_form.values()["task"]])
    if chosen != st.session_state.get(run_form.DATA_SEEN):
        run_form.values()["data"] = st.session_state[run_form.DATA_SEEN] = chosen
        st.session_state.pop(run_form.key("data"), None)


def _task(field: FieldInfo, key: str, value: str) -> str:
    st.session_state.setdefault(key, value)
    return st.selectbox("Task", list(TASKS), format_func=lambda name: TASKS[name].title, key=key)


def _data(field: FieldInfo, key: str, value: str | None) -> str | None:
    task = TASKS[run_form.values()["task"]]
    labels = data_form.labels(task)
    kept = st.session_state.setdefault(key, value or BUNDLED) or BUNDLED
    labels.setdefault(kept, kept)  # a path that was typed
    chosen = st.selectbox(
        "Data",
        list(labels),
        format_func=lambda path: labels.get(path, path),
        key=key,
        accept_new_options=True,
        help=f"Bundled, uploaded on the Datasets page, or a path typed here: {task.file_help}.",
    )
    return (chosen or "").strip() or None


def _teacher(field: FieldInfo, key: str, value: str) -> str:
    kept = st.session_state.setdefault(key, value) or value
    names = list(dict.fromkeys([*engine.teacher_names(), kept]))
    return st.selectbox(
        "Teacher",
        names,
        key=key,
        accept_new_options=True,
        help="One that is here, or type a folder of safetensors, a .gguf file, a hub id such as org/model, or the "
        "address of an OpenAI-compatible API such as https://host/v1#model.",
    )


def _summary() -> None:
    """What the form amounts to: in words, as YAML and as a command; or what is wrong with it."""
    config: RunConfig | None = None
    try:
        config = run_config.validate(run_form.configured(), run_form.named)
        st.markdown(describe(config))
        _check_data(config)
        _start_button(config)
    except (ConfigError, DataError) as error:
        st.error("This cannot run yet", icon=":material/error:")
        st.code(_one_a_line(error), language=None, wrap_lines=True)
        _start_button(None)
    if config is not None:
        preview_view.draw(config)
        run_file.draw(config)
    run_file.upload()


def _check_data(config: RunConfig) -> None:
    """Raises DataError for data of one's own that cannot be read, or that has not what a stage learns."""
    if config.data is not None:
        engine.check_gold(config, uploads.load(TASKS[config.task], config.data))  # bundled data has all


def _one_a_line(error: StillroomError) -> str:
    return run_form.told(str(error).removeprefix("the configuration is not valid: ").replace("; ", "\n"))


def _start_button(config: RunConfig | None) -> None:
    waiting = run_list.under_way()
    label = "Start" if not waiting else "Start after the run under way"
    start = st.button(
        label,
        type="primary",
        icon=":material/play_arrow:",
        key="distill_start",
        disabled=config is None,
        width="stretch",
    )
    if waiting:
        st.caption(f"{literal(waiting[0])} is under way; this one will wait in the queue.")
    if start and config is not None:
        try:
            name = run_list.start(config)
        except (StillroomError, OSError) as error:
            show_error(str(error))
            return
        st.toast(f"{literal(name)} {'is queued' if waiting else 'has started'}", icon=":material/science:")
        st.rerun()
