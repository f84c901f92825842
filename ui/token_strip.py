"""The token strip: a text as a model's tokens, of which one can be selected by click or arrow keys."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import streamlit as st

from core.paths import ASSETS

_FILES = ASSETS / "components"
_HTML = """
<div class="strip" aria-label="Tokens"></div>
<div class="legend"></div>
<div class="card" popover="manual" role="tooltip"></div>
"""
_component = st.components.v2.component(
    "stillroom.token_strip",
    html=_HTML,
    css=(_FILES / "token_strip.css").read_text(encoding="utf-8"),
    js=(_FILES / "token_strip.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class StripToken:
    """One token. `shade`, 0 to 1, is the intensity of a free token's background; `hover` stands on its card."""

    text: str
    shade: float
    kind: Literal["prompt", "forced", "free"]
    hover: str


def token_strip(tokens: Sequence[StripToken], *, key: str, legend: str = "", selectable: bool = True) -> int | None:
    """Shows the tokens; returns the index of the selected one. The selection is forgotten when the tokens change.

    `legend` says what the shade of a free token means.
    """
    plain = [asdict(token) for token in tokens]
    signature = _signature(plain)
    selection = _selection(key, signature)
    data = {
        "tokens": plain,
        "signature": signature,
        "selected": selection.get("index"),
        "turn": selection.get("turn", 0),
        "legend": legend,
        "selectable": selectable,
    }
    _component(key=key, data=data, on_selection_change=_nothing)
    return selection.get("index") if selectable else None


def select_token(tokens: Sequence[StripToken], index: int | None, *, key: str) -> None:
    """Selects a token from Python, for "next" and "back" buttons: call it before the strip is shown."""
    signature = _signature([asdict(token) for token in tokens])
    turn = _selection(key, signature).get("turn", 0) + 1
    value = {"signature": signature, "index": index, "turn": turn}
    if key in st.session_state:
        st.session_state[key]["selection"] = value
    else:
        st.session_state[key] = {"selection": value}


def _selection(key: str, signature: str) -> dict[str, Any]:
    """What was last selected in this strip, or nothing if that was among other tokens."""
    state = st.session_state.get(key) or {}
    value = state.get("selection") or {}
    return value if value.get("signature") == signature else {}


def _signature(tokens: list[dict[str, Any]]) -> str:
    return hashlib.blake2b(json.dumps(tokens).encode(), digest_size=8).hexdigest()


def _nothing() -> None:
    """A component's state needs a callback to be kept."""
