"""A comparison as one HTML file that opens from disk, on a light and on a dark screen.

All text is escaped, there is no script in it and its own policy (Content-Security-Policy) lets none run, nor anything
be fetched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from core.export.report_svg import COLOURS, Point, scatter


@dataclass(frozen=True)
class Row:
    """A line of the headline table; `best` are the places of its best values."""

    title: str
    cells: tuple[str, ...]
    best: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Confusion:
    """What each tag of gold was taken for by one model: `counts[gold][answer]`."""

    label: str
    counts: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class ExampleAnswers:
    """One example: its input, and a table of what each model said of its parts. Cells that begin with the sign of the
    report are marked. `raw` has answers that have no parts, by the model's label."""

    input: str
    summary: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    raw: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Comparison:
    """All that the file shows. `models` head the columns of `rows`; `points` by the title of their cost axis."""

    title: str
    quality: str
    models: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    points: Mapping[str, tuple[Point, ...]]
    confusions: tuple[Confusion, ...] = ()
    examples: tuple[ExampleAnswers, ...] = ()
    sign: str = "✗"


def to_html(found: Comparison) -> str:
    charts = "".join(scatter(points, cost, found.quality) for cost, points in found.points.items())
    parts = [
        f"<h1>{escape(found.title)}</h1>",
        _table(("Measure", *found.models), [_headline(row) for row in found.rows]),
        "<p>★ best of its line; costs: the lowest.</p>",
        *(f"<p>{escape(note)}</p>" for note in found.notes),
        f'<div class="charts">{charts}</div>',
        *map(_confusion, found.confusions),
        f"<h2>Answers</h2><p>{escape(found.sign)} differs from gold.</p>" if found.examples else "",
        *(_example(example, found.sign) for example in found.examples),
    ]
    return _PAGE.format(
        title=escape(found.title), style=_STYLE + _colours(), body="\n".join(part for part in parts if part)
    )


def _headline(row: Row) -> str:
    cells = (
        f"<td><b>★ {escape(cell)}</b></td>" if i in row.best else f"<td>{escape(cell)}</td>"
        for i, cell in enumerate(row.cells)
    )
    return f'<th scope="row">{escape(row.title)}</th>{"".join(cells)}'


def _table(heads: Sequence[str], rows: Sequence[str]) -> str:
    """`rows` are lines of cells, escaped already."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'


def _confusion(found: Confusion) -> str:
    tags = list(dict.fromkeys([*found.counts, *(tag for row in found.counts.values() for tag in row)]))
    rows = []
    for gold in found.counts:
        counts = found.counts[gold]
        cells = "".join(
            f'<td class="{"right" if tag == gold else "wrong"}">{counts[tag]:,}</td>'
            if counts.get(tag)
            else "<td></td>"
            for tag in tags
        )
        rows.append(f'<th scope="row">{escape(gold or "none")}</th>{cells}')
    table = _table(("gold ↓ answer →", *(tag or "none" for tag in tags)), rows)
    return f"<details><summary>What tags were taken for: {escape(found.label)}</summary>{table}</details>"


def _example(example: ExampleAnswers, sign: str) -> str:
    rows = [
        "".join(
            f'<td dir="auto" class="wrong">{escape(cell)}</td>'
            if cell.startswith(f"{sign} ")
            else f'<td dir="auto">{escape(cell)}</td>'
            for cell in row
        )
        for row in example.rows
    ]
    table = _table(example.heads, rows) if example.heads else ""
    raw = "".join(f"<p>{escape(label)}</p><pre>{escape(text)}</pre>" for label, text in example.raw)
    summary = f'<summary>{escape(example.summary)} <span dir="auto">{escape(example.input)}</span></summary>'
    return f"<details>{summary}{table}{raw}</details>"


def _colours() -> str:
    """The models', as the charts number them."""
    return "".join(f".m{i} {{ stroke: {colour}; fill: {colour} }}\n" for i, colour in enumerate(COLOURS))


_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d8d3c6, #37423f); --faint: light-dark(#f1eee6, #1f2728);
  --wrong: light-dark(#fbe3d3, #5a2d10); --right: light-dark(#d9e9f4, #123c58); }
body { max-width: 1200px; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif;
  background: light-dark(#fdfcf9, #14191a); color: light-dark(#1d2521, #e6ebe8); overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; }
th, td { border: 1px solid var(--line); padding: 0.3rem 0.6rem; text-align: left; overflow-wrap: normal; }
thead th { background: var(--faint); }
.wrong { background: var(--wrong); }
.right { background: var(--right); }
details { border-top: 1px solid var(--line); padding: 0.5rem 0; }
summary { cursor: pointer; }
pre { white-space: pre-wrap; background: var(--faint); padding: 0.5rem; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; }
.charts svg { flex: 1 1 420px; max-width: 580px; }
svg text { font-size: 12px; fill: currentColor; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg g line { stroke-width: 2; }
"""
