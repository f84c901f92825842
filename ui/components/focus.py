"""Where the keyboard goes on when a click moved or took away what it was on: else it would begin at the page's top."""

import streamlit as st

from ui.components.component import component

_component = component("focus", "")


def wish(key: str, widget: str = "") -> None:
    """For callbacks: the widget with this key is to have the keyboard once the focus with `key` is drawn."""
    turn, _ = _wished(key)
    st.session_state[_place(key)] = (turn + 1, widget)


def focus(key: str, otherwise: str) -> None:
    """Gives the keyboard to the widget that a callback wished for since, to `otherwise` where it named none."""
    turn, widget = _wished(key)
    st.session_state[_place(key)] = (turn, None)
    with st.container(key=f"focus_{key}"):  # takes no room: page.css
        _component(key=key, data={"turn": turn, "key": otherwise if widget == "" else widget})


def _wished(key: str) -> tuple[int, str | None]:
    return st.session_state.get(_place(key), (0, None))


def _place(key: str) -> str:
    """No key of the page's state: a reset must not count the turns anew."""
    return f"_{key}_wished"
