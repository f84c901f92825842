"""A task's examples as masks on the Masks page: a heat map of how many tokens each position allows, and the cost."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.errors import StillroomError
from ui import mask_engine
from ui.mask_model import Source
from ui.text import percent, show_error

EXAMPLES, MARKS = 100, 8000


def draw(source: Source) -> None:
    wanted = source.wanted
    if wanted.kind != "task":
        st.info(
            "A corpus needs a task's examples: choose Schema from: A task, at the top.", icon=":material/arrow_upward:"
        )
        return
    try:
        found = mask_engine.corpus(source.model, wanted.task, wanted.conditioned, EXAMPLES)
    except StillroomError as error:
        show_error(str(error))
        return
    _figures(found)
    step = _width(found.allowed)
    st.altair_chart(chart(table(found.allowed, step), step, st.context.theme.type == "dark"), key="masks_corpus_chart")
    examples = len(found.allowed)
    note = f"Each cell is {step} positions, and stands for the freest of them. " if step > 1 else ""
    st.caption(
        f"The gold answers of {examples} examples of dev, in {source.model.name}'s tokens. {note}Full cells are free, "
        "standing out where more tokens are allowed; thin ones are forced. All of it was measured here."
    )
    st.button("Measure again", key="masks_corpus_again", icon=":material/timer:", on_click=mask_engine.corpus.clear)


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


def table(allowed: tuple[np.ndarray, ...], step: int) -> pd.DataFrame:
    """A line a cell: example, position, the most tokens allowed in it (0 where all of it is forced), and how many
    positions of it are forced."""
    rows = []
    for example, counts in enumerate(allowed):
        for begin in range(0, len(counts), step):
            cell = counts[begin : begin + step]
            rows.append((example, begin, begin + step, max(int(cell.max()), 0), int((cell < 0).sum()), len(cell)))
    return pd.DataFrame(rows, columns=["example", "position", "to", "allowed", "forced", "of"])


def chart(frame: pd.DataFrame, step: int, dark: bool = False) -> alt.LayerChart:
    """Free cells are full, forced ones thin: they differ by more than colour. Many tokens stand out from the page."""
    text = "Positions" if step > 1 else "Position"
    frame = frame.assign(low=frame.example + 0.36, high=frame.example + 0.64, top=frame.example + 1)
    x = alt.X("position:Q", title="Position in the answer", scale=alt.Scale(nice=False, zero=True))
    y = alt.Y(
        "example:Q", title="Example", scale=alt.Scale(reverse=True, nice=False, domain=[0, len(set(frame.example))])
    )
    tooltip = [
        alt.Tooltip("example:Q", title="Example"),
        alt.Tooltip("position:Q", title=text),
        alt.Tooltip("allowed:Q", title="Tokens allowed, at most", format=","),
        alt.Tooltip("forced:Q", title="Forced positions"),
    ]
    free = alt.Chart(frame[frame.allowed > 0]).mark_rect().encode(
        x=x, x2="to:Q", y=y, y2="top:Q", tooltip=tooltip,
        color=alt.Color(
            "allowed:Q", title="Tokens allowed", scale=alt.Scale(type="log", scheme="viridis", reverse=not dark),
            legend=alt.Legend(format="~s"),
        ),
    )  # fmt: skip
    forced = alt.Chart(frame[frame.allowed == 0]).mark_rect(color="#8a8f8c", opacity=0.8).encode(
        x=x, x2="to:Q", y=alt.Y("low:Q", title="Example", scale=alt.Scale(reverse=True)), y2="high:Q", tooltip=tooltip
    )  # fmt: skip
    return alt.layer(forced, free).properties(height=max(240, 5 * len(set(frame.example))))
