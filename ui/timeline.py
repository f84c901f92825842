"""The timeline of an answer: how many tokens each step allowed, and how much mass the mask took away."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from ui.candidates import name_of

HEIGHT = 96
POINT = "step"
ROWS = {
    "allowed": ("Tokens allowed", alt.Scale(type="log"), ",", 1.0),
    "removed": ("Mass removed", alt.Scale(domain=[0, 1]), ".0%", 0.0),
}


def timeline(steps: Sequence[Any], index: int, end: int, *, key: str, on_select: Callable[[str], None]) -> None:
    """Two charts over the steps. A click on a point calls `on_select` with the chart's key: see `selected`."""
    frame = pd.DataFrame(
        {
            "step": range(len(steps)),
            "token": [name_of(s.id, s.text, end)[:40] for s in steps],
            "allowed": [s.allowed for s in steps],
            "removed": [min(1.0, max(0.0, s.removed)) for s in steps],
            "kind": ["forced" if s.forced else "free" for s in steps],
        }
    )
    for field in ROWS:
        name = f"{key}_{field}"
        st.altair_chart(
            chart(frame, index, field), key=name, on_select=partial(on_select, name), selection_mode=POINT,
            width="stretch",
        )  # fmt: skip


def selected(key: str) -> int | None:
    """The step that was clicked in a chart."""
    points = (st.session_state.get(key) or {}).get("selection", {}).get(POINT) or []
    step = points[0].get("step") if points else None
    return step if isinstance(step, int) else None


def chart(frame: pd.DataFrame, index: int, field: str) -> alt.LayerChart:
    """A stem a step, and a dashed rule at step `index`."""
    title, scale, form, low = ROWS[field]
    last = field == "removed"
    axis = alt.Axis(grid=False, tickMinStep=1, labels=last, ticks=last)
    domain = alt.Scale(domain=[-0.5, len(frame) - 0.5], nice=False)
    x = alt.X("step:Q", title="Token of the answer" if last else None, axis=axis, scale=domain)
    y_axis = alt.Axis(format=form, tickCount=3, titleFontSize=11, minExtent=44)
    y = alt.Y(f"{field}:Q", title=title, scale=scale, axis=y_axis)
    base = alt.Chart(frame)
    stems = base.mark_rule(opacity=0.45).encode(x=x, y=y, y2=alt.Y2Datum(low))
    now = alt.Chart(pd.DataFrame({"step": [index]})).mark_rule(strokeWidth=2, strokeDash=[4, 3]).encode(x=x)
    kinds = alt.Scale(domain=["free", "forced"], range=["circle", "diamond"])
    points = (
        base.mark_point(filled=True, size=34, opacity=1)
        .encode(
            x=x,
            y=y,
            shape=alt.Shape("kind:N", legend=None, scale=kinds),
            tooltip=["step", "token", alt.Tooltip("allowed", format=","), alt.Tooltip("removed", format=".2%"), "kind"],
        )
        .add_params(alt.selection_point(name=POINT, fields=["step"], nearest=True, on="click"))
    )
    return alt.layer(stems, now, points).properties(height=HEIGHT + 24 * last)
