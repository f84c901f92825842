"""A task's examples as masks on the Masks page: a heat map of how many tokens each position allows, and the cost."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.errors import StillroomError
from core.tasks import TASKS
from ui import charts, data_form, uploads
from ui.masks import mask_engine
from ui.masks.mask_engine import Corpus
from ui.masks.mask_model import Source
from ui.page_tools import linked
from ui.text import as_csv, literal, percent, plain, show_error

USUAL, MOST = 100, 1000  # examples
MARKS = 8000
TALL = 640  # pixels


def draw(source: Source) -> None:
    """The choice of a dataset, its figures and its heat map."""
    wanted = _choose(source)
    try:
        found = mask_engine.corpus(source.model, wanted, uploads.stamp(wanted.path))
    except StillroomError as error:
        show_error(str(error))
        return
    _figures(found)
    if found.refused:
        st.warning(
            f"{len(found.refused)} of {len(found.refused) + len(found.allowed)} answers do not keep to the schema and "
            f"were left out. The first, example {found.refused[0][0] + 1}:",
            icon=":material/filter_alt_off:",
        )
        plain(found.refused[0][1])
    if found.ungraded:
        st.caption(f"{found.ungraded:,} of these inputs have no gold answer and were left out.")
    step = _width(found.allowed)
    cells = table(found, step)
    charts.chart(chart(cells, step, st.context.theme.type == "dark"), "masks_corpus_chart", describe(found))
    note = f"Each cell is {step} positions, and stands for the freest of them. " if step > 1 else ""
    words = "Each under the schema of its own words" if wanted.conditioned else "All under the task's general schema"
    st.caption(
        f"The gold answers of {len(found.allowed)} examples, in {literal(source.model.name)}'s tokens. {words}. {note}"
        "Full cells are free, standing out where more tokens are allowed; thin ones are forced. All of it was measured "
        "here."
    )
    with st.container(horizontal=True):
        st.button("Measure again", key="masks_corpus_again", icon=":material/timer:", on_click=mask_engine.corpus.clear)
        st.download_button(
            "Heat map as CSV",
            lambda: as_csv(cells),
            "masks.csv",
            "text/csv",
            key="masks_corpus_csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _choose(source: Source) -> Corpus:
    """Any data that the Datasets page knows; the task is the schema's, if it is a task's."""
    name, places = source.wanted.task, st.columns([1.4, 1.4, 1.2, 0.9])
    with places[0]:
        if not name:
            linked("masks_corpus_task", next(iter(TASKS)), TASKS)
            name = st.selectbox(
                "Task",
                list(TASKS),
                key="masks_corpus_task",
                persist_state="session",
                format_func=lambda name: TASKS[name].title,
                help="A corpus needs a task's examples: the schema above has none, so the task's own takes its place.",
            )
        else:
            st.selectbox("Task", [TASKS[name].title], disabled=True, help="The schema above is this task's.")
    known = data_form.labels(TASKS[name])
    chosen = uploads.chosen(TASKS[name]) or data_form.BUNDLED
    known.setdefault(chosen, chosen)
    with places[1]:
        key = f"masks_corpus_data {name}"
        if key not in st.session_state and "corpus_data" not in st.query_params:
            st.session_state[key] = chosen
        linked(key, data_form.BUNDLED, known)
        path = st.selectbox(
            "Data",
            list(known),
            key=key,
            persist_state="session",
            format_func=lambda path: known.get(path, path),
            help="Bundled, or what was added on the Datasets page",
        )
    with places[2]:
        linked("masks_corpus_split", "dev", data_form.SPLITS)
        split = st.segmented_control(
            "Split", data_form.SPLITS, key="masks_corpus_split", required=True, persist_state="session"
        )
    with places[3]:
        linked("masks_corpus_count", USUAL, range(1, MOST + 1))
        count = st.number_input(
            "Examples", 1, MOST, step=50, key="masks_corpus_count", persist_state="session", help="The first ones of it"
        )
    conditioned = source.wanted.conditioned or not source.wanted.task
    return Corpus(name, path or None, split or "dev", int(count), conditioned)


def _figures(found: Any) -> None:
    microseconds = 1e6 * found.seconds / found.positions
    figures = {
        "Positions": f"{found.positions:,}",
        "Forced": percent(found.forced / found.positions),
        "Different masks": f"{found.rows:,}",
        "Memory kept": _memory(found.kept),
        "Dense it would be": _memory(found.dense),
        "Time a position": f"{microseconds:,.1f} µs",
    }
    help = {
        "Memory kept": "each different mask once, and a row number a position",
        "Dense it would be": "one bit a token, a mask for every position",
        "Time a position": "automata, forced texts and masks of all examples, on this machine",
    }
    columns = [*st.columns(3), *st.columns(3)]
    for column, (name, value) in zip(columns, figures.items(), strict=True):
        column.metric(name, value, border=True, help=help.get(name))


def _memory(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.1f} kB"


def _width(allowed: tuple[np.ndarray, ...]) -> int:
    """Positions a cell, so that the longest answer fits."""
    return max(1, -(-max(map(len, allowed)) * len(allowed) // MARKS))


def table(found: Any, step: int) -> pd.DataFrame:
    """A line a cell: example from 1, position, the most tokens allowed in it (0 where all of it is forced), and how
    many positions of it are forced."""
    rows = []
    for example, counts in zip(found.places, found.allowed, strict=True):
        for begin in range(0, len(counts), step):
            cell = counts[begin : begin + step]
            rows.append((example + 1, begin, begin + step, max(int(cell.max()), 0), int((cell < 0).sum()), len(cell)))
    return pd.DataFrame(rows, columns=["example", "position", "to", "allowed", "forced", "of"])


def describe(found: Any) -> str:
    free = np.concatenate([counts[counts >= 0] for counts in found.allowed])
    middle = f"; where one can choose, {np.median(free):,.0f} tokens are allowed in the middle" if free.size else ""
    return (
        f"How many tokens each position of {len(found.allowed):,} answers allows: "
        f"{percent(found.forced / found.positions)} of {found.positions:,} positions are forced{middle}."
    )


def chart(frame: pd.DataFrame, step: int, dark: bool = False) -> alt.LayerChart:
    """Free cells are full, forced ones thin: they differ by more than colour. Many tokens stand out from the page."""
    text = "Positions" if step > 1 else "Position"
    frame = frame.assign(low=frame.example + 0.36, high=frame.example + 0.64, top=frame.example + 1)
    x = alt.X("position:Q", title="Position in the answer", scale=alt.Scale(nice=False, zero=True))
    last = int(frame.example.max())
    y = alt.Y("example:Q", title="Example", scale=alt.Scale(reverse=True, nice=False, domain=[1, last + 1]))
    tooltip = [
        alt.Tooltip("example:Q", title="Example"),
        alt.Tooltip("position:Q", title=text),
        alt.Tooltip("allowed:Q", title="Tokens allowed, at most", format=","),
        alt.Tooltip("forced:Q", title="Forced positions"),
    ]
    free = (
        alt.Chart(frame[frame.allowed > 0])
        .mark_rect()
        .encode(
            x=x,
            x2="to:Q",
            y=y,
            y2="top:Q",
            tooltip=tooltip,
            color=alt.Color(
                "allowed:Q",
                title="Tokens allowed",
                scale=alt.Scale(type="log", scheme="viridis", reverse=not dark),
                legend=alt.Legend(format="~s"),
            ),
        )
    )
    forced = (
        alt.Chart(frame[frame.allowed == 0])
        .mark_rect(color="#8a8f8c", opacity=0.8)
        .encode(
            x=x,
            x2="to:Q",
            y=alt.Y("low:Q", title="Example", scale=alt.Scale(reverse=True)),
            y2="high:Q",
            tooltip=tooltip,
        )
    )
    return alt.layer(forced, free).properties(height=min(TALL, max(240, 5 * len(set(frame.example)))))
