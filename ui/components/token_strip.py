"""The token strip: a text as a model's tokens, of which one can be selected by click or arrow keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from ui.components.component import component, nothing, signature, told

_component = component(
    "token_strip",
    """
    <div class="strip" aria-label="Tokens"></div>
    <div class="tools walk"></div>
    <div class="foot"><div class="legend"></div><div class="tools save"></div></div>
    <div class="card" popover="manual" role="tooltip"></div>
    """,
)


@dataclass(frozen=True)
class StripToken:
    """One token. `shade`, 0 to 1, is the intensity of its background, and `line`, 0 to 1, the thickness of the line
    under it; `hover` stands on its card, above a table of its `facts`."""

    text: str
    shade: float
    kind: Literal["prompt", "forced", "free"]
    hover: str = ""
    line: float | None = None
    facts: tuple[str, ...] = ()


def token_strip(
    tokens: Sequence[StripToken],
    *,
    key: str,
    legend: str = "",
    line_legend: str = "",
    facts: Sequence[str] = (),
    selectable: bool = True,
    controls: bool = False,
) -> int | None:
    """Shows the tokens; returns the index of the selected one. The selection is forgotten when their texts or kinds
    change.

    `legend` says what the shade of a token means and `line_legend` the line under it; `facts` names what each token
    has `facts` of. With `controls` there are buttons to walk and to play.
    """
    identity = _identity(tokens)
    plain = [(t.text, round(t.shade, 3), t.kind, t.hover, t.line and round(t.line, 3), t.facts) for t in tokens]
    said = st.session_state[_last(key)] = _said(key)
    index = said.get("index") if said.get("identity") == identity else None
    data = {
        "tokens": plain,
        "identity": identity,
        "signature": signature(plain),
        "selected": index,
        "turn": said.get("turn", 0),
        "legend": legend,
        "line_legend": line_legend,
        "facts": list(facts),
        "selectable": selectable,
        "controls": controls,
    }
    _component(key=key, data=data, on_selection_change=nothing)
    return index if selectable else None


def select_token(tokens: Sequence[StripToken], index: int | None, *, key: str) -> None:
    """Selects a token from Python: call it before the strip is shown, or from a callback."""
    turn = _said(key).get("turn", 0) + 1
    st.session_state.setdefault(key, {})
    st.session_state[_last(key)] = {"identity": _identity(tokens), "index": index, "turn": turn}


def has_selection(tokens: Sequence[StripToken], *, key: str) -> bool:
    """Whether one of these tokens, or expressly none, was selected before."""
    return _said(key).get("identity") == _identity(tokens)


def _said(key: str) -> dict[str, Any]:
    """What was selected last, and among which tokens: by the browser, which sends its own value with every message and
    hears of no other, or from Python. After a reset, nothing: that counts as later than what the browser goes on
    sending."""
    last = st.session_state.get(_last(key), {})
    if key not in st.session_state:
        return {"turn": last.get("turn", 0) + 1}
    return max(told(key, "selection"), last, key=lambda value: value.get("turn", 0))


def _last(key: str) -> str:
    """Where the last selection is kept; a reset of the page forgets no key that begins so."""
    return f"_{key}_last"


def _identity(tokens: Sequence[StripToken]) -> str:
    """What tells these tokens from others; how they are shaded does not matter."""
    return signature([(t.text, t.kind) for t in tokens])
