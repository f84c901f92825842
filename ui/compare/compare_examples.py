"""The Compare page's examples: filters, order, and a table from which one is taken."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from ui import answers, rows
from ui.compare.comparison import Entry, ScoredRun
from ui.compare.shared_examples import FILTERS, Shared, filters, outputs_of, shared_examples
from ui.page_tools import given, linked, to_address, went_back

LAST = "compare_last"  # the example that is looked at, for when the page is come back to
TOP = "compare_top"  # whether the first example is to be looked at
ROWS = 6  # shown at once; the others scroll
SAMPLES = {
    "Where only the student is wrong": {"filter": "teacher"},
    "What nobody gets right": {"filter": "both"},
    "Token by token": {"tokens": "1"},
    "A sentence of one's own": {"text": "Fish fish fish ."},
}


def choose(runs: Sequence[ScoredRun], shown: Sequence[Entry]) -> Shared | None:
    """A filter, an order, then one line of the table: ?filter=, ?hardest= and ?example= in the link. None, with a
    reason on the screen, if there is none."""
    examples = shared_examples(runs)
    if not examples:
        st.info("The chosen runs share no example: choose runs that were scored on the same data.")
        return None
    place = _judged_run(runs)
    found = filters(runs[place], examples, place)
    key = f"compare_filter {runs[place].name}"
    linked(key, "all", found)
    name = (
        st.segmented_control(
            "Examples",
            list(found),
            required=True,
            wrap=True,
            key=key,
            on_change=_from_the_top,
            persist_state="session",
            format_func=lambda name: f"{FILTERS[name]} ({len(found[name])})",
        )
        or "all"
    )
    losses = _losses(runs[place], examples, place)
    hardest = any(loss is not None for loss in losses) and _hardest_first()
    places = found[name]
    if not places:
        st.info("No example is of this kind: choose another filter.")
        return None
    if hardest:
        places = sorted(places, key=lambda i: -(losses[i] or 0.0))
    chosen = _table(runs, shown, examples, places, losses if hardest else None, f"{runs[place].name} {name} {hardest}")
    return examples[chosen]


def _hardest_first() -> bool:
    linked("compare_hardest", False)
    return st.toggle(
        "Hardest first",
        key="compare_hardest",
        on_change=_from_the_top,
        persist_state="session",
        help="By the student's mean loss on the gold answer: where it is surely wrong, or at a loss",
    )


def _from_the_top() -> None:
    """Another filter or order: its first example. The address is left to the drawing: each change of it is one more
    step for the browser's Back."""
    st.session_state[TOP] = True


def _judged_run(runs: Sequence[ScoredRun]) -> int:
    """Whose student and teacher the filters are about."""
    if len(runs) == 1:
        return 0
    names = [run.name for run in runs]
    key = f"compare_judged {' '.join(names)}"
    linked(key, names[0], names)
    chosen = st.selectbox("The filters are about the models of", names, key=key, persist_state="session")
    return names.index(chosen)


def _table(
    runs: Sequence[ScoredRun],
    shown: Sequence[Entry],
    examples: Sequence[Shared],
    places: Sequence[int],
    losses: Sequence[float | None] | None,
    key: str,
) -> int:
    """What each model made of each example; returns the one that is selected."""
    task = runs[0].task
    cells = []
    for i in places:
        gold, outputs = answers.parts(task, examples[i].gold), outputs_of(examples[i], shown, runs)
        row: dict[str, object] = {"No.": i + 1}
        if losses is not None:
            row["Loss"] = losses[i]
        row |= {label: answers.verdict(task, gold, output) for label, output in outputs.items()}
        cells.append(row | {task.input_label: examples[i].input})
    last = st.session_state.get(LAST)
    first = places[0] if went_back() or last not in places else last
    wanted = places[0] if st.session_state.pop(TOP, False) else given("example", first, places)
    table = f"compare_examples {key}"
    if went_back():
        rows.select(table, places.index(wanted))
    event = st.dataframe(
        pd.DataFrame(cells),
        hide_index=True,
        width="stretch",
        height=38 + 35 * min(len(cells), ROWS),
        column_config={
            "No.": st.column_config.NumberColumn(width="small"),
            "Loss": st.column_config.NumberColumn(format="%.2f", width="small"),
            task.input_label: st.column_config.TextColumn(width="large"),
        },
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [places.index(wanted)]}},
        key=table,
    )
    selected = event["selection"]["rows"]
    line = selected[0] if selected and selected[0] < len(places) else 0
    st.session_state[LAST] = places[line]
    to_address("example", str(places[line]))
    rows.walk("compare", "example", line, len(places), partial(rows.select, table))
    st.caption(
        f"Click the box at the left of a line to read its answers below. {answers.RIGHT} right; {answers.WRONG} in how "
        f"many of its {'words' if task.tags else 'fields'} it departs from gold."
    )
    return places[line]


def _losses(run: ScoredRun, examples: Sequence[Shared], place: int) -> list[float | None]:
    """The trained student's mean loss on each example's gold answer; None where it was not measured."""
    student = run.report.model("trained")
    known = student.likelihood.losses if student and student.likelihood else ()
    return [known[e.at[place]] if e.at[place] < len(known) else None for e in examples]
