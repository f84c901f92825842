"""The candidates of one step: what the model weighed before the mask, and what is left of it after."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ui.components.component import component
from ui.text import share

SHOWN = 6
_component = component("candidates", '<div class="candidates"></div><div class="tools"></div>')


@dataclass(frozen=True)
class Row:
    """A token and its probabilities, 0 to 1; `why` it is refused, if it is; `written` if the answer goes on with it."""

    id: int
    text: str
    before: float
    after: float
    why: str = ""
    written: bool = False


def candidates(rows: Sequence[Row], removed: float, *, key: str) -> None:
    """Tokens with their probability before and after the mask, and the share of it that was `removed`."""
    plain = [{**asdict(row), "before_percent": share(row.before), "after_percent": share(row.after)} for row in rows]
    _component(key=key, data={"rows": plain, "removed": removed, "removed_percent": share(removed)})


def of_step(step: Any, end: int, count: int = SHOWN) -> list[Row]:
    """For a `core.constrain.explain.Step` the `count` likeliest tokens of all and the `count` likeliest of those that
    are allowed, and the token that was written; the refused ones with the byte at which they die. `end` is the id of
    the end-of-text token."""
    likeliest = sorted(step.candidates, key=lambda c: -c.before)
    shown = {c.id for c in likeliest[:count]} | {c.id for c in [c for c in likeliest if c.allowed][:count]}
    rows = [
        Row(c.id, name_of(c.id, c.text, end), c.before, c.after, "" if c.allowed else why(c, end), c.id == step.id)
        for c in likeliest
        if c.id in shown or c.id == step.id
    ]
    if not any(row.written for row in rows):
        rows.append(Row(step.id, name_of(step.id, step.text, end), step.before, step.after, written=True))
    return rows


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
