"""What is shown of a dataset: headline figures, a table to search, one example as the model sees it."""

import json
from collections.abc import Sequence
from functools import partial
from statistics import mean

import pandas as pd
import streamlit as st

from core.tasks import Dataset, Example, Task
from ui import engine, rows
from ui.components.token_strip import StripToken, token_strip
from ui.text import count, errors_shown, percent, plain

TABLE = "datasets_table"
TABLE_HEIGHT = 248  # pixels: six rows, so that the selected one is seen below without scrolling


def headline(dataset: Dataset) -> None:
    """Sizes, leaks and length, in one row."""
    every = [*dataset.train, *dataset.dev, *dataset.test]
    leaks = dataset.leaks()
    figures = {
        "Train": (count(len(dataset.train)), "Examples that a student learns from"),
        "Dev": (count(len(dataset.dev)), "Examples for validation while it learns, and for trying prompts"),
        "Test": (count(len(dataset.test)), "Examples for the report only"),
        "Leaks": (count(len(leaks)), "Inputs of dev or test that stand in train as well: they make scores too good"),
        "Mean words": (f"{mean(len(example.input.split()) for example in every):.1f}" if every else "–", "In an input"),
    }
    for column, (label, (value, meaning)) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(label, value, help=meaning, border=True)
    if missing := len(dataset.without_gold):
        st.info(
            f"{count(missing)} of {count(len(every))} examples have no gold answer: a run's teacher writes it. A stage "
            "that learns gold takes examples with one only.",
            icon=":material/edit_note:",
        )
    if leaks:
        with st.expander(f"{len(leaks)} inputs of dev or test stand in train as well", icon=":material/warning:"):
            st.dataframe(pd.DataFrame({"Input": leaks}), hide_index=True, key="datasets_leaks")


def table(task: Task, hits: Sequence[tuple[int, Example]]) -> pd.DataFrame:
    """A row an example: its number, input and words, then the answer's fields or the labels."""
    return pd.DataFrame(
        [
            {"No.": number, task.input_label: example.input, "Words": len(example.input.split()), **_answer(example)}
            for number, example in hits
        ]
    )


def _answer(example: Example) -> dict[str, object]:
    if not example.answer:
        return {}
    answer = json.loads(example.answer)
    if isinstance(answer, dict) and not any(isinstance(value, list | dict) for value in answer.values()):
        return answer
    return {"Labels": " ".join(example.labels)}


def select_row(task: Task, frame: pd.DataFrame) -> int:
    """Shows the table; returns the position of the selected row, the first where none is."""
    shown = st.dataframe(
        frame,
        key=TABLE,
        hide_index=True,
        height=min(TABLE_HEIGHT, 38 + 35 * len(frame)),
        column_config={
            "No.": st.column_config.NumberColumn(width=50),
            task.input_label: st.column_config.TextColumn(width="large"),
            "Words": st.column_config.NumberColumn(width=60),
        },
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [0]}},
    )
    selected = shown.selection.rows
    line = selected[0] if selected and selected[0] < len(frame) else 0
    rows.walk("datasets", "example", line, len(frame), partial(rows.select, TABLE))
    return line


def as_tokens(task: Task, example: Example) -> None:
    """The example as the bundled model reads it, the answer's free tokens shaded."""
    if not example.answer:
        st.info("This input has no gold answer: on the Teacher page a teacher writes one.", icon=":material/edit_note:")
        return
    with errors_shown():
        with st.spinner("Reading it as the model does (the first time takes a few seconds) …"):
            prompt, answer, forced = _tokens(task.name, example)
        free = forced.count(False)
        st.caption(
            f"{free} of {len(forced)} answer tokens are free, {percent(1 - free / len(forced))} are forced: "
            "the schema dictates them, so nobody has to learn them."
        )
        strip = [StripToken(text, 0, "prompt", "The input, and the end-of-text token behind it") for text in prompt]
        strip += [
            StripToken(text, 0, "forced", "Answer: forced, the schema leaves only one text here")
            if is_forced
            else StripToken(text, 0.75, "free", "Answer: the schema allows several tokens here; this is the gold one")
            for text, is_forced in zip(answer, forced, strict=True)
        ]
        token_strip(strip, key="datasets_strip", legend="what a student learns", selectable=False)
    with st.expander("The answer as text", icon=":material/data_object:"):
        plain(example.answer)


@st.cache_data(max_entries=64, show_spinner=False)
def _tokens(task_name: str, example: Example) -> tuple[list[str], list[str], list[bool]]:
    return engine.tokens_of(task_name, example)
