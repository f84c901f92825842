"""The tools beside a page's title, on a page of their own."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.conftest import checked
from ui.page_tools import LONGEST


def script() -> None:
    import streamlit as st

    from ui import page_tools

    page_tools.header("trial", "Trial", "A page.", {"Second": {"kind": "b"}})
    page_tools.linked("trial_kind", "a", ("a", "b"))
    st.selectbox("Kind", ("a", "b"), key="trial_kind")
    page_tools.linked("trial_seed", 3, range(10))
    st.number_input("Seed", 0, 9, key="trial_seed")
    default = "of b" if st.session_state["trial_kind"] == "b" else "of a"
    st.session_state["fits"] = page_tools.linked_text("trial_text", default)
    st.text_area("Text", key="trial_text")
    page_tools.linked("trial_more about this", False)
    st.toggle("More", key="trial_more about this")
    st.session_state["some"] = page_tools.given_all("some", ("x", "y"))
    page_tools.to_address("some", st.session_state["some"])


def opened(**query: str | list[str]) -> AppTest:
    page = AppTest.from_function(script, default_timeout=30)
    for name, value in query.items():
        page.query_params[name] = value
    return checked(page.run())


def address(page: AppTest) -> dict[str, str]:
    return {name: value[0] if isinstance(value, list) else value for name, value in page.query_params.items()}


def test_defaults_are_not_in_the_link_and_choices_are() -> None:
    page = opened()
    assert address(page) == {}
    checked(page.selectbox[0].set_value("b").run())
    checked(page.number_input[0].set_value(7).run())
    assert address(page) == {"kind": "b", "seed": "7"}


def test_a_link_is_restored() -> None:
    page = opened(kind="b", seed="5", text="mine")
    assert (page.selectbox[0].value, page.number_input[0].value, page.text_area[0].value) == ("b", 5, "mine")
    assert address(page) == {"kind": "b", "seed": "5", "text": "mine"}


def test_a_switch_is_called_by_the_first_word_of_its_key() -> None:
    page = opened(more="1")
    assert page.toggle[0].value is True
    checked(page.toggle[0].set_value(False).run())
    assert address(page) == {}
    assert opened(more="yes").toggle[0].value is False


def test_several_values_of_one_name() -> None:
    page = opened(some=["y", "z", "x", "y"])
    assert page.session_state["some"] == ["y", "x"] == page.query_params["some"]


@pytest.mark.parametrize("query", [{"kind": "z"}, {"seed": "99"}, {"seed": "x"}, {"kind": ""}])
def test_what_a_link_may_not_say_does_not_count(query: dict[str, str]) -> None:
    page = opened(**query)
    assert (page.selectbox[0].value, page.number_input[0].value) == ("a", 3)


def test_a_text_follows_its_default_until_something_is_typed() -> None:
    page = opened()
    checked(page.selectbox[0].set_value("b").run())
    assert page.text_area[0].value == "of b"
    checked(page.text_area[0].set_value("typed").run())
    checked(page.selectbox[0].set_value("a").run())
    assert page.text_area[0].value == "typed" and address(page) == {"text": "typed"}


def test_a_long_text_is_not_in_the_link() -> None:
    page = opened(text="short")
    checked(page.text_area[0].set_value("x" * (LONGEST + 1)).run())
    assert address(page) == {} and page.session_state["fits"] is False


def test_reset_forgets_the_page_and_nothing_else() -> None:
    page = opened(kind="b", text="mine", other="x")
    page.session_state["elsewhere_key"] = 1
    checked(page.button(key="_trial_reset").click().run())
    assert page.selectbox[0].value == "a" and page.text_area[0].value == "of a"
    assert address(page) == {} and page.session_state["elsewhere_key"] == 1


def test_a_view_forgets_all_but_what_is_kept() -> None:
    page = AppTest.from_function(keeping, default_timeout=30)
    page.session_state["trial_note"], page.session_state["trial_old"] = "typed", 1
    checked(checked(page.run()).button(key="go").click().run())
    assert page.session_state["trial_note"] == "typed" and "trial_old" not in page.session_state
    assert address(page) == {"kind": "b"}


def keeping() -> None:
    import streamlit as st

    from ui import page_tools

    st.button("Go", key="go", on_click=page_tools.show, args=("trial", {"kind": "b"}, ("trial_note",)))
