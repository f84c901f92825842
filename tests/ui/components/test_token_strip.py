"""The token strip's Python side: what it sends, what it returns, when it forgets."""

from streamlit.testing.v1 import AppTest

TIMEOUT = 30


def script() -> None:
    import streamlit as st

    from ui.components.token_strip import StripToken, select_token, token_strip

    texts = st.session_state.get("texts", ["a", " b", "\n"])
    shade = st.session_state.get("shade", 0.5)
    tokens = [StripToken(text, shade, "free", "hover", line=0.3, facts=("1",)) for text in texts]
    if "choose" in st.session_state:
        select_token(tokens, st.session_state.pop("choose"), key="strip")
    st.session_state["found"] = token_strip(tokens, key="strip", facts=("id",), controls=True)
    st.session_state["unselectable"] = token_strip(tokens, key="strip2", selectable=False)


def run() -> AppTest:
    app = AppTest.from_function(script, default_timeout=TIMEOUT).run()
    assert not app.exception
    return app


def test_nothing_is_selected_at_first() -> None:
    app = run()
    assert app.session_state["found"] is None
    assert app.session_state["unselectable"] is None


def test_a_token_selected_from_python_stays_selected() -> None:
    app = run()
    app.session_state["choose"] = 1
    assert app.run().session_state["found"] == 1
    assert app.run().session_state["found"] == 1


def test_the_selection_is_forgotten_when_the_tokens_change() -> None:
    app = run()
    app.session_state["choose"] = 2
    app.run()
    app.session_state["texts"] = ["other", "tokens", "here"]
    assert app.run().session_state["found"] is None
    assert not app.exception


def test_the_selection_stays_when_only_the_shades_change() -> None:
    app = run()
    app.session_state["choose"] = 2
    app.run()
    app.session_state["shade"] = 0.9
    assert app.run().session_state["found"] == 2
