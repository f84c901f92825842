"""The token strip's Python side: what it sends, what it returns, when it forgets."""

import json

from streamlit.testing.v1 import AppTest

from tests.ui.conftest import saying

TIMEOUT = 30


def script() -> None:
    import streamlit as st

    from ui.components.token_strip import StripToken, select_token, token_strip

    texts = st.session_state.get("texts", ["a", " b", "\n"])
    shade = st.session_state.get("shade", 0.5)
    tokens = [StripToken(text, shade, "free", "hover", line=0.3, facts=("1",)) for text in texts]
    if st.session_state.pop("reset", False):
        del st.session_state["strip"]
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


def message(app: AppTest, index: int, turn: int) -> AppTest:
    """A run for a message of a browser in which a token was clicked, now or long ago."""
    identity = json.loads(app.get("bidi_component")[0].proto.json)["identity"]
    return saying(app, {"selection": {"identity": identity, "index": index, "turn": turn}})


def turn_of(app: AppTest) -> int:
    """The strip shows nothing that is older than this."""
    return json.loads(app.get("bidi_component")[0].proto.json)["turn"]


def test_what_the_browser_sends_again_is_older_than_what_python_selected() -> None:
    app = message(run(), 1, 5)
    assert (app.session_state["found"], turn_of(app)) == (1, 5)
    app.session_state["choose"] = 2
    assert message(app, 1, 5).session_state["found"] == 2 and turn_of(app) == 6
    assert message(app, 1, 5).session_state["found"] == 2
    assert message(app, 0, 7).session_state["found"] == 0


def test_a_reset_is_later_than_what_the_browser_sends_again() -> None:
    app = message(run(), 1, 5)
    app.session_state["reset"] = True
    assert message(app, 1, 5).session_state["found"] is None and turn_of(app) == 6
    assert message(app, 1, 5).session_state["found"] is None
    assert message(app, 2, 7).session_state["found"] == 2


def test_a_click_among_other_tokens_is_later_than_all_before() -> None:
    app = run()
    app.session_state["choose"] = 1
    turn = turn_of(app.run())
    app.session_state["texts"] = ["other", "tokens"]
    assert app.run().session_state["found"] is None
    assert turn_of(app) >= turn
    assert message(app, 0, turn_of(app) + 1).session_state["found"] == 0
