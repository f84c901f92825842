"""What a teacher is asked about: an example of dev, chosen or drawn, or a text of the user's own."""

import random

import streamlit as st

from core.tasks import Example, Task
from ui.page_tools import linked, linked_text, say_unlinked
from ui.text import plain

INPUTS = {"dev": "From dev", "own": "My own"}
SEED = "teacher_seed"
LAST_SEED = 9_999


def choose(task: Task, dev: tuple[Example, ...]) -> Example:
    """The example; a text of the user's own has no gold answer."""
    if not dev:
        st.info("This data has no dev examples: write an input of your own.", icon=":material/info:")
        return _own(task)
    linked("teacher_source", "dev", INPUTS)
    source = st.segmented_control(
        "Where the input comes from",
        list(INPUTS),
        format_func=INPUTS.__getitem__,
        required=True,
        key="teacher_source",
        label_visibility="collapsed",
        persist_state="session",
    )
    return _own(task) if source == "own" else _from_dev(task, dev)


def _own(task: Task) -> Example:
    key = f"teacher_text {task.name}"
    fits = linked_text(key, "")
    text = st.text_area(
        task.input_label,
        key=key,
        height=110,
        placeholder=task.shots[0].input,
        help=task.input_help,
        persist_state="session",
    )
    say_unlinked(fits, "input")
    return Example(input=" ".join(text.split()), answer="")


def _from_dev(task: Task, dev: tuple[Example, ...]) -> Example:
    key = f"teacher_example {task.name}"
    linked(key, 0, range(len(dev)))
    linked(SEED, 0, range(LAST_SEED + 1))
    left, seed, draw = st.columns([5, 2, 1], vertical_alignment="bottom")
    number = left.selectbox(
        "Example",
        range(len(dev)),
        format_func=lambda i: f"{i + 1}  {dev[i].input}",
        key=key,
        persist_state="session",
    )
    seed.number_input(
        "Seed",
        0,
        LAST_SEED,
        step=1,
        key=SEED,
        persist_state="session",
        on_change=_pick,
        args=(key, len(dev)),
        help="Draws an example: the same seed always draws the same one.",
    )
    draw.button(
        "",
        icon=":material/casino:",
        key="teacher_random",
        on_click=_next,
        args=(key, len(dev)),
        help="A random example: the next seed's",
        width="stretch",
    )
    plain(dev[number].input)
    return dev[number]


def drawn(among: int, seed: int) -> list[int]:
    """All places in the order in which this seed draws them."""
    return random.Random(seed).sample(range(among), among)


def _pick(key: str, among: int) -> None:
    st.session_state[key] = drawn(among, st.session_state[SEED])[0]


def _next(key: str, among: int) -> None:
    st.session_state[SEED] = (st.session_state[SEED] + 1) % (LAST_SEED + 1)
    _pick(key, among)
