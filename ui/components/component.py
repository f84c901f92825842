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


def signature(data: Any) -> str:
    """What tells this data, which is fit for JSON, from other data."""
    return hashlib.blake2b(json.dumps(data).encode(), digest_size=8).hexdigest()


def _read(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")
