"""The Compare page's charts: a metric with its interval, and size against the metric."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from ui.comparison import ROLES, Entry

SHAPES = ("square", "triangle-up", "circle")  # roles differ by shape too, not only by colour
COLOURS = ("#6f86b8", "#c08a3a", "#1f9e87")  # of middle lightness: they show on a light and on a dark page


def metric_chart(shown: Sequence[Entry], metric: str, title: str) -> alt.LayerChart:
    """One line a model: the metric and its 95 % interval."""
    base = alt.Chart(_table(shown, metric)).encode(
        y=alt.Y("model:N", title=None, sort=None, axis=alt.Axis(labelLimit=260))
    )
    scale = alt.Scale(domain=[0, 1])
    axis = alt.Axis(format=".0%")
    bars = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title=f"{title}, 95 % interval", scale=scale, axis=axis), x2="high:Q", color=_colour(None)
    )
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        x=alt.X("value:Q", scale=scale), color=_colour(None), shape=_shape(None), tooltip=_tooltip(title)
    )
    return (bars + points).properties(height=90 + 44 * len(shown))


def size_chart(shown: Sequence[Entry], metric: str, title: str) -> alt.LayerChart:
    """Smaller is further left, better is higher up. A model whose size is not known has no place."""
    table = _table([entry for entry in shown if entry.model.megabytes], metric)
    base = alt.Chart(table).encode(
        x=alt.X(
            "megabytes:Q", title="Size on disk, MB (log)", scale=alt.Scale(type="log", domain=_around(table.megabytes))
        ),
        y=alt.Y("value:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%")),
    )
    legend = alt.Legend(orient="bottom", title=None, columns=2)
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        color=_colour(legend), shape=_shape(legend), tooltip=_tooltip(title)
    )
    errors = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=title), y2="high:Q", color=_colour(legend))
    return (errors + points).properties(height=max(300, 90 + 44 * len(shown)))


def _table(shown: Sequence[Entry], metric: str) -> pd.DataFrame:
    rows = []
    for entry in shown:
        score = entry.model.scores.get(metric)
        if score is None:
            continue
        low, high = score.interval
        rows.append(
            {
                "model": entry.label,
                "role": ROLES.get(entry.role, entry.role),
                "value": score.value,
                "low": low,
                "high": high,
                "megabytes": max(entry.model.megabytes, 0.01),
                "counted": f"{score.hits:,} of {score.total:,}",
            }
        )
    return pd.DataFrame(rows, columns=["model", "role", "value", "low", "high", "megabytes", "counted"])


def _colour(legend: alt.Legend | None) -> alt.Color:
    scale = alt.Scale(domain=list(ROLES.values()), range=list(COLOURS))
    return alt.Color("role:N", legend=legend, sort=list(ROLES.values()), scale=scale)


def _shape(legend: alt.Legend | None) -> alt.Shape:
    scale = alt.Scale(domain=list(ROLES.values()), range=list(SHAPES))
    return alt.Shape("role:N", legend=legend, sort=list(ROLES.values()), scale=scale)


def _tooltip(title: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("model:N", title="Model"),
        alt.Tooltip("value:Q", title=title, format=".2%"),
        alt.Tooltip("low:Q", title="from", format=".2%"),
        alt.Tooltip("high:Q", title="to", format=".2%"),
        alt.Tooltip("counted:N", title="Right"),
        alt.Tooltip("megabytes:Q", title="MB", format=",.1f"),
    ]


def _around(values: pd.Series) -> list[float]:
    """A range with room at both ends, so that no point sits on an axis."""
    return [float(values.min()) / 2, float(values.max()) * 2] if len(values) else [1, 1000]
