"""One input put to a teacher: with the mask, without, or both side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from core.errors import StillroomError
from core.models.api import ApiTeacher
from core.tasks import Example, Task
from core.tasks.prompt import Prompt
from ui import answers, asking, engine
from ui.asking import Asked, Work
from ui.page_tools import linked
from ui.teacher import teacher_tokens
from ui.text import heading, percent, plain, show_error
from ui.titles import MASKED

HIGH, LOW, LONG = 210, 110, 200  # pixels for answers of the task; characters of one that is long
WAYS = {"both": tuple(MASKED.values()), "with": (MASKED[True],), "without": (MASKED[False],)}
STATE = "teacher_asked"


@dataclass(frozen=True)
class Told:
    """An answer, and what the teacher made of each of its tokens; nothing where it tells none, or where they cannot be
    read: `wrong` says why."""

    answer: engine.Answer
    steps: tuple[Any, ...]
    wrong: str = ""


def section(lm: Any, task: Task, example: Example, prompt: Prompt, key: tuple) -> Work | None:
    """The buttons and the answers. Returns what there is to be done once the page is drawn, if anything."""
    title, way, buttons = st.columns([1, 3, 2], vertical_alignment="center")
    title.subheader("Answer")
    linked("teacher_way", "both", WAYS)
    chosen = way.segmented_control(
        "Way",
        list(WAYS),
        format_func=lambda name: "Both" if name == "both" else WAYS[name][0],
        required=True,
        key="teacher_way",
        label_visibility="collapsed",
        persist_state="session",
    )
    labels = WAYS[chosen or "both"]
    asked = asking.current(STATE, key, labels)
    missing = asked.missing(labels) if asked and example.input else []
    with buttons.container(horizontal=True, horizontal_alignment="right"):
        st.button(
            "Run",
            type="primary",
            icon=":material/play_arrow:",
            key="teacher_run",
            on_click=asking.press,
            args=(STATE,),
            disabled=not example.input or bool(missing),
        )
        asking.stop_button(STATE, "teacher_stop", bool(missing))
    if not example.input:
        st.info("Write an input above: the teacher is asked about it.", icon=":material/arrow_upward:")
        return None
    if asked is None:
        st.info("Press Run to see what the teacher answers.", icon=":material/play_arrow:")
        return None
    places = _columns(task, example, asked, labels)
    shown: dict[str, Told] = {label: asked.found[label] for label in labels if label in asked.found}
    if shown and not asked.open(labels):
        wrong = {label: told.wrong for label, told in shown.items() if told.wrong}
        teacher_tokens.section(lm, {label: told.steps for label, told in shown.items()}, wrong)
        _compare(task, example, {label: told.answer.text for label, told in shown.items()})
    if not missing:
        return None
    label = missing[0]
    return asking.work(
        asked, label, places[label].text, lambda show: _ask(lm, task, example, prompt, asked, label, show)
    )


def _ask(
    lm: Any, task: Task, example: Example, prompt: Prompt, asked: Asked, label: str, show: Callable[[str], None]
) -> Told:
    """Raises StillroomError."""
    masked = label == MASKED[True]
    limit = None if masked else engine.FREE_TOKENS
    ask = partial(engine.answer, lm, task, example.input, prompt, constrained=masked, max_new_tokens=limit)
    is_paid = isinstance(lm, ApiTeacher)
    answer = asking.once(asked.coming, label, lambda tell: ask(show=tell), show) if is_paid else ask(show=show)
    try:
        return Told(answer, teacher_tokens.read(lm, task, example, prompt, answer))
    except StillroomError as error:  # the answer is there all the same
        return Told(answer, (), str(error))


def _columns(task: Task, example: Example, asked: Asked, labels: tuple[str, ...]) -> dict[str, Any]:
    """A column an answer, as high before as after it has come; where its text grows, by label."""
    places = {}
    height = HIGH if len(task.shots[0].answer) > LONG else LOW
    for column, label in zip(st.columns(len(labels), gap="large"), labels, strict=True):
        with column:
            heading(label)
            told: Told | None = asked.found.get(label)
            with st.container(horizontal=True):
                _badges(task, example, asked, label)
            with st.container(height=height, border=False, key=f"teacher_text_{labels.index(label)}"):
                places[label] = st.empty()
                if label in asked.wrong:
                    show_error(asked.wrong[label])
                elif told:
                    plain(told.answer.text or "(empty)")
                else:
                    places[label].text(asked.partial.get(label, ""))
            st.caption(_figures(told.answer) if told else "–")
    return places


def _badges(task: Task, example: Example, asked: Asked, label: str) -> None:
    told: Told | None = asked.found.get(label)
    if told is None:
        wrong = label in asked.wrong
        word = "failed" if wrong else "stopped" if asked.stopped else "answering"
        st.badge(word, color="red" if wrong else "gray", icon=":material/more_horiz:")
        return
    if told.answer.valid:
        st.badge("valid", icon=":material/check:", color="green")
    else:
        st.badge("not valid", icon=":material/close:", color="red")
    if example.answer:
        if task.evaluate(example, told.answer.text)["exact_match"][0]:
            st.badge("exact match", icon=":material/check:", color="green")
        else:
            st.badge("differs from gold", icon=":material/close:", color="orange")


def _figures(answer: engine.Answer) -> str:
    if answer.tokens:
        note = f" · {answer.note}" if answer.note else ""
        read, written = answer.tokens
        counted = f"{read:,} tokens read, {written:,} written" if read or written else "tokens not counted"
        return f"{answer.seconds:.1f} s · {counted}{note}"
    tokens = len(answer.ids)
    calls = f"{answer.model_calls} model call{'s' * (answer.model_calls != 1)}"
    forced = f"{percent(sum(answer.forced) / tokens)} of {tokens} tokens forced" if tokens else "no token"
    is_cut = tokens == engine.FREE_TOKENS and not any(answer.forced)
    cut = f" · stopped at {engine.FREE_TOKENS} tokens" if is_cut else ""
    return f"{answer.seconds:.1f} s · {calls} · {forced}{cut}"


def _compare(task: Task, example: Example, texts: dict[str, str]) -> None:
    """The valid answers part by part: beside gold, or by themselves for an input of the user's own."""
    heading("Part by part")
    valid = {label: text for label, text in texts.items() if answers.parts(task, text) is not None}
    if not valid:
        st.caption("No answer is valid, so there is nothing to compare part by part.")
        return
    missing = "".join(f" {label}: not valid, so it has no parts." for label in texts if label not in valid)
    if example.answer:
        st.caption(f"What departs from gold is marked {answers.WRONG}.{missing}")
        answers.answers_table(task, answers.parts(task, example.answer) or (), valid, "Gold", answers.WRONG)
    else:
        st.caption(f"This input has no gold answer.{missing}")
        reference = answers.parts(task, next(iter(valid.values()))) or ()
        answers.answers_table(task, reference, valid, None, answers.DIFFERENT)
