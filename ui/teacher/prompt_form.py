"""The controls of the Teacher page: which task and teacher, and what the teacher is told."""

from typing import Any

import streamlit as st
from pydantic import ValidationError

from core.models import teachers
from core.tasks import TASKS, Example, Task
from core.tasks.prompt import Prompt, default_prompt
from ui import engine, own_model
from ui.own_model import ANOTHER
from ui.page_tools import close, given, linked, say_unlinked, to_address
from ui.teacher import prompt_shots
from ui.text import errors_shown, literal, plain

SAMPLES_OPEN = "teacher_samples"
FILLED = "teacher_filled"  # what the form was last filled with: (task, teacher, Prompt)
NOT_ALONE = {"schema": "schema", "shots": "worked examples", "template": "chat template"}
SAMPLES = {
    "Instructions alone": (0, False),
    "Instructions and schema": (0, True),
    "Two worked examples": (2, False),
    "Three worked examples and the schema": (3, True),
}


def choose() -> tuple[Task, str]:
    """Task and teacher; the teacher's name is empty while another model has not been named."""
    left, right = st.columns(2, gap="large")
    task = linked("teacher_task", next(iter(TASKS)), TASKS)
    left.segmented_control(
        "Task",
        list(TASKS),
        format_func=lambda name: TASKS[name].title,
        required=True,
        key="teacher_task",
        on_change=_suit,
        persist_state="session",
    )
    names = engine.teacher_names()
    linked("teacher_name", engine.tuned_teacher(task), (*names, ANOTHER))
    name = right.selectbox("Teacher", [*names, ANOTHER], key="teacher_name", on_change=_follow, persist_state="session")
    if name == ANOTHER:
        name = own_model.ask("teacher", addresses=True)
    elif (card := teachers.card(name)) is not None:
        right.caption(f"Tuned for {TASKS[card.task].title.lower()} on {literal(card.data)}.")
    if st.session_state.get(FILLED, ("",))[0] != task:
        _begin()
    return TASKS[task], name


def suited(task: Task, teacher: str) -> Prompt:
    """The prompt to begin with: an adapter's own, else two worked examples and the schema."""
    return engine.own_prompt(teacher, task) or default_prompt(task, shots=2, with_schema=True)


def fill(prompt: Prompt) -> None:
    """Puts a prompt in the form."""
    st.session_state["teacher_instructions"] = prompt.instructions
    st.session_state["teacher_schema"] = prompt.with_schema
    st.session_state[prompt_shots.CHOSEN] = prompt.shots


def fill_in() -> None:
    """Puts the prompt that suits teacher and task in the form."""
    task, teacher = st.session_state["teacher_task"] or next(iter(TASKS)), st.session_state["teacher_name"]
    prompt = suited(TASKS[task], teacher)
    fill(prompt)
    st.session_state[FILLED] = (task, teacher, prompt)


def _suit() -> None:
    """Another task: its own teacher, unless it is a model of the user's own; and the prompt that suits both."""
    if st.session_state["teacher_name"] != ANOTHER:
        st.session_state["teacher_name"] = engine.tuned_teacher(st.session_state["teacher_task"])
    fill_in()


def _follow() -> None:
    """Another teacher: the prompt that suits it, unless it was edited."""
    if current() == st.session_state[FILLED][2]:
        fill_in()


def current() -> Prompt | None:
    """What the form holds; None without instructions."""
    state = st.session_state
    instructions = (state.get("teacher_instructions") or "").strip()
    if not instructions:
        return None
    return Prompt(
        instructions=instructions,
        with_schema=bool(state.get("teacher_schema")),
        shots=state.get(prompt_shots.CHOSEN, ()),
    )


def _begin() -> None:
    """The first look at a task: the prompt of the link that led here, else the one that suits."""
    said = given("prompt", "") if FILLED not in st.session_state else ""
    fill_in()
    if said:
        try:
            fill(Prompt.model_validate_json(said))
        except ValidationError:
            st.toast("The prompt of this link cannot be read: the usual one is shown.", icon=":material/link_off:")


def edit(task: Task, train: tuple[Example, ...]) -> Prompt | None:
    """The prompt as edited; None while it has no instructions. The link follows it."""
    st.text_area("Instructions", key="teacher_instructions", height=84, persist_state="session")
    st.toggle("Include the schema", key="teacher_schema", persist_state="session")
    prompt_shots.edit(task, train)
    prompt = current()
    if prompt is None:
        st.warning("Write instructions: the teacher is told nothing.", icon=":material/edit:")
    _link(task, prompt)
    return prompt


def _link(task: Task, prompt: Prompt | None) -> None:
    text = prompt.model_dump_json() if prompt and prompt != suited(task, st.session_state["teacher_name"]) else ""
    say_unlinked(to_address("prompt", text), "prompt")


def samples(task: Task, *, disabled: bool) -> None:
    """Prompts to begin with, and back to the one that suits."""
    with st.popover("Samples", icon=":material/lightbulb:", key=SAMPLES_OPEN, on_change="rerun", disabled=disabled):
        st.caption("Each takes the place of the prompt below.")
        for i, (label, (shots, schema)) in enumerate(SAMPLES.items()):
            prompt = default_prompt(task, shots, schema)
            st.button(label, key=f"teacher_sample_{i}", on_click=_take, args=(prompt,), width="stretch")
        st.button(
            "Back to the usual prompt",
            key="teacher_restore",
            icon=":material/restart_alt:",
            on_click=_take,
            width="stretch",
        )


def _take(prompt: Prompt | None = None) -> None:
    """A sample, or the usual prompt."""
    close(SAMPLES_OPEN)
    if prompt:
        fill(prompt)
    else:
        fill_in()


def load(name: str) -> Any | None:
    """The teacher, or None if it is not there yet."""
    if name not in engine.teacher_names():
        return own_model.load("teacher", name)
    with errors_shown():
        return engine.teacher(name)
    return None


def exact(lm: Any, task: Task, prompt: Prompt, text: str) -> None:
    """The prompt as the teacher reads it, and how long its parts are."""
    with errors_shown():
        lengths = engine.prompt_lengths(lm, task, text, prompt)
        whole = engine.prompt_text(lm, task, text, prompt)
        if lengths:
            if lm.reads_input_alone:
                st.info("This model was distilled to read no prompt: it is given the input alone.")
            total = sum(lengths.values())
            st.progress(min(total / lm.context, 1.0), f"{total:,} tokens of at most {lm.context:,}")
        else:
            st.caption(f"{len(whole):,} characters; how many tokens they are, the API says when it answers.")
        with st.expander("The exact prompt", icon=":material/notes:"):
            parts = [f"{NOT_ALONE.get(part, part)} {count:,}" for part, count in lengths.items() if count]
            if parts:
                st.caption(" · ".join(parts) + " tokens")
            plain(whole)
