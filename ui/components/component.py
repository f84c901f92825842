"""How our components are registered: HTML, and the CSS and JS of `assets/components`, the shared ones first."""

import hashlib
import json
from typing import Any

import streamlit as st

from core.paths import ASSETS

_FILES = ASSETS / "components"


def component(name: str, html: str) -> Any:
    """`html` stands in an element of the class `component`; `name` is the stem of the files."""
    return st.components.v2.component(
        f"stillroom.{name}",
        html=f'<div class="component">{html}</div>',
        css=_read("shared.css") + _read(f"{name}.css"),
        js=_read("shared.js") + _read(f"{name}.js"),
    )


def nothing() -> None:
    """A component's state needs a callback to be kept."""


def told(key: str, name: str) -> dict[str, Any]:
    """What the component with this key said last under a name; nothing if it did not."""
    return (st.session_state.get(key) or {}).get(name) or {}


def news(key: str, name: str) -> dict[str, Any]:
    """For callbacks: what the component says, or nothing if it said the same before. A reset forgets its value on the
    server alone: Streamlit takes what the browser goes on sending for a change."""
    value, state = told(key, name), st.session_state
    if value == state.get(_heard(key)):
        return {}
    state[_heard(key)] = value
    return value


def turn(key: str) -> int:
    """How often the component had news; it counts on from there, so that the same click twice is news as well."""
    return st.session_state.get(_heard(key), {}).get("turn", 0)


def _heard(key: str) -> str:
    """Where it is kept; a reset of a page forgets no key that begins so."""
    return f"_{key}_heard"


def signature(data: Any) -> str:
    """What tells this data, which is fit for JSON, from other data."""
    return hashlib.blake2b(json.dumps(data).encode(), digest_size=8).hexdigest()


def _read(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")
