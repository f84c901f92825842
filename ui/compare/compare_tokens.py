"""The Compare page's token strip: where on the way through a gold answer two models part, and over what."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import StillroomError
from ui import answers
from ui.compare import compare_models
from ui.compare.comparison import Entry, ScoredRun
from ui.compare.shared_examples import Shared
from ui.components.strip_metrics import Metric, choose, legends
from ui.components.token_strip import StripToken, select_token, token_strip
from ui.page_tools import given, linked, to_address
from ui.text import percent, show_error

STRIP = "compare_tokens_strip"
METRICS = {
    "divergence": Metric("Divergence", "the further apart the two models' choices are"),
    "agreement": Metric("First choice", "where the two would write different tokens"),
    "loss": Metric("Gold missed", "the less the second model expects gold"),
}


def section(example: Shared, shown: Sequence[Entry], runs: Sequence[ScoredRun]) -> None:
    """Two models and a switch; while it is on (?tokens=1), both read each example's gold answer."""
    able, why_not = compare_models.able(shown)
    if len(able) < 2:
        st.caption("Token by token: two of the models shown must be on this machine. " + why_not)
        return
    on, first, second = st.columns([1.2, 1, 1], vertical_alignment="bottom")
    linked("compare_tokens", False)
    is_on = on.toggle(
        "Token by token",
        key="compare_tokens",
        persist_state="session",
        help="Both models read the gold answer: KL(first || second) among the allowed tokens, where one can choose",
    )
    if not is_on:
        to_address("token", "")
        return
    trained = next((e for e in able[1:] if e.role == "trained"), able[-1])
    with first:
        a = _model("First model, the reference", "a", able, able[0])
    with second:
        b = _model("Second model", "b", able, trained)
    if a.id == b.id:
        st.info("Choose two different models: a model never departs from itself.")
        return
    try:
        places = compare_models.disagreement(
            a, b, (a.id, b.id), (a.run.stamp, b.run.stamp), example.at[runs.index(b.run)]
        )
    except StillroomError as error:
        show_error(str(error))
        return
    _show(places, a, b)


def _model(label: str, name: str, able: Sequence[Entry], usual: Entry) -> Entry:
    by_id = {entry.id: entry for entry in able}
    key = f"compare_{name} {' '.join(by_id)}"
    linked(key, usual.id, by_id)
    chosen = st.selectbox(
        label, list(by_id), key=key, persist_state="session", format_func=lambda name: by_id[name].label
    )
    return by_id[chosen]


def _show(places: Sequence[Any], a: Entry, b: Entry) -> None:
    free = [place for place in places if not place.forced]
    if not free:
        st.info("The schema dictates this whole answer: there is nothing to disagree about.")
        return
    same = sum(place.agree for place in free)
    columns = st.columns(4)
    columns[0].metric("Free choices", f"{len(free)} of {len(places)}", border=True)
    columns[1].metric("Same first choice", f"{same} of {len(free)}", border=True)
    columns[2].metric("Mean divergence", _nats(sum(p.divergence for p in free) / len(free)), border=True)
    columns[3].metric("Largest divergence", _nats(max(p.divergence for p in free)), border=True)
    shade, line = choose("compare", METRICS, "divergence")
    strip = [_strip_token(place, shade, line) for place in places]
    _select_linked(strip)
    index = token_strip(strip, key=STRIP, **legends(METRICS, shade, line))
    to_address("token", "" if index is None else str(index))
    if index is None:
        index = max(range(len(places)), key=lambda i: places[i].divergence)
    _place(places[index], index, a, b)


def _nats(value: float) -> str:
    """Short enough for a quarter of the page."""
    return f"{value:.3f} nats" if value < 10 else f"{value:.1f} nats"


def _select_linked(strip: Sequence[StripToken]) -> None:
    """When the page opens: the token that the link names."""
    index = given("token", -1, range(len(strip)))
    if index >= 0 and STRIP not in st.session_state:
        select_token(strip, index, key=STRIP)


def _strip_token(place: Any, shade: str, line: str) -> StripToken:
    if place.forced:
        return StripToken(place.text, 0.0, "forced", "The schema leaves no choice here.")
    values = {
        "divergence": 1 - math.exp(-place.divergence),
        "agreement": float(not place.agree),
        "loss": 1 - place.likely[1],
    }
    agree = "same first choice" if place.agree else f"first choices: {place.reference[0][0]} ≠ {place.other[0][0]}"
    likely = f"gold: {percent(place.likely[0])} and {percent(place.likely[1])}"
    hover = f"KL {place.divergence:.3f} nats\n{agree}\n{likely}"
    return StripToken(place.text, values[shade], "free", hover, values.get(line))


def _place(place: Any, index: int, a: Entry, b: Entry) -> None:
    """One token: what each of the two would have written there."""
    if place.forced:
        st.text(f"Token {index}: forced by the schema. Select a shaded token to see what the models would write.")
        return
    st.text(f"Token {index}: KL {place.divergence:.3f} nats. What each would write here, among the allowed tokens:")
    for column, entry, choices, likely in zip(
        st.columns(2), (a, b), (place.reference, place.other), place.likely, strict=True
    ):
        rows = [
            {"Token": text or "(the end)", "Probability": percent(p), "": _sign(text, place)} for text, p in choices
        ]
        column.text(f"{entry.label}: {percent(likely)} on gold")
        column.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def _sign(text: str, place: Any) -> str:
    return f"{answers.RIGHT} gold" if text == place.text else ""
