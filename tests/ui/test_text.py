"""Tables that leave as files, and figures in words."""

import csv
import io

import pandas as pd

from ui.text import as_csv, duration


def test_a_file_runs_no_formula_and_keeps_figures_as_they_are() -> None:
    frame = pd.DataFrame({"text": ["=1+1", "+x", "-x", "@x", "\tx", "plain, =x", None], "p before": [-1.5, *range(6)]})
    rows = list(csv.reader(io.StringIO(as_csv(frame))))
    assert rows[0] == ["text", "p before"] and rows[1] == ["'=1+1", "-1.5"]
    assert [row[0] for row in rows[2:]] == ["'+x", "'-x", "'@x", "'\tx", "plain, =x", ""]


def test_durations() -> None:
    shown = [duration(seconds) for seconds in (None, -1.0, 0.4, 59.6, 3599.0, 3661.0)]
    assert shown == ["–", "–", "0 s", "1:00 min", "59:59 min", "1 h 01 min"]
