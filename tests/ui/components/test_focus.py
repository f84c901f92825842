"""The Python side of the focus: what was wished for is told once."""

import json

from streamlit.testing.v1 import AppTest


def script() -> None:
    import streamlit as st

    from ui.components.focus import focus, wish

    st.button("named", on_click=wish, args=("place", "field"))
    st.button("nothing named", on_click=wish, args=("place",))
    focus("place", otherwise="other")


def told(app: AppTest) -> dict[str, object]:
    return json.loads(app.get("bidi_component")[0].proto.json)


def test_a_wish_is_told_once_and_the_same_wish_is_another() -> None:
    app = AppTest.from_function(script, default_timeout=30).run()
    assert told(app) == {"turn": 0, "key": None}
    assert told(app.button[0].click().run()) == {"turn": 1, "key": "field"}
    assert told(app.run()) == {"turn": 1, "key": None}
    assert told(app.button[0].click().run()) == {"turn": 2, "key": "field"}
    assert told(app.button[1].click().run()) == {"turn": 3, "key": "other"}
