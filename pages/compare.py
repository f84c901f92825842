"""Compare: how good, how small and how fast each student is beside its teacher, and what they answer."""

import streamlit as st

from ui import answers, asking, page_tools, shell
from ui.compare import (
    compare_details,
    compare_examples,
    compare_stages,
    compare_tokens,
    compare_view,
    comparison,
    take_away,
    try_input,
)
from ui.compare.shared_examples import outputs_of
from ui.text import plain

ASKING = "compare_asking"

shell.guard()

page_tools.header(
    "compare",
    "Compare",
    "Teacher, untrained student and trained student on the same held-out examples, all with the same mask.",
    compare_examples.SAMPLES,
)

found, problems = comparison.scored_runs()
if not found:
    compare_view.no_runs(problems)
    asking.forget_presses()
    st.stop()

left, right = st.columns([1, 2])
with left:
    chosen = compare_view.choose_runs(found)
compare_view.show_problems(problems)
if not chosen:
    st.info("Choose at least one run to see its models.", icon=":material/arrow_upward:")
    asking.forget_presses()
    st.stop()

runs = compare_view.choose_task(chosen)
task = runs[0].task
with right:
    shown = compare_view.choose_models(comparison.entries(runs))
if not shown:
    st.info("Choose at least one model to see its figures.", icon=":material/arrow_upward:")
    asking.forget_presses()
    st.stop()

if len(runs) == 1:
    compare_view.headline(runs[0])

st.subheader("Figures")
compare_view.table(task, shown)
compare_view.notes(runs, shown)
compare_view.quality(task, shown)

asking.alone(compare_details.parts, task, shown, busy=st.session_state.get(ASKING, False))
compare_details.likelihood(shown)


seeds: dict[str, int] = {}  # in use: what each draws


def examples_and_models() -> list[asking.Work | None]:
    """A click here leaves the figures above as they are, unless a model is being asked. Returns what there is to be
    done."""
    st.subheader("Answers side by side")
    example = compare_examples.choose(runs, shown)
    if example:
        plain(example.input)
        answers.side_by_side(task, example.gold, outputs_of(example, shown, runs))
        st.caption(f"{answers.WRONG} differs from gold.")
        compare_tokens.section(example, shown, runs)

    st.subheader("Stages side by side", help="Five samples each at temperature 1, all from one seed")
    drawing, drawn = compare_stages.section(runs, example)
    seeds.update(drawing)

    st.subheader("Try your own input")
    return [drawn, try_input.section(task, shown, example)]


todo = asking.part(ASKING, examples_and_models)

st.subheader("Take it away")
take_away.figures(task, shown, runs)
take_away.students(runs)
shell.show_seeds(seeds)
asking.do(todo)
