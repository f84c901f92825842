"""The controls of the Teacher page: which teacher, which task, what it is told, and about which input."""

import random
from typing import Any

import streamlit as st

from core.errors import StillroomError
from core.models import teachers
from core.tasks import TASKS, Example, Task
from core.tasks.prompt import Prompt, as_shot
from ui import engine
from ui.run_text import literal
from ui.text import errors_shown, plain, show_error

ANOTHER = "another model…"
INPUTS = ("From dev", "My own")


def choose() -> tuple[Task, str]:
    """Task and teacher; the teacher's name is empty while another model has not been named."""
    left, right = st.columns(2, gap="large")
    task = left.segmented_control(
        "Task",
        list(TASKS),
        format_func=lambda name: TASKS[name].title,
        default=next(iter(TASKS)),
        required=True,
        key="teacher_task",
        bind="query-params",
        on_change=_suit,
    )
    names = engine.teacher_names()
    name = right.selectbox(
        "Teacher", [*names, ANOTHER], index=_tuned(task), key="teacher_name", bind="query-params", on_change=fill_in
    )
    if name == ANOTHER:
        name = _another()
    elif (card := teachers.card(name)) is not None:
        right.caption(f"Tuned for {TASKS[card.task].title.lower()} on {literal(card.data)}.")
    if "teacher_instructions" not in st.session_state:
        fill_in()
    return TASKS[task], name


def _another() -> str:
    return st.text_input(
        "Model",
        key="teacher_other",
        persist_state="session",
        placeholder="/models/qwen, /models/qwen.gguf or Qwen/Qwen2.5-0.5B-Instruct",
        help="A folder of safetensors, a .gguf file, or a model's name on the hub. It is loaded when you press Load.",
    ).strip()


def _tuned(task: str) -> int:
    """The teacher that was tuned for the task, else the first."""
    return next((i for i, name in enumerate(engine.teacher_names()) if name.endswith(f"+{task}")), 0)


def _suit() -> None:
    """Another task: its own teacher, unless it is a model of the user's own; and the prompt that suits both."""
    if st.session_state["teacher_name"] != ANOTHER:
        st.session_state["teacher_name"] = engine.teacher_names()[_tuned(st.session_state["teacher_task"])]
    fill_in()


def fill_in() -> None:
    """Puts the prompt that suits teacher and task in the form: an adapter's own, else two shots and the schema."""
    task = TASKS[st.session_state["teacher_task"]]
    card = teachers.card(st.session_state["teacher_name"])
    skill = card if card and card.task == task.name else None
    st.session_state["teacher_instructions"] = skill.instructions if skill else task.instructions
    st.session_state["teacher_schema"] = skill is None
    st.session_state["teacher_shots"] = 0 if skill else min(2, len(task.shots))


def edit(task: Task) -> Prompt | None:
    """The prompt as edited; None while it has no instructions."""
    instructions = st.text_area("Instructions", key="teacher_instructions", height=110, persist_state="session")
    left, right = st.columns(2, vertical_alignment="bottom")
    shots = left.segmented_control(
        "Worked examples", range(len(task.shots) + 1), key="teacher_shots", required=True, persist_state="session"
    )
    schema = right.toggle("Include the schema", key="teacher_schema", persist_state="session")
    if not instructions.strip():
        st.warning("Write instructions: the teacher is told nothing.", icon=":material/edit:")
        return None
    chosen = tuple(as_shot(shot) for shot in task.shots[:shots])
    return Prompt(instructions=instructions.strip(), with_schema=schema, shots=chosen)


def choose_input(task: Task, dev: tuple[Example, ...]) -> Example:
    """An example of dev, or a text of the user's own: that one has no gold answer."""
    source = st.segmented_control(
        "Where the input comes from",
        INPUTS,
        default=INPUTS[0],
        required=True,
        key="teacher_source",
        persist_state="session",
        label_visibility="collapsed",
    )
    if source == INPUTS[1]:
        text = st.text_area(
            task.input_label,
            key=f"teacher_text_{task.name}",
            height=110,
            persist_state="session",
            placeholder=task.shots[0].input,
            help=task.input_help,
        )
        return Example(input=" ".join(text.split()), answer="")
    key = f"teacher_example_{task.name}"
    if st.session_state.get(key, 0) >= len(dev):
        st.session_state[key] = 0
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    number = left.selectbox(
        "Example",
        range(len(dev)),
        format_func=lambda i: f"{i + 1}  {dev[i].input}",
        key=key,
        bind="query-params",
    )
    right.button(
        "",
        icon=":material/casino:",
        key="teacher_random",
        on_click=_pick,
        args=(key, len(dev)),
        help="A random example",
        width="stretch",
    )
    plain(dev[number].input)
    return dev[number]


def _pick(key: str, among: int) -> None:
    st.session_state[key] = random.randrange(among)


def load(name: str) -> Any | None:
    """The teacher, or None if it is not there yet. A model of the user's own is loaded on demand only: it may be
    a long download, and one that failed is not tried again by itself."""
    if name in engine.teacher_names():
        with errors_shown():
            return engine.teacher(name)
        return None
    if not name:
        st.info("Name a model above: a folder, a .gguf file or a model on the hub.", icon=":material/arrow_upward:")
        return None
    tried: dict[str, str] = st.session_state.setdefault("teacher_tried", {})  # name -> what was wrong, "" if nothing
    if tried.get(name) == "" or st.button(f"Load {literal(name)}", key="teacher_load", type="primary"):
        try:
            found = engine.teacher(name)
        except StillroomError as error:
            tried[name] = str(error)
        else:
            tried[name] = ""
            return found
    if tried.get(name):
        show_error(tried[name])
    return None


def exact(lm: Any, task: Task, prompt: Prompt, text: str) -> None:
    """The prompt as the teacher reads it, with its length."""
    with errors_shown():
        tokens = len(engine.prompt_ids(lm, task, text, prompt))
        with st.expander(f"The exact prompt: {tokens:,} tokens of at most {lm.context:,}", icon=":material/notes:"):
            plain(engine.prompt_text(lm, task, text, prompt))


def hand_over(task: Task, prompt: Prompt) -> None:
    """Keeps the prompt for the Distill page: `st.session_state["prompt"]`, task name -> Prompt."""
    kept = st.session_state.setdefault("prompt", {})
    st.button(
        "Use this prompt in Distill",
        key="teacher_use",
        icon=":material/science:",
        on_click=kept.update,
        args=({task.name: prompt},),
        help="The Distill page offers it for this task",
    )
    if kept.get(task.name) == prompt:
        st.page_link("pages/distill.py", label="It is offered there: go to Distill", icon=":material/arrow_forward:")
