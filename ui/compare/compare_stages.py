"""The Compare page's stages side by side (S0.9): what a student answers untrained and after each of its stages, with
and without the mask, five samples each at temperature 1, all from one seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from core.errors import StillroomError
from core.models import weights
from core.tasks import Task
from ui import answers, asking, engine
from ui.asking import Asked, Work
from ui.compare.comparison import ScoredRun
from ui.compare.shared_examples import Shared
from ui.page_tools import linked
from ui.run_text import LEARNS_FROM
from ui.text import heading, percent, show_error, size
from ui.titles import MASKED

COUNT = 5
STATE = "compare_stages_state"


@dataclass(frozen=True)
class StageStudent:
    """A student on disk: `which` names its folder in the run's."""

    which: str
    title: str
    place: Path


def students(run: ScoredRun) -> list[StageStudent]:
    """What the run has kept of its student, in the order of training. Raises RunError."""
    stages, folder = run.config().stages, run.folder
    found = [StageStudent("untrained", "Untrained", folder.untrained)]
    for number in folder.kept_stages():
        learned = LEARNS_FROM.get(stages[number - 1].method, "") if number <= len(stages) else ""
        found.append(StageStudent(f"stages/{number}", f"After stage {number}: {learned}", folder.stages / str(number)))
    last = f"After stage {len(stages)}: {LEARNS_FROM[stages[-1].method]}" if len(stages) > 1 else "Trained"
    found.append(StageStudent("student", last, folder.student))
    return [student for student in found if weights.are_in(student.place)]


def section(runs: Sequence[ScoredRun], example: Shared | None) -> tuple[dict[str, int], Work | None]:
    """Returns the seed in use, what it draws, and what there is to be done once the page is drawn; neither where there
    is no student to draw from."""
    run = _choose_run(runs)
    try:
        kept = students(run)
    except StillroomError as error:
        show_error(str(error))
        return {}, None
    if not kept:
        st.info("The weights of this run's student are not here: run it again to sample from its stages.")
        return {}, None
    shot = run.task.shots[0]
    text, gold = (example.input, example.gold) if example else (shot.input, shot.answer)
    wanted = {(student.which, masked): student for masked in MASKED for student in kept}  # with the mask is much faster
    with st.container(horizontal=True, vertical_alignment="bottom"):
        linked("compare_seed", 0, range(2**31))
        seed = int(
            st.number_input(
                "Seed",
                0,
                2**31 - 1,
                key="compare_seed",
                width=140,
                persist_state="session",
                on_change=st.rerun,  # the whole page: the sidebar says the seed
            )
        )
        asked = asking.current(STATE, (run.name, run.stamp, text, seed), wanted)
        missing = asked.missing(wanted) if asked else []
        _buttons(bool(missing), done=asked is not None and wanted.keys() <= asked.found.keys())
    st.text(f"Input: {text}")
    st.caption(f"Each sample in one line: {answers.RIGHT} as gold; {answers.WRONG} what departs from it.")
    bar = st.empty()
    _show(run.task, kept, asked, gold)
    if asked is None or not missing:
        if asked and asked.stopped and asked.open(wanted):
            bar.caption("Stopped. Draw goes on from there.")
        return {"the stages' samples": seed}, None
    label, done = missing[0], len(wanted) - len(missing)
    student, masked = wanted[label], label[-1]
    head = f"{done} of {len(wanted)} drawn · now: {student.title}, {MASKED[masked].lower()}"
    write = lambda text: bar.progress(done / len(wanted), f"{head} {text}")
    draw = lambda show: _draw(run, student, text, seed, masked, show)
    return {"the stages' samples": seed}, asking.work(asked, label, write, draw)


def _buttons(running: bool, done: bool) -> None:
    st.button(
        f"Draw {COUNT} samples each",
        key="compare_stages_go",
        icon=":material/casino:",
        disabled=running or done,
        on_click=asking.press,
        args=(STATE,),
    )
    asking.stop_button(STATE, "compare_stages_stop", running)


def _choose_run(runs: Sequence[ScoredRun]) -> ScoredRun:
    if len(runs) == 1:
        return runs[0]
    named = {run.name: run for run in runs}
    key = f"compare_stages {' '.join(named)}"
    linked(key, runs[0].name, named)
    return named[st.selectbox("Run whose stages are shown", list(named), key=key, persist_state="session")]


def _draw(
    run: ScoredRun, student: StageStudent, text: str, seed: int, masked: bool, show: Callable[[str], None]
) -> list[str]:
    """The samples; how many tokens they are is shown as they grow. Raises StillroomError."""
    config = run.config()
    lm = engine.student(run.name, student.which, weights.stamp(student.place))
    written = 0

    def tick() -> None:
        nonlocal written
        written += 1
        if written % 20 == 0:
            show(f"({written} tokens)")

    return engine.samples(
        lm,
        run.task,
        text,
        config.student_prompt(),
        count=COUNT,
        seed=seed,
        constrained=masked,
        conditioned=config.conditioned,
        tick=tick,
    )


def _show(task: Task, kept: Sequence[StageStudent], asked: Asked | None, gold: str) -> None:
    if asked is None:
        frame = [{"Student": s.title, "Weights": size(weights.megabytes(s.place))} for s in kept]
        st.dataframe(pd.DataFrame(frame), hide_index=True, width="stretch")
        return
    for student in kept:
        heading(f"{student.title} · {size(weights.megabytes(student.place))}")
        for column, (masked, title) in zip(st.columns(2), MASKED.items(), strict=True):
            label = (student.which, masked)
            samples: list[str] | None = asked.found.get(label)
            with column:
                failed = label in asked.wrong
                word = "failed" if failed else "not drawn yet"
                st.text(f"{title}: {_summary(task, samples, gold) if samples else word}")
                if failed:
                    show_error(asked.wrong[label])
                else:  # as many lines before as after, so that nothing jumps
                    lines = [line(task, sample, gold) for sample in samples] if samples else ["·"] * COUNT
                    st.code("\n".join(lines), language=None, wrap_lines=False)


def _summary(task: Task, samples: Sequence[str], gold: str) -> str:
    reference = answers.parts(task, gold) or ()
    found = [answers.parts(task, sample) for sample in samples]
    valid = sum(one is not None for one in found)
    hits = sum(len(reference) - len(answers.wrong_places(reference, one) & set(range(len(reference)))) for one in found)
    right = f" · {percent(hits / (len(reference) * len(samples)))} as gold" if reference else ""
    return f"{valid} of {len(samples)} valid{right} · {len(set(samples))} different"


def line(task: Task, sample: str, gold: str) -> str:
    """A sample in one line: its parts, those that depart from gold with a sign; or its text if it is not valid."""
    found, reference = answers.parts(task, sample), answers.parts(task, gold)
    if found is None:
        return f"{answers.WRONG} {answers.NOT_VALID}: " + " ".join(sample.split())
    wrong = answers.wrong_places(reference, found) if reference is not None else frozenset()
    cells = [f"{answers.WRONG if i in wrong else ''}{value}" for i, (_, value) in enumerate(found)]
    return f"{answers.WRONG if wrong else answers.RIGHT} " + " ".join(cells)
