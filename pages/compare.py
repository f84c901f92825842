"""Compare: how good, how small and how fast each student is beside its teacher, and what they answer."""

import streamlit as st

from ui import answers, compare_charts, compare_details, compare_view, comparison, shell, take_away, try_input
from ui.text import plain

shell.guard()

st.title("Compare")
st.caption("Teacher, untrained student and trained student on the same held-out examples, all under the same mask.")

found, problems = comparison.scored_runs()
if not found:
    compare_view.no_runs(problems)
    st.stop()

chosen = compare_view.choose_runs(found)
compare_view.show_problems(problems)
if not chosen:
    st.info("Choose at least one run to see its models.", icon=":material/arrow_upward:")
    st.stop()

runs = compare_view.choose_task(chosen)
task = runs[0].task
shown = comparison.entries(runs)
metric = task.metrics[0]
title = comparison.metric_title(task, metric)

if len(runs) == 1:
    compare_view.headline(runs[0])

st.subheader("Figures")
compare_view.table(task, shown)
compare_view.notes(runs, shown)
take_away.figures(task, shown, runs)

left, right = st.columns(2)
with left:
    st.altair_chart(compare_charts.metric_chart(shown, metric, title), key="compare_metric_chart")
with right:
    st.altair_chart(compare_charts.size_chart(shown, metric, title), key="compare_size_chart")

compare_details.parts(task, shown)
compare_details.likelihood(shown)

st.subheader("Answers side by side")
example = compare_view.choose_example(runs)
if example:
    plain(example.input)
    answers.side_by_side(task, example, shown, runs)
    st.caption(f"{answers.WRONG} differs from gold.")

st.subheader("Try your own input")
run = try_input.choose_run(runs)
text = try_input.ask_for_text(task)
if st.button("Ask every model", key="compare_try", type="primary", icon=":material/play_arrow:"):
    try_input.ask(run, text)
try_input.show_last(run)

st.subheader("Take the student away")
take_away.students(runs)
