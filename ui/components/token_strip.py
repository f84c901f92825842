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
    selection = _selection(key, identity)
    data = {
        "tokens": plain,
        "identity": identity,
        "signature": signature(plain),
        "selected": selection.get("index"),
        "turn": selection.get("turn", 0),
        "legend": legend,
        "line_legend": line_legend,
        "facts": list(facts),
        "selectable": selectable,
        "controls": controls,
    }
    _component(key=key, data=data, on_selection_change=nothing)
    return selection.get("index") if selectable else None


def select_token(tokens: Sequence[StripToken], index: int | None, *, key: str) -> None:
    """Selects a token from Python: call it before the strip is shown, or from a callback."""
    identity = _identity(tokens)
    turn = _selection(key, identity).get("turn", 0) + 1
    value = {"identity": identity, "index": index, "turn": turn}
    if key in st.session_state:
        st.session_state[key]["selection"] = value
    else:
        st.session_state[key] = {"selection": value}


def has_selection(tokens: Sequence[StripToken], *, key: str) -> bool:
    """Whether one of these tokens, or expressly none, was selected before."""
    return bool(_selection(key, _identity(tokens)))


def _selection(key: str, identity: str) -> dict[str, Any]:
    """What was last selected in this strip, or nothing if that was among other tokens."""
    value = told(key, "selection")
    return value if value.get("identity") == identity else {}


def _identity(tokens: Sequence[StripToken]) -> str:
    """What tells these tokens from others; how they are shaded does not matter."""
    return signature([(t.text, t.kind) for t in tokens])
