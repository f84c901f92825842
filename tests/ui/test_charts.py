"""The screen does not hold its charts against Vega-Lite's schema: here they are."""

import pytest
from altair.utils import schemapi

from core.paths import DEMO_RUN
from core.runs.folder import RunFolder
from core.tasks import POS
from ui import charts
from ui.compare import compare_charts
from ui.compare.comparison import ScoredRun, entries
from ui.datasets import data_charts
from ui.distill import run_charts
from ui.text import percent

FOLDER = RunFolder(DEMO_RUN)


@pytest.fixture(scope="module")
def shown():
    report = FOLDER.report()
    assert report is not None
    return entries([ScoredRun(FOLDER, report, str(DEMO_RUN), 0)] * 3)


RECORDS = run_charts.metrics(FOLDER)[-200:]
EXAMPLES = POS.load(None).dev[:50]
DRAWN = {
    "metric": lambda shown: compare_charts.metric_chart(shown, "accuracy", "Accuracy"),
    "size": lambda shown: compare_charts.against(shown, "accuracy", "Accuracy", "megabytes", "MB"),
    "speed": lambda shown: compare_charts.against(shown, "accuracy", "Accuracy", "milliseconds", "ms"),
    "confusion": lambda shown: compare_charts.confusion_chart(shown[0].model.parts.confusion, POS.tags),
    "reliability": compare_charts.reliability_chart,
    "loss": lambda shown: run_charts.loss(RECORDS),
    "no loss yet": lambda shown: run_charts.loss([]),
    "validation": lambda shown: run_charts.validation(RECORDS, ["accuracy", "exact_match", "valid"]),
    "lengths": lambda shown: data_charts.length_chart(EXAMPLES),
    "labels": lambda shown: data_charts.label_chart(EXAMPLES),
}


@pytest.mark.parametrize("name", DRAWN)
def test_each_chart_keeps_to_the_schema_and_is_shown_as_it_is(name, shown, monkeypatch):
    sent = []
    monkeypatch.setattr(charts.st, "altair_chart", lambda chart, key: sent.append((chart.to_dict(), key)))
    with schemapi.debug_mode(True):  # raises where a part does not keep to it
        drawn = DRAWN[name](shown)
        whole = charts.legible(drawn).to_dict()
    charts.chart(drawn, "a key", "what it shows")
    assert sent == [({**whole, "description": "what it shows"}, "a key")]


def test_descriptions_say_the_figures(shown):
    metric = shown[2].model.scores["accuracy"]
    against = compare_charts.describe_against(shown, "accuracy", "Accuracy", "milliseconds", "Time, ms")
    confusion = compare_charts.describe_confusion({"A": {"A": 3, "B": 1}, "B": {"B": 2, "": 4}})
    said = [
        (compare_charts.describe_metric(shown, "accuracy", "Accuracy"), percent(metric.value)),
        (against, f"{shown[2].label} {percent(metric.value)} at {shown[2].model.ms_per_example:,.1f}"),
        (confusion, "5 of 10 times for itself; most often wrongly B for none, 4 times."),
        (compare_charts.describe_confusion({"": {"A": 9}, "A": {"A": 2}}), "2 of 2 times for itself."),
        (run_charts.describe_loss(RECORDS), f"{run_charts.steps(RECORDS)[-1]['loss']:.4f} at step"),
        (run_charts.describe_loss(()), "The loss over the steps of training."),
        (run_charts.describe_validation(RECORDS, ["accuracy"]), "Accuracy "),
        (data_charts.describe_lengths(EXAMPLES), " words, "),
        (data_charts.describe_labels(EXAMPLES), "NOUN "),
    ]
    assert all(part in words for words, part in said), said


def test_a_wrong_chart_would_be_found():
    with schemapi.debug_mode(True), pytest.raises(schemapi.SchemaValidationError):
        run_charts.alt.Chart(run_charts.pd.DataFrame({"x": [1]})).mark_line(opacity="much").encode(x="x:Q").to_dict()
