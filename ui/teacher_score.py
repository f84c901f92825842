"""How well a teacher does with a prompt: some examples of dev, answered under the schema and counted."""

from typing import Any

import streamlit as st

from core.errors import StillroomError
from core.evaluate import report
from core.tasks import Example, Task
from core.tasks.prompt import Prompt
from ui import engine
from ui.text import percent, show_error

FEWEST, MOST = 5, 25
STATE = "teacher_score"


def section(lm: Any, task: Task, dev: tuple[Example, ...], prompt: Prompt, key: tuple) -> None:
    """The slider, the buttons and the scores, which grow while examples are answered."""
    if not dev:
        st.info("This data has no dev examples to score on.", icon=":material/info:")
        return
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    most = min(MOST, len(dev))
    if st.session_state.get("teacher_score_n", 0) > most:  # kept from a longer dev
        st.session_state["teacher_score_n"] = most
    wanted = left.slider(
        "Examples of dev", min(FEWEST, most - 1), most, min(10, most), key="teacher_score_n", persist_state="session"
    )
    state = st.session_state.get(STATE, {"key": None})
    mine = state["key"] == key
    running = bool(mine and state["running"] and len(state["outputs"]) < state["wanted"])
    with right.container(horizontal=True):
        st.button(
            "Score",
            icon=":material/checklist:",
            key="teacher_score_go",
            on_click=_go,
            args=(key, wanted),
            disabled=running,
        )
        st.button("Stop", icon=":material/stop:", key="teacher_score_stop", on_click=_stop, disabled=not running)
    if mine:
        _show(lm, task, dev, prompt, state, running)


def _go(key: tuple, wanted: int) -> None:
    """Starts, or goes on with what the same prompt has answered already."""
    state = st.session_state.get(STATE, {"key": None})
    outputs = state["outputs"][:wanted] if state["key"] == key else []
    st.session_state[STATE] = {"key": key, "wanted": wanted, "outputs": outputs, "running": True, "error": None}


def _stop() -> None:
    st.session_state[STATE]["running"] = False


def _show(lm: Any, task: Task, dev: tuple[Example, ...], prompt: Prompt, state: dict[str, Any], running: bool) -> None:
    bar, place = st.empty(), st.empty()
    outputs: list[str] = state["outputs"]
    while True:
        with place.container():
            _scores(task, dev, outputs)
        done = len(outputs) >= state["wanted"]
        if not running or done:
            break
        bar.progress(len(outputs) / state["wanted"], f"{len(outputs)} of {state['wanted']} examples answered")
        try:
            outputs.append(engine.answer(lm, task, dev[len(outputs)].input, prompt, constrained=True).text)
        except StillroomError as error:
            state["error"], state["running"] = str(error), False
            st.rerun()
    if state["error"]:
        show_error(state["error"])
    elif running:
        state["running"] = False
        st.rerun()  # Score can be pressed again
    elif not done:
        bar.caption(f"Stopped after {len(outputs)} of {state['wanted']} examples. Score goes on from there.")


def _scores(task: Task, dev: tuple[Example, ...], outputs: list[str]) -> None:
    if not outputs:
        return
    scores = report.scores(task, dev, outputs)
    names = [name for name in (task.metrics[0], "exact_match", "valid") if name in scores]
    for column, name in zip(st.columns(len(names)), names, strict=True):
        score = scores[name]
        low, high = score.interval
        column.metric(
            name.replace("_", " ").capitalize(),
            percent(score.value),
            f"{score.hits} of {score.total}",
            delta_color="off",
            delta_arrow="off",
            border=True,
            help=f"95 % confidence interval: {percent(low)} to {percent(high)}",
        )
    st.caption(f"The first {len(outputs)} examples of dev, answered under the schema.")
