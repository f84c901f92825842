"""Two prompts against each other: the same examples answered under both, and what that says."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import StillroomError
from core.evaluate import report
from core.evaluate.paired import FEWEST, Paired, paired
from core.models.api import ApiTeacher
from core.tasks import Example, Task, saved_prompts
from core.tasks.prompt import Prompt, default_prompt
from ui import engine, titles
from ui.asking import Work
from ui.page_tools import linked
from ui.teacher import teacher_job
from ui.teacher.teacher_job import TeacherVersion
from ui.teacher.teacher_score import TABLE_HEIGHT, metric
from ui.text import show_error

ABOVE, OWN, SAVED = "above", "own", "saved "
TITLES = {ABOVE: "The prompt above", OWN: "The task's own instructions"}


def section(lm: Any, teacher: TeacherVersion, task: Task, examples: Sequence[Example], prompt: Prompt) -> Work | None:
    """The choice of the two, the buttons and what came of it. Returns what there is to be done once the page is drawn,
    if anything."""
    a, b = _choose(task, prompt)
    if a is None or b is None:
        return None
    if a == b:
        st.info(
            "A and B are the same prompt: edit the one above, or choose another. Saved prompts are offered here.",
            icon=":material/info:",
        )
        return None
    key = ("versus", teacher, task.name, a, b, tuple(examples))
    try:
        lengths = _length(lm, task, a), _length(lm, task, b)
    except StillroomError as error:  # a chat template that cannot be used
        show_error(str(error))
        return None
    teacher_job.buttons("Compare A and B", ":material/compare_arrows:", key, "versus")
    wanted = [(each, e.input) for e in examples for each in (a, b)]
    done = sum(text in teacher_job.answered(teacher, task, each) for each, text in wanted)
    place = teacher_job.progress(key, done, len(wanted))
    results = st.empty()

    def redraw() -> None:
        of_a, of_b = (teacher_job.answered(teacher, task, each) for each in (a, b))
        both = [e for e in examples if e.input in of_a and e.input in of_b]
        with results.container():
            if both:
                _results(task, both, of_a, of_b, lengths)

    redraw()
    job = teacher_job.state(key)
    if job is None or not job.running:
        return None
    return teacher_job.work(lm, teacher, task, wanted, job, place, redraw)


def _choose(task: Task, prompt: Prompt) -> tuple[Prompt | None, Prompt | None]:
    names = [ABOVE, OWN, *(SAVED + name for name in saved_prompts.names(task))]
    left, right = st.columns(2, gap="large")
    linked("teacher_a", ABOVE, names)
    linked("teacher_b", OWN, names)
    a = left.selectbox("Prompt A", names, key="teacher_a", format_func=_title, persist_state="session")
    b = right.selectbox("Prompt B", names, key="teacher_b", format_func=_title, persist_state="session")
    return _prompt(task, a, prompt), _prompt(task, b, prompt)


def _title(name: str) -> str:
    return TITLES.get(name) or f"Saved: {name.removeprefix(SAVED)}"


def _prompt(task: Task, name: str, above: Prompt) -> Prompt | None:
    if name == ABOVE:
        return above
    if name == OWN:
        return default_prompt(task)
    try:
        return saved_prompts.read(task, name.removeprefix(SAVED))
    except StillroomError as error:
        show_error(str(error))
        return None


def _length(lm: Any, task: Task, prompt: Prompt) -> int:
    """Of a prompt without an input: in tokens, or in characters where the tokens are not known."""
    if isinstance(lm, ApiTeacher):
        return len(engine.prompt_text(lm, task, "", prompt))
    return sum(engine.prompt_lengths(lm, task, "", prompt).values())


def _results(
    task: Task, examples: Sequence[Example], of_a: Mapping[str, str], of_b: Mapping[str, str], lengths: tuple[int, int]
) -> None:
    name = task.metrics[0]
    outputs = [[kept[e.input] for e in examples] for kept in (of_a, of_b)]
    counts = [[task.evaluate(e, o) for e, o in zip(examples, each, strict=True)] for each in outputs]
    try:
        found = paired(counts[0], counts[1], name)
    except StillroomError as error:
        show_error(str(error))
        return
    columns = st.columns(3)
    for column, letter, each in zip(columns, "AB", outputs, strict=False):
        with column:
            metric(f"{letter}: {titles.metric(name, task).lower()}", report.scores(task, examples, each)[name])
    with columns[2]:
        st.metric(
            "A minus B",
            _points(found.difference),
            f"{found.examples} examples",
            delta_color="off",
            delta_arrow="off",
            border=True,
        )
        st.caption(f"95 % interval: {_points(found.low)} to {_points(found.high)}")
    st.markdown(verdict(found, lengths))
    st.dataframe(four_fields(found), hide_index=True, width="content")
    st.caption("The interval comes from drawing the examples anew, each with both its answers (paired bootstrap).")
    differing = differences(examples, outputs, counts, name)
    if differing.empty:
        st.caption("Both prompts did equally well on every example.")
    else:
        st.caption("Where one did better than the other, the largest difference first.")
        st.dataframe(differing, hide_index=True, height=min(TABLE_HEIGHT, 38 + 35 * len(differing)))


def _points(share: float) -> str:
    return f"{100 * share:+.2f} points"


def verdict(found: Paired, lengths: tuple[int, int]) -> str:
    """Which prompt to keep, and why."""
    if found.better:
        other = "B" if found.better == "A" else "A"
        return f"**Keep {found.better}.** It does better than {other}, and the interval leaves no doubt of that."
    if found.examples < FEWEST:
        return f"**No verdict yet.** {found.examples} examples say little: take {FEWEST} at least."
    shorter = "A" if lengths[0] <= lengths[1] else "B"
    much = "as long as the other" if lengths[0] == lengths[1] else f"{min(lengths):,} against {max(lengths):,}"
    return f"**Keep {shorter}, the shorter one** ({much}). These examples do not tell them apart: the interval holds 0."


def four_fields(found: Paired) -> pd.DataFrame:
    """How many examples were answered exactly right, by whom."""
    labels = ("both", "only A", "only B", "neither")
    return pd.DataFrame({"Exactly right": labels, "Examples": (found.both, found.only_a, found.only_b, found.neither)})


def differences(
    examples: Sequence[Example], outputs: list[list[str]], counts: list[list[dict]], name: str
) -> pd.DataFrame:
    """The examples on which one prompt did better, the largest difference first."""
    rows = []
    for i, example in enumerate(examples):
        a, b = (each[i][name] for each in counts)
        if a[0] != b[0]:
            sign = "A better" if a[0] > b[0] else "B better"
            row = (f"{sign}: {a[0]} and {b[0]} of {a[1]}", example.input, outputs[0][i], outputs[1][i], example.answer)
            rows.append((abs(a[0] - b[0]) / a[1], row))
    rows.sort(key=lambda row: -row[0])
    return pd.DataFrame([row for _, row in rows], columns=["Who", "Input", "A", "B", "Gold"])
