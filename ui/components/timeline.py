"""The timeline of an answer: how many tokens each step allowed, and how much mass the mask removed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ui.components.component import component, news, signature, turn

_component = component(
    "timeline",
    '<div class="rows" role="img"></div><div class="tools"></div>'
    '<div class="card" popover="manual" role="tooltip"></div>',
)


@dataclass(frozen=True)
class Moment:
    """A step: how many tokens were `allowed`, the share of mass `removed`, 0 to 1, and whether it was forced."""

    text: str
    allowed: int
    removed: float
    forced: bool


def timeline(moments: Sequence[Moment], index: int, vocabulary: int, *, key: str, on_pick: Callable[[], None]) -> None:
    """Two charts over the steps, the allowed tokens on a log scale up to `vocabulary`. A click calls `on_pick`: see
    `picked_step`."""
    data = {
        "texts": [m.text for m in moments],
        "allowed": [m.allowed for m in moments],
        "removed": [round(m.removed, 4) for m in moments],
        "forced": [m.forced for m in moments],
        "vocabulary": vocabulary,
    }
    now = {"signature": signature(data), "index": index, "turn": turn(key)}
    _component(key=key, data=data | now, on_pick_change=on_pick)


def picked_step(key: str) -> int | None:
    """For `on_pick`: the step that was clicked, if that is news."""
    step = news(key, "pick").get("step")
    return step if isinstance(step, int) else None
