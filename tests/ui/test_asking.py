"""What is asked on a page: by a press, one after the other, the page whole meanwhile."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import ModelError
from tests.ui.conftest import checked
from ui import asking


def asking_page() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

    from core.errors import ModelError
    from ui import asking

    state = st.session_state
    labels = state.get("labels", ("a", "b"))

    def ask(label: str, text: str) -> str:
        state["log"] = (*state.get("log", ()), (label, text))
        if label == "b" and state.get("fails"):
            raise ModelError("b cannot: try again.")
        return label

    def draw() -> list[asking.Work | None]:
        text = st.text_input("Text", "", key="text")
        asked = asking.current("trial_asked", text, labels)
        missing = asked.missing(labels) if asked else []
        st.button("Go", key="go", on_click=asking.press, args=("trial_asked",))
        asking.stop_button("trial_asked", "stop", asked is not None)
        state["alone"] = (*state.get("alone", ()), ThreadState.get().fragment_id is not None)
        place = st.empty()
        return [asking.work(asked, missing[0], place.text, lambda _: ask(missing[0], text)) if missing else None]

    def beside() -> None:
        state["beside"] = (*state.get("beside", ()), ThreadState.get().fragment_id is not None)

    asking.alone(beside, busy=state.get("trial_asking", False))
    asking.do(asking.part("trial_asking", draw))


def opened() -> AppTest:
    return checked(AppTest.from_function(asking_page, default_timeout=30).run())


def pressed(page: AppTest) -> list[tuple[str, str]]:
    """What was asked since."""
    page.session_state["log"] = ()
    checked(page.button(key="go").click().run())
    return list(page.session_state["log"])


def test_a_press_asks_for_what_is_open_or_failed_and_then_for_all_anew() -> None:
    page = opened()
    page.session_state["fails"] = True
    assert pressed(page) == [("a", ""), ("b", "")]
    asked = page.session_state["trial_asked"]
    assert (asked.found, asked.wrong) == ({"a": "a"}, {"b": "b cannot: try again."})
    assert checked(page.run()).session_state["log"] == (("a", ""), ("b", ""))  # what failed is not tried by itself
    page.session_state["fails"] = False
    assert pressed(page) == [("b", "")]
    assert pressed(page) == [("a", ""), ("b", "")]
    page.text_input(key="text").set_value("x")
    assert pressed(page) == [("a", "x"), ("b", "x")]  # typed and pressed as one


def test_what_was_stopped_waits_for_a_press() -> None:
    page = opened()
    pressed(page)
    asked = page.session_state["trial_asked"]
    asked.found = {"a": "a"}
    checked(page.button(key="stop").click().run())
    assert asked.found == {"a": "a"} and asked.open("ab") == ["b"]
    assert pressed(page) == [("b", "")]


@pytest.mark.parametrize("ends", ["stop", "another"])
def test_what_nobody_waits_for_any_more_is_ended(ends: str) -> None:
    page = opened()
    pressed(page)
    coming = page.session_state["trial_asked"].coming["a"] = asking.Coming()
    if ends == "stop":
        page.button(key="stop").click().run()
    else:
        page.text_input(key="text").set_value("x")
        pressed(page)
    assert coming.cancelled()


def test_a_part_is_a_fragment_but_while_there_is_work() -> None:
    page = opened()
    assert page.session_state["alone"] == (True,)
    page.session_state["alone"] = page.session_state["beside"] = ()
    pressed(page)  # found in the fragment, asked for twice, nothing left, and a fragment again
    assert page.session_state["alone"] == page.session_state["beside"] == (True, False, False, False, True)


def test_a_press_asks_for_what_is_wanted_now_whatever_else_went_wrong() -> None:
    page = opened()
    page.session_state["fails"] = True
    pressed(page)
    page.session_state["labels"] = ("a",)
    assert pressed(page) == [("a", "")]  # all of what is wanted is there: anew
    page.session_state["labels"] = ("a", "b")
    assert pressed(page) == [("b", "")]
    page.session_state["labels"] = ("a", "c")
    assert pressed(page) == [("c", "")]
    assert page.session_state["trial_asked"].wrong == {"b": "b cannot: try again."}


def test_what_must_not_be_asked_twice_outlives_a_click() -> None:
    class Click(Exception):
        pass

    asked, shown, coming, answered = [], [], {}, threading.Event()

    def ask(tell: Callable[[str], None]) -> str:
        asked.append(1)
        tell("the")
        answered.wait(60)
        return "the answer"

    def click(text: str) -> None:
        if text:
            raise Click

    def show(text: str) -> None:
        shown.append(text)
        answered.set()

    with pytest.raises(Click):
        asking.once(coming, "a", ask, click)
    assert asking.once(coming, "a", ask, show) == "the answer"
    assert len(asked) == 1 and shown[0] == "the" and not coming


def test_what_is_ended_hears_of_it_and_is_asked_anew() -> None:
    ended, over = [], threading.Event()

    def ask(tell: Callable[..., None]) -> None:
        try:
            while True:
                tell()
        except CancelledError as error:
            ended.append(error)
            raise
        finally:
            over.set()

    done = asking.Coming()
    done.set_result("the answer")
    coming = {"a": asking._beside(ask), "b": done}
    asking.end(coming)
    assert coming == {"b": done} and over.wait(60) and ended
    assert asking.once(coming, "a", lambda _: "another", lambda _: None) == "another"
    assert asking.once(coming, "b", ask, lambda _: None) == "the answer"


def ended_page() -> None:
    import threading

    import streamlit as st

    from ui import asking

    over = threading.Event()
    coming: dict = st.session_state.setdefault("coming", {})
    st.text("before")
    asking.once(coming, "a", lambda _: over.wait(60), lambda _: (asking.end(coming), over.set()))
    st.text("after")


def test_a_drawing_of_the_page_that_waits_for_what_another_one_ended_ends_too() -> None:
    page = checked(AppTest.from_function(ended_page, default_timeout=30).run())
    assert [text.value for text in page.text] == ["before"] and not page.session_state["coming"]


def test_what_goes_wrong_beside_the_page_is_heard_on_it_and_may_be_asked_again() -> None:
    coming: dict = {}

    def refuse(_: object) -> None:
        raise ModelError("no key: set one.")

    with pytest.raises(ModelError, match="no key"):
        asking.once(coming, "a", refuse, lambda _: None)
    assert asking.once(coming, "a", lambda _: 1, lambda _: None) == 1
