"""What is asked on a page: by a press, one after the other, the page whole meanwhile."""

import threading

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

    asked, coming, answered, clicks = [], {}, threading.Event(), iter([None, Click, None, None])

    def ask() -> str:
        asked.append(1)
        answered.wait(60)
        return "the answer"

    def tick() -> None:
        if click := next(clicks):
            raise click
        if coming["a"] is waited_for:
            answered.set()

    waited_for = None
    with pytest.raises(Click):
        asking.once(coming, "a", ask, tick)
    waited_for = coming["a"]
    assert asking.once(coming, "a", ask, tick) == "the answer"
    assert len(asked) == 1 and not coming


def test_what_goes_wrong_beside_the_page_is_heard_on_it_and_may_be_asked_again() -> None:
    coming: dict = {}

    def refuse() -> None:
        raise ModelError("no key: set one.")

    with pytest.raises(ModelError, match="no key"):
        asking.once(coming, "a", refuse, lambda: None)
    assert asking.once(coming, "a", lambda: 1, lambda: None) == 1
