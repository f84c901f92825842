"""Charts on the screen. Altair holds every part of a chart against Vega-Lite's schema, twice, which takes a third of
a second a chart: the tests do that, the screen does not."""

from typing import Any

import altair as alt
import streamlit as st
from altair.utils import schemapi

schemapi.disable_debug_mode()  # parts are not checked as they are made


class _Unchecked:
    """What Streamlit asks of a chart."""

    def __init__(self, chart: alt.TopLevelMixin, description: str) -> None:
        self._chart, self._description = chart, description

    def to_dict(self) -> dict[str, Any]:
        return {**self._chart.to_dict(validate=False), "description": self._description}


def chart(drawn: alt.TopLevelMixin, key: str, description: str) -> None:
    """`description` says what is to be seen, for those who cannot. The browser draws a chart anew when it changes: of
    one that is live it stays the same."""
    st.altair_chart(_Unchecked(legible(drawn), description), key=key)


def accent() -> str:
    return _theme("primaryColor", "#0f6b5c")


def ink() -> str:
    """The colour of text."""
    return _theme("textColor", "#808080")


def _theme(name: str, otherwise: str) -> str:
    """A colour of the theme that is on screen."""
    return st.get_option(f"theme.{st.context.theme.type or 'light'}.{name}") or otherwise


def legible(drawn: alt.TopLevelMixin) -> alt.TopLevelMixin:
    """With words in the colour of text: Streamlit's own are too pale on a light page."""
    words = {"labelColor": ink(), "titleColor": ink()}
    return drawn.configure_axis(**words).configure_legend(**words)
