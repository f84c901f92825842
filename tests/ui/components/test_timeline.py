"""The timeline's Python side: a click is told once."""

import json

from streamlit.testing.v1 import AppTest

from tests.ui.conftest import saying

FIRST, AGAIN = ({"pick": {"step": 1, "turn": turn}} for turn in (1, 2))


def script() -> None:
    import streamlit as st

    from ui.components.timeline import Moment, picked_step, timeline

    if st.session_state.pop("reset", False):
        del st.session_state["line"]
    heard = st.session_state.setdefault("heard", [])
    moments = [Moment(text, 2, 0.5, False) for text in "ab"]
    timeline(moments, 0, 9, key="line", on_pick=lambda: heard.append(picked_step("line")))


def test_the_same_step_clicked_twice_is_told_twice_but_no_click_is_told_again_after_a_reset() -> None:
    app = AppTest.from_function(script, default_timeout=30).run()
    assert saying(app, FIRST).session_state["heard"] == [1]
    assert saying(app, AGAIN).session_state["heard"] == [1, 1]
    app.session_state["reset"] = True
    assert saying(app, AGAIN).session_state["heard"] == [1, 1]
    assert [step for step in saying(app, AGAIN).session_state["heard"] if step is not None] == [1, 1]
    assert json.loads(app.get("bidi_component")[0].proto.json)["turn"] == 2
