"""The Compare page's details, folded away: scores tag by tag or field by field, and how likely gold answers are."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.evaluate.parts import PartScores
from core.evaluate.ratio import Score
from core.tasks import Task
from ui import charts
from ui.compare import compare_charts
from ui.compare.compare_table import NOT_MEASURED, with_interval
from ui.compare.comparison import Entry
from ui.page_tools import linked
from ui.text import percent

BESIDE = 440  # pixels that a chart leaves to what stands beside it; in a narrow window it stands below


def parts(task: Task, shown: Sequence[Entry]) -> None:
    """One model's tags with what they were taken for, or all models' fields. To be drawn as a fragment: another model
    leaves the rest as it is."""
    known = [e for e in shown if e.model.parts]
    if not known:
        return
    with st.expander("Tag by tag" if task.tags else "Field by field", icon=":material/grid_on:"):
        if task.tags:
            _tags(task, known)
        else:
            _fields(known)


def _tags(task: Task, known: Sequence[Entry]) -> None:
    trained = next((e for e in known if e.role == "trained"), known[0])
    by_id = {e.id: e for e in known}
    linked("compare_tags", trained.id, by_id)
    chosen = st.selectbox(
        "Model", list(by_id), format_func=lambda name: by_id[name].label, key="compare_tags", persist_state="session"
    )
    found = by_id[chosen].model.parts or PartScores()
    order = sorted(found.tags, key=lambda tag: -found.tags[tag].recall.total)
    frame = pd.DataFrame(
        [
            {
                "Tag": tag,
                "In gold": found.tags[tag].recall.total,
                "F1": _percents(found.tags[tag].f1),
                "Precision": _percents(found.tags[tag].precision),
                "Recall": _percents(found.tags[tag].recall),
            }
            for tag in order
        ]
    )
    with st.container(horizontal=True):
        with st.container(width=BESIDE):
            st.dataframe(frame, hide_index=True, width="stretch", height=38 + 35 * len(frame), key="compare_tags_table")
            of_gold = [tag.f1.value for tag in found.tags.values() if tag.recall.total]
            mean = percent(sum(of_gold) / len(of_gold)) if of_gold else "–"
            st.caption(f"In per cent, with 95 % intervals. Mean F1 of the tags in gold: {mean}.")
        drawn = compare_charts.confusion_chart(found.confusion, task.tags)
        charts.chart(drawn, "compare_confusion", compare_charts.describe_confusion(found.confusion))


def _fields(known: Sequence[Entry]) -> None:
    names = list(dict.fromkeys(name for e in known if e.model.parts for name in e.model.parts.fields))
    rows = [
        {"Field": name} | {e.label: with_interval(e.model.parts.fields.get(name)) for e in known if e.model.parts}
        for name in names
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="compare_fields")


def _percents(score: Score) -> str:
    """A share and its interval, short; nothing was counted: a dash."""
    low, high = score.interval
    return f"{100 * score.value:.1f} ({100 * low:.0f}–{100 * high:.0f})" if score.total else "–"


LIKELIHOOD_HELP = """\
Every model reads the gold answers; at each free position it is asked what it would have written.

- **Perplexity**: among how many tokens it hesitates: of the allowed ones, and of all.
- **Refused mass**: the probability it gives to what the mask forbids.
- **Calibration error**: how far, on average, its confidence with the mask is from how often it is right.
- **Agreement**: its first choice is the teacher's, where both are free and gold goes on with the same token.
- **Forced**: the share of the answers' tokens that the schema dictates.

On the chart, a point on the dashed line is a model that is right as often as it is sure.
"""


def likelihood(shown: Sequence[Entry]) -> None:
    """Perplexity, calibration and agreement, a line a measure as in the table of figures: so it is narrow enough."""
    with st.expander("How sure, and how rightly", icon=":material/speed:"):
        if not any(e.model.likelihood for e in shown):
            st.caption("This report does not say. A new run measures it.")
            return
        frame = pd.DataFrame({e.label: _likelihood(e) for e in shown}).rename_axis("Measure").reset_index()
        config = {"Measure": st.column_config.TextColumn(pinned=True)}
        st.dataframe(frame, hide_index=True, width="stretch", column_config=config, key="compare_likely")
        with st.container(horizontal=True):
            st.markdown(LIKELIHOOD_HELP, width=BESIDE)
            drawn = compare_charts.reliability_chart(shown)
            charts.chart(drawn, "compare_reliability", compare_charts.describe_reliability(shown))


def _likelihood(entry: Entry) -> dict[str, str]:
    read = entry.model.likelihood
    values = ("Perplexity, allowed", "of all tokens", "Refused mass", "Calibration error", "Agreement", "Forced")
    if read is None:
        return dict.fromkeys(values, NOT_MEASURED)
    found = (
        f"{read.perplexity:,.2f}",
        f"{read.perplexity_unmasked:,.2f}" if read.perplexity_unmasked < 1e6 else f"{read.perplexity_unmasked:.1e}",
        percent(read.refused_mass),
        percent(read.calibration_error),
        _agreement(entry),
        percent(read.forced_share),
    )
    return dict(zip(values, found, strict=True))


def _agreement(entry: Entry) -> str:
    score = entry.model.likelihood.agreement if entry.model.likelihood else None
    if entry.role == "teacher":
        return "–"
    return with_interval(score) if score else NOT_MEASURED
