"""A tour of five stops, in the sidebar of every page: a button that leads there, and what to do when one is there."""

from dataclasses import dataclass, field

import streamlit as st

from core.paths import ROOT
from ui import page_tools

AT = "tour_at"  # the stop that was taken last
HINT = (
    "Five stops, in any order. Those on Masks begin anew: what you set there is forgotten. To make a student of your "
    "own: Distill, then Start."
)


@dataclass(frozen=True)
class Stop:
    """`view` is what a link to the page would say."""

    title: str
    text: str
    page: str
    view: dict[str, str] = field(default_factory=dict)


STOPS = (
    Stop("The data", "Click a row: what a student has to learn is shaded.", "datasets"),
    Stop("The teacher", "Press Run: a large model answers, with the mask and without.", "teacher"),
    Stop(
        "The mask",
        "Press Play, or click a token: what the schema allows, and what the mask removes. Masks begins anew.",
        "masks",
        {"example": "3"},
    ),
    Stop(
        "You are the model",
        "Choose each token. Try a refused one, and be told why not. Masks begins anew.",
        "masks",
        {"kind": "preset", "preset": "date", "way": "drive"},
    ),
    Stop(
        "The student",
        "How good, how small, how fast. Further down: choose Student wrong, teacher right; switch on Token by token; "
        "press Ask every model.",
        "compare",
    ),
)


def draw(page: str) -> None:
    """The stops; below them what to do at the one that was taken last, while its page is open."""
    st.sidebar.subheader("Tour", help=HINT, anchor=False)
    taken = st.session_state.get(AT)
    here = taken if taken and STOPS[taken - 1].page == page else None
    with st.sidebar.container(gap="xsmall", key="tour"):
        for number, stop in enumerate(STOPS, 1):
            hint = None if number == here else stop.text  # else it would cover the view that it tells of
            if st.button(f"{number} · {stop.title}", key=f"tour_{number}", width="stretch", help=hint):
                st.session_state[AT] = number
                _go(stop)
        if here:
            st.caption(STOPS[here - 1].text)


def _go(stop: Stop) -> None:
    """The page as its link would show it: what was set there before is forgotten."""
    if stop.view:
        page_tools.forget(stop.page)
    st.switch_page(ROOT / "pages" / f"{stop.page}.py", query_params=stop.view)
