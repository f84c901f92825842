"""What every page has beside its title: a menu of samples, a copy of its link, and a reset.

A view is what a link of the page says: the names and values of its address. Keys of a page's state begin with the
page's name, so that a reset forgets them all. `bind="query-params"` would put labels and texts of any length into
the link and cannot be set from a view, so the link is kept here.
"""

from collections.abc import Container, Mapping
from contextlib import suppress
from typing import TypeVar

import streamlit as st
from streamlit.errors import StreamlitAPIException

from core.paths import ASSETS

LONGEST = 2000  # characters of a text that a link carries

T = TypeVar("T")

_FILES = ASSETS / "components"
_copy_link = st.components.v2.component(
    "stillroom.copy_link",
    html='<button type="button"></button><input readonly hidden aria-label="The link to this view">'
    '<span role="status"></span>',
    css=(_FILES / "copy_link.css").read_text(encoding="utf-8"),
    js=(_FILES / "copy_link.js").read_text(encoding="utf-8"),
)


def header(page: str, title: str, caption: str, samples: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """The page's title, with its tools to the right; a page that has samples and reset elsewhere gives none."""
    left, right = st.columns([5, 4], vertical_alignment="center")
    left.title(title)
    with right.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if samples is None:
            _copy_link(key=f"_{page}_link", width="content")
        else:
            tools(page, samples)
    st.caption(caption)


def tools(page: str, samples: Mapping[str, Mapping[str, str]]) -> None:
    """Samples, copy link, reset. `page` is what the keys of the page's state begin with."""
    menu = f"_{page}_samples"
    st.menu_button(
        "Samples", list(samples), key=menu, icon=":material/auto_awesome:",
        on_click=lambda: show(page, samples.get(st.session_state[menu] or "", {})),
    )  # fmt: skip
    _copy_link(key=f"_{page}_link", width="content")
    st.button("Reset", key=f"_{page}_reset", icon=":material/restart_alt:", on_click=show, args=(page, {}))


def show(page: str, view: Mapping[str, str]) -> None:
    """Forgets all of the page's state and puts the view in the address, as if its link had been opened. For
    callbacks."""
    for key in [key for key in st.session_state if str(key).startswith(f"{page}_")]:
        del st.session_state[key]
    for name in list(st.query_params):
        with suppress(StreamlitAPIException):  # bound to a widget, which takes it along
            del st.query_params[name]
    for name, value in view.items():
        st.query_params[name] = value


def linked(key: str, default: T, options: Container[T] | None = None, name: str = "") -> T:
    """Call it before a widget with this key: its value is at first what the link says, else the default, and the link
    follows it. In the link it is called `name`, or as the key without the page's name. What is not among `options`
    does not count."""
    state, name = st.session_state, name or key.partition("_")[2]
    if key not in state or (options is not None and state[key] not in options):
        state[key] = _read(st.query_params.get(name), default, options)
    to_address(name, "" if state[key] == default else str(state[key]))
    return state[key]


def _read(given: str | None, default: T, options: Container[T] | None) -> T:
    try:
        found = default if given is None else type(default)(given)  # type: ignore[call-arg]
    except ValueError:
        return default
    return found if options is None or found in options else default


def to_address(name: str, value: str) -> bool:
    """Keeps `value` in the page's link under `name`, an empty one not at all. False if it is too long for that."""
    fits = len(value) <= LONGEST
    if value and fits:
        if st.query_params.get(name) != value:
            st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]
    return fits


def linked_text(key: str, default: str) -> bool:
    """As `linked`, for a field of text whose default changes: it takes the new one unless something else was typed.
    False if the text is too long for the link."""
    state, name, before = st.session_state, key.partition("_")[2], f"{key}_default"
    if key not in state:
        state[key] = st.query_params.get(name, default)
    elif state.get(before) != default and state[key] == state.get(before):
        state[key] = default
    state[before] = default
    return to_address(name, "" if state[key] == default else state[key])
