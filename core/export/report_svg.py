"""Charts of the report that leaves: plain SVG without scripts, in the page's own colours."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 520, 320
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 44
LINE = 16  # of a label
# Okabe and Ito's, which the colour-blind can tell apart, without black and yellow: they show on light and on dark.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c8c8c")

Scale = Callable[[float], float]  # a value's place, in pixels


@dataclass(frozen=True)
class Point:
    """A model on a chart: its cost, more than 0, and its quality with the ends of the interval, 0 to 1. `number`
    chooses its colour, `shape` is one of SHAPES."""

    label: str
    cost: float
    value: float
    low: float
    high: float
    number: int
    shape: str


SHAPES = {
    "teacher": "M-5,-5h10v10h-10z",
    "untrained": "M0,-6L6,5H-6z",
    "trained": "M0,-5.5A5.5,5.5 0 1 1 0,5.5A5.5,5.5 0 1 1 0,-5.5z",
}


def apart(values: Sequence[float], gap: float) -> list[float]:
    """Where labels of points at `values`, 0 to 1, stand: at least `gap` apart, inside, and near their points."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    gap = min(gap, 1 / max(len(values), 1))
    placed: list[float] = []
    for i in order:
        placed.append(max(values[i], placed[-1] + gap if placed else gap / 2))
    top = 1 - gap / 2
    for n in range(len(placed) - 1, -1, -1):
        placed[n] = min(placed[n], top)
        top = placed[n] - gap
    where = dict(zip(order, placed, strict=True))
    return [where[i] for i in range(len(values))]


def scatter(points: Sequence[Point], cost: str, quality: str) -> str:
    """Quality against a cost on a logarithmic axis; nothing where no cost is known."""
    if not points:
        return ""
    low, high = min(p.cost for p in points) / 2, max(p.cost for p in points) * 2
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    x = lambda cost: LEFT + width * math.log(cost / low) / math.log(high / low)
    y = lambda value: TOP + height * (1 - value)
    parts = [_axes(x, y, low, high, cost, quality)]
    for point, label_at in zip(points, apart([p.value for p in points], LINE / height), strict=True):
        here = x(point.cost)
        to_left = here > LEFT + width / 2
        shape = SHAPES.get(point.shape, SHAPES["trained"])
        parts.append(
            f'<g class="m{point.number % len(COLOURS)}"><line x1="{here:.1f}" x2="{here:.1f}" y1="{y(point.low):.1f}" '
            f'y2="{y(point.high):.1f}"/><path transform="translate({here:.1f},{y(point.value):.1f})" d="{shape}"/></g>'
            f'<text x="{here + (-10 if to_left else 10):.1f}" y="{y(label_at) + 4:.1f}" '
            f'text-anchor="{"end" if to_left else "start"}">{escape(point.label)}</text>'
        )
    title = escape(f"{quality} against {cost}")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">{"".join(parts)}</svg>'


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten; powers alone where these would be many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(powers) < 5 else (1,)
    return [tick for power in powers for step in steps if low <= (tick := step * 10.0**power) <= high]


def _axes(x: Scale, y: Scale, low: float, high: float, cost: str, quality: str) -> str:
    lines = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(share):.1f}" y2="{y(share):.1f}"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y(share) + 4:.1f}" text-anchor="end">{100 * share:.0f} %</text>')
    for tick in _ticks(low, high):
        at = x(tick)
        lines.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        lines.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{tick:,g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    lines.append(f'<text x="{middle:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(cost)} (log)</text>')
    lines.append(f'<text x="{LEFT}" y="{TOP - 3}">{escape(quality)}</text>')
    return "".join(lines)
