"""The Compare page's charts: a metric with its interval, against size and speed, confused tags, and calibration.

A model keeps its colour whatever else is shown; its role is told by shape too, and names stand beside the points.
"""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from core.evaluate.parts import NOTHING
from core.export.report_svg import COLOURS, apart
from ui.charts import ink
from ui.compare.compare_table import with_interval
from ui.compare.comparison import Entry
from ui.text import percent
from ui.titles import MASKED, ROLES

SHAPES = ("square", "triangle-up", "circle")
RIGHT, WRONG = "#0072b2", "#d55e00"
HEIGHT, PLOT = 340, 270  # of a chart of points, with its axes and without, in pixels
LINE = 16  # of a label, in pixels
NAMED = 4  # models whose names find room beside their points; more have a legend


def colour(entry: Entry) -> str:
    return COLOURS[entry.number % len(COLOURS)]


def metric_chart(shown: Sequence[Entry], metric: str, title: str) -> alt.LayerChart:
    """One line a model: the metric and its 95 % interval."""
    base = alt.Chart(_table(shown, metric)).encode(
        y=alt.Y("model:N", title=None, sort=None, axis=alt.Axis(labelLimit=260))
    )
    scale = alt.Scale(domain=[0, 1])
    axis = alt.Axis(format=".0%")
    bars = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title=f"{title}, 95 % interval", scale=scale, axis=axis), x2="high:Q", color=_colour(shown)
    )
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        x=alt.X("value:Q", scale=scale), color=_colour(shown), shape=_shape(), tooltip=_tooltip(title)
    )
    return (bars + points).properties(height=90 + 34 * len(shown))


def describe_metric(shown: Sequence[Entry], metric: str, title: str) -> str:
    each = [f"{e.label} {with_interval(e.model.scores.get(metric))}" for e in shown]
    return f"{title} of each model with its 95 % interval: {'; '.join(each)}."


def against(shown: Sequence[Entry], metric: str, title: str, cost: str, cost_title: str) -> alt.LayerChart:
    """Quality against a cost, `megabytes` or `milliseconds`: cheaper is further left, better is higher up. A model
    whose cost is not known has no place."""
    table = _table(shown, metric).dropna(subset=[cost])
    domain = _around(table[cost])
    middle = (domain[0] * domain[1]) ** 0.5
    table["label_at"] = apart(list(table.value), LINE / PLOT)
    base = alt.Chart(table).encode(
        x=alt.X(f"{cost}:Q", title=f"{cost_title} (log)", scale=alt.Scale(type="log", domain=domain)),
        y=alt.Y("value:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%")),
    )
    errors = base.mark_rule(strokeWidth=2).encode(
        y=alt.Y("low:Q", title=title), y2="high:Q", color=_colour(shown), tooltip=_tooltip(title)
    )
    legend = alt.Legend(orient="bottom", title=None, columns=2, labelLimit=260) if len(shown) > NAMED else None
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        color=_colour(shown, legend), shape=_shape(), tooltip=_tooltip(title)
    )
    to_right, to_left = alt.datum[cost] <= middle, alt.datum[cost] > middle
    if len(shown) > NAMED:
        return (errors + points).properties(height=HEIGHT)
    names = base.encode(y=alt.Y("label_at:Q", title=title), text="model:N")
    words = {"baseline": "middle", "color": ink(), "fontSize": 12, "limit": 240}
    right = names.mark_text(align="left", dx=10, **words).transform_filter(to_right)
    left = names.mark_text(align="right", dx=-10, **words).transform_filter(to_left)
    return (errors + points + right + left).properties(height=HEIGHT)


def describe_against(shown: Sequence[Entry], metric: str, title: str, cost: str, cost_title: str) -> str:
    table = _table(shown, metric).dropna(subset=[cost])
    each = [f"{row.model} {percent(row.value)} at {row[cost]:,.1f}" for _, row in table.iterrows()]
    return f"{title} against {cost_title}: {'; '.join(each)}."


def confusion_chart(counts: Mapping[str, Mapping[str, int]], tags: Sequence[str]) -> alt.LayerChart:
    """What each tag of gold was taken for: a line of it, the stronger the larger its share of that tag."""
    named = lambda tag: "none" if tag == NOTHING else tag
    rows = [
        {
            "gold": named(gold),
            "answer": named(found),
            "count": n,
            "share": n / sum(row.values()),
            "right": gold == found,
        }
        for gold, row in counts.items()
        for found, n in row.items()
    ]
    frame = pd.DataFrame(rows, columns=["gold", "answer", "count", "share", "right"])
    order = [*tags, "none"]
    across = alt.Axis(labelAngle=-60, orient="top", labelOverlap=False)
    base = alt.Chart(frame).encode(
        x=alt.X(
            "answer:N",
            title="Answer",
            sort=order,
            axis=across,
        ),
        y=alt.Y("gold:N", title="Gold", sort=order),
        tooltip=[
            alt.Tooltip("gold:N", title="Gold"),
            alt.Tooltip("answer:N", title="Answer"),
            alt.Tooltip("count:Q", title="Times", format=","),
            alt.Tooltip("share:Q", title="Of this tag in gold", format=".1%"),
        ],
    )
    cells = base.mark_rect().encode(
        color=alt.Color("right:N", legend=None, scale=alt.Scale(domain=[True, False], range=[RIGHT, WRONG])),
        opacity=alt.Opacity("share:Q", legend=None, scale=alt.Scale(type="sqrt", domain=[0, 1], range=[0.08, 0.75])),
    )
    numbers = base.mark_text(fontSize=10, color=ink()).encode(text=alt.Text("count:Q", format=","))
    return (cells + numbers).properties(height=120 + 20 * len(counts))


def describe_confusion(counts: Mapping[str, Mapping[str, int]]) -> str:
    every = [(n, gold, found) for gold, row in counts.items() for found, n in row.items() if gold != NOTHING]
    right = sum(n for n, gold, found in every if gold == found)
    words = f"What each tag of gold was taken for: {right:,} of {sum(n for n, *_ in every):,} times for itself"
    wrong = max(((n, gold, found) for n, gold, found in every if gold != found), default=None)
    if wrong is None:
        return f"{words}."
    return f"{words}; most often wrongly {wrong[1]} for {wrong[2] or 'none'}, {wrong[0]:,} times."


def reliability_chart(shown: Sequence[Entry]) -> alt.LayerChart:
    """How often a model was right at free positions where it was about so sure. On the dashed line it knows."""
    rows = [
        {
            "model": e.label,
            "role": ROLES.get(e.role, e.role),
            "confidence": b.confidence,
            "accuracy": b.accuracy,
            "count": b.count,
        }
        for e in shown
        if e.model.likelihood
        for b in e.model.likelihood.bins
        if b.count
    ]
    frame = pd.DataFrame(rows, columns=["model", "role", "confidence", "accuracy", "count"])
    scale, axis = alt.Scale(domain=[0, 1]), alt.Axis(format=".0%")
    ideal = alt.Chart(pd.DataFrame({"x": [0, 1]})).mark_line(strokeDash=[4, 4], color=ink(), opacity=0.5)
    points = alt.Chart(frame).encode(
        x=alt.X("confidence:Q", title=f"How sure, {MASKED[True].lower()}", scale=scale, axis=axis),
        y=alt.Y("accuracy:Q", title="How often right", scale=scale, axis=axis),
        color=_colour(shown, alt.Legend(orient="bottom", title=None, columns=2, labelLimit=260)),
        tooltip=[
            alt.Tooltip("model:N", title="Model"),
            alt.Tooltip("confidence:Q", title="Sure", format=".1%"),
            alt.Tooltip("accuracy:Q", title="Right", format=".1%"),
            alt.Tooltip("count:Q", title="Positions", format=","),
        ],
    )
    dots = points.mark_point(filled=True, opacity=0.9).encode(
        size=alt.Size("count:Q", legend=None, scale=alt.Scale(range=[20, 260])), shape=_shape()
    )
    return (ideal.encode(x="x:Q", y="x:Q") + points.mark_line(opacity=0.6) + dots).properties(height=300)


def describe_reliability(shown: Sequence[Entry]) -> str:
    errors = [f"{e.label} {percent(e.model.likelihood.calibration_error)}" for e in shown if e.model.likelihood]
    return f"How often each model is right where it is about so sure; calibration error: {'; '.join(errors)}."


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
                "megabytes": entry.megabytes,
                "milliseconds": entry.model.ms_per_example or None,
                "counted": f"{score.hits:,} of {score.total:,}",
            }
        )
    columns = ["model", "role", "value", "low", "high", "megabytes", "milliseconds", "counted"]
    return pd.DataFrame(rows, columns=columns).astype({"megabytes": float, "milliseconds": float})


def _colour(shown: Sequence[Entry], legend: alt.Legend | None = None) -> alt.Color:
    labels = [entry.label for entry in shown]
    return alt.Color("model:N", legend=legend, sort=labels, scale=alt.Scale(domain=labels, range=[*map(colour, shown)]))


def _shape() -> alt.Shape:
    scale = alt.Scale(domain=list(ROLES.values()), range=list(SHAPES))
    return alt.Shape("role:N", legend=None, sort=list(ROLES.values()), scale=scale)


def _tooltip(title: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("model:N", title="Model"),
        alt.Tooltip("value:Q", title=title, format=".2%"),
        alt.Tooltip("low:Q", title="from", format=".2%"),
        alt.Tooltip("high:Q", title="to", format=".2%"),
        alt.Tooltip("counted:N", title="Right"),
        alt.Tooltip("megabytes:Q", title="MB", format=",.1f"),
        alt.Tooltip("milliseconds:Q", title="ms an example", format=",.1f"),
    ]


def _around(values: pd.Series) -> list[float]:
    """A range with room at both ends, so that no point sits on an axis."""
    return [float(values.min()) / 2, float(values.max()) * 2] if len(values) else [1, 1000]
