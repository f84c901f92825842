"""What the shade of a token means and what the line under it: two metrics, chosen on the page and kept in its link. And
a step's token as they have it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import streamlit as st

from ui.components.candidates import name_of
from ui.components.token_strip import StripToken
from ui.page_tools import linked
from ui.text import share

NONE = "none"
MOST_NATS = 8.0
FACTS = ("id", "p before", "p after", "allowed", "mass removed")  # of a step's token


@dataclass(frozen=True)
class Metric:
    """`more` ends a sentence that begins with "darker" or "thicker"."""

    title: str
    more: str


class Legends(TypedDict):
    """What `token_strip` is told of the two."""

    legend: str
    line_legend: str


OF_MODEL = {
    "probability": Metric("Probability", "the likelier the token was before the mask"),
    "agreement": Metric("Agreement", "the nearer the token was to the model's own first choice"),
    "loss": Metric("Loss", f"the less the model expected the token with the mask (0 to {MOST_NATS:g} nats)"),
}
OF_STEP = {
    "removed": Metric("Mass removed", "the more of the probability the mask removed"),
    "probability": OF_MODEL["probability"],
    "allowed": Metric("Allowed tokens", "the more tokens were allowed (log scale)"),
    "agreement": OF_MODEL["agreement"],
    "loss": OF_MODEL["loss"],
}


def choose(page: str, metrics: Mapping[str, Metric], usual: str) -> tuple[str, str]:
    """The names of the two; the line's is NONE at first. Keys of the controls begin with `page`."""
    linked(f"{page}_shade", usual, metrics)
    linked(f"{page}_line", NONE, (NONE, *metrics))
    left, right = st.columns([2.6, 1], vertical_alignment="top")
    shade = left.segmented_control(
        "Shade tokens by",
        list(metrics),
        required=True,
        key=f"{page}_shade",
        persist_state="session",
        format_func=lambda name: metrics[name].title,
    )
    line = right.selectbox(
        "Underline them by",
        [NONE, *metrics],
        key=f"{page}_line",
        persist_state="session",
        format_func=lambda name: "Nothing" if name == NONE else metrics[name].title,
    )
    return shade or usual, line


def legends(metrics: Mapping[str, Metric], shade: str, line: str) -> Legends:
    under = "" if line == NONE else f"thicker line: {metrics[line].more}"
    return {"legend": f"darker: {metrics[shade].more}", "line_legend": under}


def measure(step: Any, vocabulary: int, name: str) -> float:
    """One of OF_STEP for a `core.constrain.explain.Step` out of so many tokens, from 0 to 1."""
    value = {
        "removed": lambda: step.removed,
        "allowed": lambda: math.log(max(step.allowed, 1)) / math.log(max(vocabulary, 2)),
        "probability": lambda: step.before,
        "agreement": lambda: step.before / max([*(c.before for c in step.candidates), 1e-12]),
        "loss": lambda: -math.log(max(step.after, 1e-12)) / MOST_NATS,
    }[name]()
    return min(1.0, max(0.0, value))


def strip_token(
    step: Any, end: int, vocabulary: int, shade: str, line: str, more_facts: tuple[str, ...] = ()
) -> StripToken:
    """A `core.constrain.explain.Step` on the strip, with its FACTS and more; `end` is the id of the end-of-text token.
    `shade` and `line` are of OF_STEP, the line's may be NONE."""
    facts = (
        str(step.id),
        share(step.before),
        share(step.after),
        f"{step.allowed:,} of {vocabulary:,}",
        share(step.removed),
        *more_facts,
    )
    under = None if line == NONE else measure(step, vocabulary, line)
    text = step.text or name_of(step.id, step.text, end)
    kind: Literal["forced", "free"] = "forced" if step.forced else "free"
    return StripToken(text, measure(step, vocabulary, shade), kind, line=under, facts=facts)
