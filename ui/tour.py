"""A tour of five stops, in the sidebar of every page: what to look at first, and a button that leads there."""

from dataclasses import dataclass, field

import streamlit as st

from core.paths import ROOT


@dataclass(frozen=True)
class Stop:
    """`view` is what a link to the page would say."""

    title: str
    text: str
    page: str
    view: dict[str, str] = field(default_factory=dict)


STOPS = (
    Stop("The data", "Sentences and their tags. Click a row: what a student has to learn is shaded.", "datasets"),
    Stop("The teacher", "Press Run: a large model answers, with the schema and without.", "teacher"),
    Stop("The mask", "One token at a time: what the schema allows, and what it takes away.", "masks", {"example": "3"}),
    Stop(
        "You are the model",
        "Choose each token yourself. Try a refused one, and be told why not.",
        "masks",
        {"kind": "preset", "preset": "date", "way": "drive"},
    ),
    Stop("The student", "A trained student beside its teacher: how good, how small, how fast.", "compare"),
)


def draw() -> None:
    with st.sidebar.popover("Tour", icon=":material/tour:", width="stretch", key="tour"):
        st.caption(
            "Five stops, in any order. Those on Masks begin anew: what you set there is forgotten. To make a student "
            "of your own: Distill, then Start."
        )
        for number, stop in enumerate(STOPS, 1):
            left, right = st.columns([1, 1.6], vertical_alignment="center")
            if left.button(f"{number} · {stop.title}", key=f"tour_{number}", width="stretch"):
                _go(stop)
            right.caption(stop.text)


def _go(stop: Stop) -> None:
    """The page as its link would show it: what was set there before is forgotten."""
    if stop.view:
        for key in [key for key in st.session_state if str(key).startswith(f"{stop.page}_")]:
            del st.session_state[key]
    st.switch_page(ROOT / "pages" / f"{stop.page}.py", query_params=stop.view)
