"""Prompts by name: saved, loaded, deleted; and the one on the page handed to Distill."""

import streamlit as st

from core.errors import StillroomError
from core.tasks import Task, saved_prompts
from core.tasks.prompt import Prompt
from ui.page_tools import close
from ui.teacher import prompt_form
from ui.text import literal, show_error

OPEN = "prompt_store"
WRONG = "prompt_store_wrong"  # what the last attempt met with


def draw(task: Task, prompt: Prompt | None, *, disabled: bool) -> None:
    """What is kept for the task; it opens on a click."""
    kept = saved_prompts.names(task)
    with st.popover(
        f"Saved prompts ({len(kept)})", icon=":material/bookmark:", key=OPEN, on_change="rerun", disabled=disabled
    ):
        _save(task, prompt, kept)
        for name in kept:
            _row(task, name)
        if not kept:
            st.caption("None yet. What you save here is offered below and on the Distill page.")
        if wrong := st.session_state.pop(WRONG, ""):
            show_error(wrong)


def _save(task: Task, prompt: Prompt | None, kept: list[str]) -> None:
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    name = left.text_input("Name", key="prompt_store_name", max_chars=60, placeholder="two shots")
    right.button(
        "Replace" if name.strip() in kept else "Save",
        icon=":material/save:",
        key="prompt_store_save",
        disabled=prompt is None,
        width="stretch",
        on_click=_try_to_save,
        args=(task,),
    )


def _row(task: Task, name: str) -> None:
    """A button is its key alone: it names what it acts on, or the second click of two would act on the next prompt."""
    load, gone = (f"{action} {literal(name)}" for action in ("Load", "Delete"))  # each says what it acts on
    which = f"{task.name} {name}"
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.button(load, key=f"prompt_store_load_{which}", type="tertiary", on_click=_try_to_load, args=(task, name))
        st.button(gone, key=f"prompt_store_delete_{which}", type="tertiary", on_click=_try_to_delete, args=(task, name))


def _try_to_save(task: Task) -> None:
    prompt = prompt_form.current()  # with an edit that came with the click
    if prompt is None:
        return
    try:
        saved_prompts.save(task, st.session_state.get("prompt_store_name") or "", prompt)
    except (StillroomError, OSError) as error:
        st.session_state[WRONG] = str(error)


def _try_to_load(task: Task, name: str) -> None:
    try:
        prompt_form.fill(saved_prompts.read(task, name))
        close(OPEN)
    except StillroomError as error:
        st.session_state[WRONG] = str(error)


def _try_to_delete(task: Task, name: str) -> None:
    try:
        saved_prompts.delete(task, name)
    except (StillroomError, OSError) as error:
        st.session_state[WRONG] = str(error)


def hand_over(task: Task, prompt: Prompt) -> None:
    """Keeps the prompt for the Distill page: `st.session_state["prompt"]`, task name -> Prompt."""
    kept = st.session_state.setdefault("prompt", {})
    st.button(
        "Use in Distill",
        key="teacher_use",
        icon=":material/science:",
        on_click=_use,
        args=(task.name,),
        help="The Distill page offers this prompt for this task; the run that is started with it records it.",
    )
    if kept.get(task.name) == prompt:
        st.page_link("pages/distill.py", label="It is offered there: go to Distill", icon=":material/arrow_forward:")


def _use(task: str) -> None:
    if prompt := prompt_form.current():  # with an edit that came with the click
        st.session_state["prompt"][task] = prompt
