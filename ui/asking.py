"""Models asked on a page: one press asks, another stops, and the answers come last, once the page is drawn.

So any click interrupts an answer, and what has come is kept: nothing is a fragment meanwhile, for Streamlit interrupts
nothing for a click in one. Buttons only note that they were pressed: what is asked is what the page holds when it is
drawn next, not what it held when the button was.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st

from core.errors import StillroomError

PRESSED = "asking_pressed"  # the names of buttons whose press was not read yet
BEAT = 0.1  # seconds between two looks at an answer that is waited for

Work = Callable[[], None]
L = TypeVar("L")
T = TypeVar("T")


class Coming(Future):
    """What is being asked for `once`, and its text so far."""

    text = ""

    def tell(self, text: str = "") -> None:
        """For who asks: told many times, it ends the asking once this is cancelled."""
        if self.cancelled():
            raise CancelledError
        self.text = text


@dataclass
class Asked:
    """What was asked, by its key: all that the answers depend on. By label what came of it: answers, what was shown
    last while they grew, what went wrong; and what is asked `once`. Whether what was shown is shown again is the
    caller's to say."""

    key: Any
    found: dict[Any, Any] = field(default_factory=dict)
    coming: dict[Any, Coming] = field(default_factory=dict)
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
    """For the callback of a button: asks when the page is drawn next."""
    st.session_state.setdefault(PRESSED, set()).add(name)


def pressed(name: str) -> bool:
    """Whether the button was, once."""
    names: set[str] = st.session_state.get(PRESSED, set())
    was = name in names
    names.discard(name)
    return was


def forget_presses() -> None:
    """Where the drawing of a page ends: a press that no section has read must not ask by itself later."""
    st.session_state.pop(PRESSED, None)


def stop_button(name: str, key: str, running: bool) -> None:
    """What comes is kept; a press of the section's button goes on from there."""
    st.button("Stop", key=key, icon=":material/stop:", disabled=not running, on_click=_stop, args=(name,))


def _stop(name: str) -> None:
    if name in st.session_state:  # else the page was reset meanwhile
        st.session_state[name].stopped = True
        end(st.session_state[name].coming)


def current(name: str, key: Any, labels: Collection[Any]) -> Asked | None:
    """What was asked by this key, if anything was. A press asks for those of `labels` that are open or went wrong;
    where all are there, for all anew."""
    asked: Asked | None = st.session_state.get(name)
    asked = asked if asked and asked.key == key else None
    if not pressed(name):
        return asked
    if asked and any(label not in asked.found for label in labels):
        asked.wrong = {label: why for label, why in asked.wrong.items() if label not in labels}
        asked.stopped = False
    else:
        if name in st.session_state:
            end(st.session_state[name].coming)  # nobody will hear it
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


def once(
    coming: dict[Any, Coming], label: Any, ask: Callable[[Callable[..., None]], T], show: Callable[[str], None]
) -> T:
    """Gets what must not be asked for twice, as an API's answer, which is paid for. `ask` is given `Coming.tell`. What
    `show` raises, as any click makes it do, ends the waiting and not the asking: who calls with this label again waits
    for the same answer."""
    found = coming.get(label) or coming.setdefault(label, _beside(ask))
    while not found.done():
        show(found.text)
        time.sleep(BEAT)
    if found.cancelled():
        st.stop()  # the page is drawn anew already, in another thread
    coming.pop(label, None)
    return found.result()


def end(coming: dict[Any, Coming]) -> None:
    """Ends what is being asked for `once`, and the paying with it. What has come by now stays."""
    for label in [label for label, found in coming.items() if found.cancel()]:
        coming.pop(label, None)


def _beside(ask: Callable[[Callable[..., None]], Any]) -> Coming:
    """A daemon, unlike those of an executor: the server ends without waiting for it."""
    found = Coming()

    def run() -> None:
        with suppress(InvalidStateError):  # it was ended, and nobody waits
            try:
                found.set_result(ask(found.tell))
            except BaseException as error:  # whoever waits gets it
                found.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return found


def do(todo: Iterable[Work | None]) -> None:
    """The end of a page. What takes long comes last: all that is above stays in use."""
    forget_presses()
    for work in filter(None, todo):
        work()


def alone(draw: Callable[..., T], *args: Any, busy: bool) -> T:
    """Draws a part of a page; a click in it draws it alone, but for the whole page while models are asked (`busy`)."""
    if not busy:
        return st.fragment(draw)(*args)
    with st.container():  # as a fragment has one
        return draw(*args)


def part(name: str, draw: Callable[[], Sequence[Work | None]]) -> list[Work]:
    """Draws a part of a page in which models are asked; returns what there is to be done. The state says under `name`
    whether that is anything: a click in the part draws it alone where it is not."""
    whole = st.session_state.get(name, False)

    def drawn() -> list[Work]:
        todo = [work for work in draw() if work]
        forget_presses()
        if bool(todo) != whole:
            st.session_state[name] = bool(todo)
            st.rerun()
        return todo

    return alone(drawn, busy=whole)
