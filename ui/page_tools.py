"""What every page has beside its title: a menu of samples, a copy of its link, and a reset.

A view is what a link of the page says: the names and values of its address. Keys of a page's state begin with the
page's name, so that a reset forgets them all; what follows a blank in a key tells apart what the link calls alike.
`bind="query-params"` would put labels and texts of any length into the link and cannot be set from a view, so the
link is kept here.
"""

from collections.abc import Collection, Container, Mapping, Sequence
from typing import TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.components.component import component

LONGEST = 2000  # characters of a text that a link carries
VISIT = "_visit"  # the page that is open, and which visit of a page it is: another one once a page was left, or Back

T = TypeVar("T")

_copy_link = component(
    "copy_link",
    '<button type="button"></button><input readonly hidden aria-label="The link to this view">'
    '<span role="status"></span>',
)


def header(
    page: str,
    title: str,
    caption: str,
    samples: Mapping[str, Mapping[str, str]] | None = None,
    keep: Collection[str] = (),
) -> None:
    """The page's title, with its tools to the right; a page that has samples and reset elsewhere gives none. `keep`
    names what was typed and has nothing to do with the samples."""
    at, number = st.session_state.get(VISIT, ("", 0))
    if at != page or went_back():
        st.session_state[VISIT] = (page, number + 1)
    left, right = st.columns(2, vertical_alignment="center")
    left.title(title)
    with right.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if samples is None:
            _copy_link(key=f"_{page}_link", width="content")
        else:
            tools(page, samples, keep)
    st.caption(caption)


def tools(page: str, samples: Mapping[str, Mapping[str, str]], keep: Collection[str]) -> None:
    """Samples, copy link, reset. `page` is what the keys of the page's state begin with."""
    menu = f"_{page}_samples"
    st.menu_button(
        "Samples",
        list(samples),
        key=menu,
        icon=":material/auto_awesome:",
        on_click=lambda: show(page, samples.get(st.session_state[menu] or "", {}), keep),
    )
    _copy_link(key=f"_{page}_link", width="content")
    st.button("Reset", key=f"_{page}_reset", icon=":material/restart_alt:", on_click=show, args=(page, {}))


def show(page: str, view: Mapping[str, str], keep: Collection[str] = ()) -> None:
    """Forgets all of the page's state but `keep` and puts the view in the address, as if its link had been opened.
    For callbacks."""
    forget(page, keep)
    st.query_params.clear()
    for name, value in view.items():
        st.query_params[name] = value


def forget(page: str, keep: Collection[str] = ()) -> None:
    """All of the page's state but `keep`."""
    for key in [key for key in st.session_state if str(key).startswith(f"{page}_") and key not in keep]:
        del st.session_state[key]


def went_back() -> bool:
    """Whether the browser's Back or Forward led here: what its link says counts then, not what was chosen since."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def close(popover: str) -> None:
    """For callbacks: what a button in a popover did is seen. The popover has this key and `on_change="rerun"`."""
    st.session_state[popover] = False


def linked(key: str, default: T, options: Container[T] | None = None) -> T:
    """Call it before a widget with this key: its value is at first what the link says, else the default, and the link
    follows it. In the link it is called as the key without the page's name. What is not among `options` does not
    count."""
    state, name = st.session_state, _name(key)
    if key not in state or (options is not None and state[key] not in options) or went_back():
        state[key] = given(name, default, options)
    to_address(name, "" if state[key] == default else _spelled(state[key]))
    return state[key]


def _name(key: str) -> str:
    return key.partition(" ")[0].partition("_")[2]


def _spelled(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def given(name: str, default: T, options: Container[T] | None = None) -> T:
    """What the link says under `name`, as the default's type, if that is among `options`; else the default."""
    said = st.query_params.get(name)
    if said is None:
        return default
    try:
        found: T = (said == "1") if isinstance(default, bool) else type(default)(said)  # type: ignore[assignment, call-arg]
    except ValueError:
        return default
    return found if options is None or found in options else default


def given_all(name: str, options: Container[str]) -> list[str]:
    """All that the link says under `name` and that is among `options`, each once."""
    return [value for value in dict.fromkeys(st.query_params.get_all(name)) if value in options]


def to_address(name: str, value: str | Sequence[str]) -> bool:
    """Keeps a value, or several, in the page's link under `name`, nothing not at all. False if it is too long for
    that."""
    values = [value] * bool(value) if isinstance(value, str) else list(value)
    fits = sum(map(len, values)) <= LONGEST
    if values and fits:
        if st.query_params.get_all(name) != values:
            st.query_params[name] = values[0] if len(values) == 1 else values
    elif name in st.query_params:
        del st.query_params[name]
    return fits


def say_unlinked(fits: bool, what: str) -> None:
    """Below a field: that a link does not carry `what` is in it, unless it `fits`."""
    if not fits:
        st.caption(f"This {what} is longer than {LONGEST:,} characters: a copied link does not carry it.")


def linked_text(key: str, default: str) -> bool:
    """As `linked`, for a field of text whose default changes: it takes the new one unless something else was typed.
    False if the text is too long for the link."""
    state, name, before = st.session_state, _name(key), f"{key}_default"
    if key not in state or (went_back() and len(state[key]) <= LONGEST):
        state[key] = st.query_params.get(name, default)
    elif state.get(before) != default and state[key] == state.get(before):
        state[key] = default
    state[before] = default
    return to_address(name, "" if state[key] == default else state[key])
