"""The candidates of one step: what the model weighed before the mask, and what is left of it after."""

from collections.abc import Iterable
from typing import Any

import streamlit as st

from core.paths import ASSETS
from ui.text import percent

SHOWN = 8

_FILES = ASSETS / "components"
_component = st.components.v2.component(
    "stillroom.candidates",
    html='<div class="candidates"></div>',
    css=(_FILES / "candidates.css").read_text(encoding="utf-8"),
    js=(_FILES / "candidates.js").read_text(encoding="utf-8"),
)


def candidates(step: Any, end: int, *, key: str) -> None:
    """Two columns for a `core.constrain.explain.Step`; `end` is the id of the end-of-text token."""
    data = {
        "before_title": "Before the mask",
        "before": before(step, end),
        "after_title": "After the mask",
        "after": after(step, end),
    }
    _component(key=key, data=data)


def before(step: Any, end: int) -> list[dict[str, Any]]:
    """The likeliest tokens of all, the refused ones with the byte at which they die."""
    return _rows(step, step.candidates, "before", end)


def after(step: Any, end: int) -> list[dict[str, Any]]:
    """The likeliest of those that the schema allows."""
    return _rows(step, [c for c in step.candidates if c.allowed], "after", end)


def _rows(step: Any, found: Iterable[Any], name: str, end: int) -> list[dict[str, Any]]:
    """The largest by `name`; the token that was written closes the list if it is not among them."""
    rows = [_row(c, getattr(c, name), step.id, end) for c in sorted(found, key=lambda c: -getattr(c, name))[:SHOWN]]
    if not any(row["written"] for row in rows):
        rows.append(_line(name_of(step.id, step.text, end), getattr(step, name), written=True))
    return rows


def _row(candidate: Any, share: float, written: int, end: int) -> dict[str, Any]:
    refused = "" if candidate.allowed else why(candidate, end)
    return _line(name_of(candidate.id, candidate.text, end), share, candidate.id == written, refused)


def _line(text: str, share: float, written: bool, refused: str = "") -> dict[str, Any]:
    return {
        "text": text,
        "percent": percent(share),
        "share": share,
        "refused": bool(refused),
        "written": written,
        "why": refused,
    }


def why(candidate: Any, end: int) -> str:
    """Why a token is refused, in words."""
    if candidate.id == end:
        return f"may not end here: expected {candidate.expected}"
    if not candidate.text:
        return f"not text: expected {candidate.expected}"
    text = candidate.text.encode()
    if "\ufffd" in candidate.text or candidate.dies_at >= len(text):
        return f"dies at byte {candidate.dies_at}: expected {candidate.expected}"
    byte = text[candidate.dies_at]
    found = visible(chr(byte)) if byte < 128 else f"0x{byte:02X}"
    return f"dies at byte {candidate.dies_at} ( {found} ): expected {candidate.expected}"


def name_of(token: int, text: str, end: int) -> str:
    """A token's text with its blanks made visible, or what it is if it has none."""
    if token == end:
        return "⟨end⟩"
    return visible(text) if text else f"⟨special token {token}⟩"


def visible(text: str) -> str:
    """Blanks at the edges, line ends and control characters as signs."""
    stripped = text.strip(" ")
    if not stripped:
        return "·" * len(text)
    left = len(text) - len(text.lstrip(" "))
    right = len(text) - len(text.rstrip(" "))
    inner = "".join(_SIGNS.get(c, chr(0x2400 + ord(c)) if ord(c) < 32 else c) for c in stripped)
    return "·" * left + inner + "·" * right


_SIGNS = {"\n": "⏎", "\t": "⇥", "\x7f": "␡"}
