"""The charts of a run: its loss, raw and smoothed, and what validation found. Their height never changes."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from core.runs.folder import RunFolder
from ui import titles
from ui.charts import accent, ink
from ui.text import percent

HEIGHT = 260
MOST_POINTS = 1500
MOST_FILES = 16  # whose records are kept
LAST = 1000  # bytes: some records, no two of which say the same seconds
SMOOTHING = 0.9
STEP_AXIS = alt.Axis(tickMinStep=1, tickCount=6, grid=False, format=",d")
STEP_SCALE = alt.Scale(zero=True, nice=False)
STEP_COLUMNS = ("step", "loss", "stage", "method", "tokens", "seconds", "progress", "total")


@dataclass(frozen=True)
class _File:
    """The records of the first `size` bytes of a file, and the `last` of these bytes, which tell it from others."""

    size: int = 0
    last: bytes = b""
    records: tuple[dict[str, Any], ...] = ()


_files: dict[Path, _File] = {}
_reading = threading.Lock()


def metrics(folder: RunFolder) -> Sequence[dict[str, Any]]:
    """A run's records. What is no record of ours is left out. Of a file that grows, only what is new is read: not
    `st.cache_data`, which would hand out a copy of thousands of records a second."""
    path = folder.path / "metrics.jsonl"
    with _reading:
        known = _files.pop(path, _File())
        try:
            found = _read_on(path, known)
        except OSError:
            return ()
        _files[path] = found  # the last one used stands last
        while len(_files) > MOST_FILES:
            del _files[next(iter(_files))]
        return found.records


def _read_on(path: Path, known: _File) -> _File:
    """From where it was read to, by whole lines; from the start if what was read last is not there any more, as when a
    run is resumed, or is another one of the same name."""
    with path.open("rb") as file:
        file.seek(known.size - len(known.last))
        if file.read(len(known.last)) != known.last:
            known = _File()
            file.seek(0)
        new = file.read()
    if not (end := new.rfind(b"\n") + 1):
        return known
    last = (known.last + new[:end])[-LAST:]
    return _File(known.size + end, last, (*known.records, *_records(new[:end])))


def _records(lines: bytes) -> Iterator[dict[str, Any]]:
    for line in lines.decode(errors="replace").splitlines():
        with suppress(ValueError):  # no JSON
            record = json.loads(line)
            if _is_step(record) or _is_validation(record):
                yield record


def _is_step(record: Any) -> bool:
    return isinstance(record, dict) and all(name in record for name in STEP_COLUMNS)


def _is_validation(record: Any) -> bool:
    return isinstance(record, dict) and "step" in record and isinstance(record.get("validation"), dict)


def steps(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if "validation" not in record]


def validations(records: Sequence[dict[str, Any]], metric: str) -> list[tuple[int, float]]:
    """(step, value) of one metric."""
    return [(r["step"], r["validation"][metric]) for r in records if metric in r.get("validation", {})]


def loss(records: Sequence[dict[str, Any]]) -> alt.Chart:
    """Loss over steps: faint as it was, bold smoothed; a dashed line where a stage begins."""
    frame = pd.DataFrame(steps(records), columns=list(STEP_COLUMNS))
    # Smoothed within a stage: the losses of two methods are not comparable.
    smooth = frame.groupby("stage")["loss"].transform(lambda values: values.ewm(alpha=1 - SMOOTHING).mean())
    titled = [titles.choice(str(method)) for method in frame["method"]]
    frame = frame.assign(smooth=smooth.astype(float), method=titled)
    starts = frame[frame["stage"].diff() > 0].assign(label=lambda f: [_stage(*r) for r in zip(f["stage"], f["method"])])
    frame = frame.iloc[:: max(1, -(-len(frame) // MOST_POINTS))]
    x = alt.X("step:Q", title="Step", axis=STEP_AXIS, scale=STEP_SCALE)
    base = alt.Chart(frame).encode(x=x)
    raw = base.mark_line(opacity=0.3, strokeWidth=1, color=accent()).encode(
        y=alt.Y("loss:Q", title="Loss", axis=alt.Axis(labels=not frame.empty, grid=not frame.empty))
    )
    bold = base.mark_line(strokeWidth=2.5, color=accent()).encode(
        y="smooth:Q",
        tooltip=[
            alt.Tooltip("step:Q", title="Step"),
            alt.Tooltip("loss:Q", title="Loss", format=".4f"),
            alt.Tooltip("smooth:Q", title="Smoothed", format=".4f"),
            alt.Tooltip("method:N", title="Method"),
        ],
    )
    rules = alt.Chart(starts).mark_rule(strokeDash=[4, 4], opacity=0.6, color=ink()).encode(x=x)
    labels = (
        alt.Chart(starts)
        .mark_text(align="left", dx=4, dy=6, baseline="top", color=ink())
        .encode(x=x, y=alt.value(0), text="label:N")
    )
    return (raw + bold + rules + labels).properties(height=HEIGHT)


def describe_loss(records: Sequence[dict[str, Any]]) -> str:
    """Of the chart of a run that has come to its end; without records of any."""
    known = steps(records)
    first, last = (f"{known[i]['loss']:.4f} at step {known[i]['step']:,}" for i in (0, -1)) if known else ("", "")
    return "The loss over the steps of training" + (f": {first}, {last}." if known else ".")


def validation(records: Sequence[dict[str, Any]], names: Sequence[str]) -> alt.Chart:
    """Shares over steps, the headline metric first and bold."""
    rows = [(step, titles.metric(name), value) for name in names for step, value in validations(records, name)]
    frame = pd.DataFrame(rows, columns=["step", "metric", "value"])
    shown = [titles.metric(name) for name in names]
    scale = alt.Scale(domain=shown, range=[accent(), ink(), ink()][: len(shown)])
    dashes = alt.Scale(domain=shown, range=[[1, 0], [6, 3], [2, 2]][: len(shown)])
    widths = alt.Scale(domain=shown, range=[2.5, 1.5, 1.5][: len(shown)])
    fades = alt.Scale(domain=shown, range=[1, 0.6, 0.6][: len(shown)])
    legend = alt.Legend(title=None, orient="bottom", columns=2, symbolType="stroke", symbolSize=300)
    return (
        alt.Chart(frame)
        .mark_line(point=alt.OverlayMarkDef(size=45))
        .encode(
            x=alt.X("step:Q", title="Step", axis=STEP_AXIS, scale=STEP_SCALE),
            y=alt.Y("value:Q", title="Share", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%")),
            color=alt.Color("metric:N", scale=scale, legend=legend),
            strokeDash=alt.StrokeDash("metric:N", scale=dashes, legend=legend),
            opacity=alt.Opacity("metric:N", scale=fades, legend=None),
            strokeWidth=alt.StrokeWidth("metric:N", scale=widths, legend=None),
            tooltip=[
                alt.Tooltip("step:Q", title="Step"),
                alt.Tooltip("metric:N", title="Metric"),
                alt.Tooltip("value:Q", title="Value", format=".2%"),
            ],
        )
        .properties(height=HEIGHT)
    )


def describe_validation(records: Sequence[dict[str, Any]], names: Sequence[str]) -> str:
    """As `describe_loss`."""
    last = {titles.metric(name): found[-1][1] for name in names if (found := validations(records, name))}
    figures = ", ".join(f"{title} {percent(value)}" for title, value in last.items())
    return "What validation found over the steps of training" + (f"; at last {figures}." if last else ".")


def _stage(number: float, method: str) -> str:
    return f"Stage {int(number) + 1}: {method}"
