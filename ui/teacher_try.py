"""One input put to a teacher twice: with the schema as a constraint, and without."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.tasks import Example, Task
from core.tasks.prompt import Prompt
from ui import answers, engine
from ui.text import errors_shown, percent, plain

FREE_TOKENS = 160
TEXT_HEIGHT, LONG = 260, 450  # a long answer scrolls
WITH, WITHOUT = "With the schema", "Without"


def button(key: tuple, ready: bool) -> None:
    """Run: remembers what was asked. Answers are shown as long as teacher, prompt and input stay the same."""
    st.button(
        "Run",
        type="primary",
        icon=":material/play_arrow:",
        key="teacher_run",
        disabled=not ready,
        on_click=st.session_state.__setitem__,
        args=("teacher_asked", {"key": key, "answers": {}}),
    )


def show(lm: Any, task: Task, example: Example, prompt: Prompt, key: tuple) -> None:
    """The two answers side by side, each made when it is first shown."""
    asked = st.session_state.get("teacher_asked")
    if asked is None or asked["key"] != key:
        st.caption("Press Run to see the teacher's answer with and without the schema, side by side.")
        return
    found: dict[str, engine.Answer] = asked["answers"]
    for column, label in zip(st.columns(2, gap="large"), (WITH, WITHOUT), strict=True):
        with column, errors_shown():
            st.subheader(label)
            if label not in found:
                growing = st.empty()
                with st.spinner("The teacher answers …" if label == WITH else "… up to 160 tokens, 10 to 15 seconds"):
                    found[label] = _ask(lm, task, example, prompt, label == WITH, growing.text)
                growing.empty()
            _badges(task, example, found[label])
            text = found[label].text or "(empty)"
            with st.container(height=TEXT_HEIGHT if len(text) > LONG else "content", border=False):
                plain(text)
    if len(found) == 2:
        _compare(task, example, {label: answer.text for label, answer in found.items()})


def _ask(
    lm: Any, task: Task, example: Example, prompt: Prompt, constrained: bool, show: Callable[[str], Any]
) -> engine.Answer:
    limit = None if constrained else FREE_TOKENS
    return engine.answer(lm, task, example.input, prompt, constrained=constrained, max_new_tokens=limit, show=show)


def _badges(task: Task, example: Example, answer: engine.Answer) -> None:
    with st.container(horizontal=True):
        if answer.valid:
            st.badge("valid", icon=":material/check:", color="green")
        else:
            st.badge("not valid", icon=":material/close:", color="red")
        if example.answer:
            if task.evaluate(example, answer.text)["exact_match"][0]:
                st.badge("exact match", icon=":material/check:", color="green")
            else:
                st.badge("differs from gold", icon=":material/close:", color="orange")
    tokens = len(answer.ids)
    calls = f"{answer.model_calls} model call{'s' * (answer.model_calls != 1)}"
    forced = f"{percent(sum(answer.forced) / tokens)} of {tokens} tokens forced" if tokens else "no token"
    cut = f" · stopped at {FREE_TOKENS} tokens" if tokens == FREE_TOKENS and not any(answer.forced) else ""
    st.caption(f"{answer.seconds:.1f} s · {calls} · {forced}{cut}")


def _compare(task: Task, example: Example, texts: dict[str, str]) -> None:
    """The valid answers part by part: beside gold, or by themselves for an input of the user's own."""
    valid = {label: text for label, text in texts.items() if answers.parts(task, text) is not None}
    if not valid:
        st.caption("Neither answer is valid, so there is nothing to compare part by part.")
        return
    missing = "".join(f" {label}: not valid, so it has no parts." for label in texts if label not in valid)
    if example.answer:
        st.caption(f"Part by part; what departs from gold is marked {answers.WRONG}.{missing}")
        answers.answers_table(task, answers.parts(task, example.answer) or (), valid, "Gold", answers.WRONG)
    else:
        st.caption(f"Part by part; your own input has no gold answer.{missing}")
        reference = answers.parts(task, next(iter(valid.values()))) or ()
        answers.answers_table(task, reference, valid, None, answers.DIFFERENT)
