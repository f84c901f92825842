"""Charts of a dataset: how long its inputs are, and how often each label occurs."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

import altair as alt
import pandas as pd

from core.tasks import Example
from ui.charts import accent
from ui.text import percent

HEIGHT = 300
BARS = 30
LABELS_SHOWN = 20
SPOKEN = 5  # labels of a description


def length_chart(examples: Sequence[Example]) -> alt.Chart:
    """How many inputs have how many words."""
    lengths = [len(example.input.split()) for example in examples]
    step = max(1, -(-(max(lengths) - min(lengths)) // BARS))
    words = {"field": "words", "type": "quantitative", "bin": alt.Bin(step=step)}
    return (
        alt.Chart(pd.DataFrame({"words": lengths}), height=HEIGHT)
        .mark_bar(color=accent())
        .encode(
            x=alt.X(**words, title="Words in the input", axis=alt.Axis(format="d")),
            y=alt.Y("count()", title="Examples", axis=alt.Axis(tickMinStep=1, format=",d")),
            tooltip=[alt.Tooltip(**words, title="Words"), alt.Tooltip("count()", title="Examples")],
        )
    )


def describe_lengths(examples: Sequence[Example]) -> str:
    lengths = [len(example.input.split()) for example in examples]
    return f"How long inputs are: {min(lengths)} to {max(lengths)} words, {median(lengths):g} in the middle."


def label_chart(examples: Sequence[Example]) -> alt.Chart | None:
    """The most frequent labels, with their counts; None without any."""
    counts = Counter(label for example in examples for label in example.labels)
    if not counts:
        return None
    total = sum(counts.values())
    frame = pd.DataFrame(
        [{"label": label, "count": n, "share": n / total} for label, n in counts.most_common(LABELS_SHOWN)]
    )
    return (
        alt.Chart(frame, height=HEIGHT)
        .mark_bar(color=accent())
        .encode(
            x=alt.X("count:Q", title="Occurrences"),
            y=alt.Y(
                "label:N", sort="-x", title=None, axis=alt.Axis(labelLimit=140, labelOverlap=False, labelFlush=False)
            ),
            tooltip=[
                alt.Tooltip("label:N", title="Label"),
                alt.Tooltip("count:Q", title="Occurrences", format=","),
                alt.Tooltip("share:Q", title="Share", format=".2%"),
            ],
        )
    )


def describe_labels(examples: Sequence[Example]) -> str:
    counts = Counter(label for example in examples for label in example.labels)
    first = [f"{label} {percent(n / counts.total())}" for label, n in counts.most_common(SPOKEN)]
    return f"How often each label occurs, the most frequent first: {', '.join(first)} of {counts.total():,} in all."


def hidden_labels(examples: Sequence[Example]) -> int:
    """How many different labels are too rare for the chart."""
    return max(0, len({label for example in examples for label in example.labels}) - LABELS_SHOWN)
