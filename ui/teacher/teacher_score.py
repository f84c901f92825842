"""How well a teacher does with a prompt: examples of dev, answered with the mask and counted."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.evaluate import report
from core.evaluate.ratio import Score
from core.tasks import Example, Task
from core.tasks.prompt import Prompt
from ui import titles
from ui.asking import Work
from ui.teacher import teacher_job
from ui.teacher.teacher_job import TeacherVersion
from ui.text import percent

TABLE_HEIGHT = 320


def section(lm: Any, teacher: TeacherVersion, task: Task, examples: Sequence[Example], prompt: Prompt) -> Work | None:
    """The buttons and the scores, which grow while examples are answered. Returns what there is to be done once the
    page is drawn, if anything."""
    key = ("score", teacher, task.name, prompt, tuple(examples))
    teacher_job.buttons("Score", ":material/checklist:", key, "score")
    done = sum(example.input in teacher_job.answered(teacher, task, prompt) for example in examples)
    place = teacher_job.progress(key, done, len(examples))
    results = st.empty()

    def redraw() -> None:
        kept = teacher_job.answered(teacher, task, prompt)
        with results.container():
            _results(task, [e for e in examples if e.input in kept], kept)

    redraw()
    job = teacher_job.state(key)
    if job is None or not job.running:
        return None
    return teacher_job.work(lm, teacher, task, [(prompt, e.input) for e in examples], job, place, redraw)


def _results(task: Task, examples: Sequence[Example], outputs: Mapping[str, str]) -> None:
    if not examples:
        return
    scores = report.scores(task, examples, [outputs[e.input] for e in examples])
    names = [name for name in (task.metrics[0], "exact_match", "valid") if name in scores]
    for column, name in zip(st.columns(len(names)), names, strict=True):
        with column:
            metric(titles.metric(name, task), scores[name])
    st.caption("The examples, the worst first.")
    st.dataframe(table(task, examples, outputs), hide_index=True, height=min(TABLE_HEIGHT, 38 + 35 * len(examples)))


def metric(label: str, score: Score) -> None:
    """A score, and how sure one can be of it."""
    low, high = score.interval
    st.metric(
        label,
        percent(score.value),
        f"{score.hits} of {score.total}",
        delta_color="off",
        delta_arrow="off",
        border=True,
    )
    st.caption(f"95 % interval: {percent(low)} to {percent(high)}")


def table(task: Task, examples: Sequence[Example], outputs: Mapping[str, str]) -> pd.DataFrame:
    """A row an example: how much of it is right, the input, gold and the answer; the worst first."""
    name = task.metrics[0]
    rows = []
    for example in examples:
        counts = task.evaluate(example, outputs[example.input])
        hits, total = counts[name]
        right = "✓" if counts["exact_match"][0] else "✗"
        rows.append((hits / total if total else 1.0, f"{right} {hits} of {total}", example, outputs[example.input]))
    rows.sort(key=lambda row: row[0])
    return pd.DataFrame(
        {
            "Right": [right for _, right, _, _ in rows],
            task.input_label: [example.input for _, _, example, _ in rows],
            "Answer": [output for *_, output in rows],
            "Gold": [example.answer for _, _, example, _ in rows],
        }
    )
