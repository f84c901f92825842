"""Models asked on a page: one press asks, another stops, and the answers come last, once the page is drawn.

So any click interrupts an answer, and what has come is kept. Buttons only note that they were pressed: what is asked is
what the page holds when it is drawn next, not what it held when the button was.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st

from core.errors import StillroomError

Work = Callable[[], None]
L = TypeVar("L")


@dataclass
class Asked:
    """What was asked, by its key: all that the answers depend on. By label what came of it: answers, texts as far as
    they had come, what went wrong."""

    key: Any
    found: dict[Any, Any] = field(default_factory=dict)
    partial: dict[Any, str] = field(default_factory=dict)
    wrong: dict[Any, str] = field(default_factory=dict)
    stopped: bool = False

    def open(self, labels: Iterable[L]) -> list[L]:
        """What is neither answered nor failed."""
        return [label for label in labels if label not in self.found and label not in self.wrong]

    def missing(self, labels: Iterable[L]) -> list[L]:
        """What is being asked for, in this order."""
        return [] if self.stopped else self.open(labels)


def press(name: str) -> None:
    """For the callback of a button: asks when the page is drawn next. Keys of the state begin with `name`."""
    st.session_state[f"{name}_pressed"] = True


def pressed(name: str) -> bool:
    """Whether the button was, once."""
    return st.session_state.pop(f"{name}_pressed", False)


def stop(name: str) -> None:
    """For the callback of a button."""
    if name in st.session_state:  # else the page was reset meanwhile
        st.session_state[name].stopped = True


def current(name: str, key: Any, labels: Iterable[Any]) -> Asked | None:
    """What was asked by this key, if anything was. A press asks for what is open and for what went wrong; where all is
    there, for all of it anew."""
    asked: Asked | None = st.session_state.get(name)
    asked = asked if asked and asked.key == key else None
    if not pressed(name):
        return asked
    if asked and (asked.wrong or asked.open(labels)):
        asked.wrong, asked.stopped = {}, False
    else:
        asked = st.session_state[name] = Asked(key)
    return asked


def work(asked: Asked, label: Any, write: Callable[[str], Any], ask: Callable[[Callable[[str], None]], Any]) -> Work:
    """What to do once the page is drawn: gets one answer from `ask`, which is given a function to show its text as it
    grows, then draws the page anew. `write` puts the text on the screen."""

    def show(text: str) -> None:
        asked.partial[label] = text
        write(text or "…")

    def run() -> None:
        show("")
        try:
            asked.found[label] = ask(show)
        except StillroomError as error:
            asked.wrong[label] = str(error)
        st.rerun()

    return run


def part(name: str, draw: Callable[[], Sequence[Work | None]]) -> list[Work]:
    """Draws a part of a page in which models are asked; returns what there is to be done. A click in it draws it alone;
    but where there is something to be done the whole page: Streamlit interrupts nothing for a click in a fragment.
    The state says under `name` which of the two it is."""
    whole = st.session_state.get(name, False)

    def drawn() -> list[Work]:
        todo = [work for work in draw() if work]
        if bool(todo) != whole:
            st.session_state[name] = bool(todo)
            st.rerun()
        return todo

    if not whole:
        return st.fragment(drawn)()
    with st.container():  # as a fragment has one
        return drawn()
