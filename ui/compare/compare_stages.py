"""The Compare page's stages side by side (S0.9): what a student answers untrained and after each of its stages, with
and without the mask, five samples each at temperature 1, all from one seed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import StillroomError
from core.tasks import Task
from ui import answers, engine
from ui.compare import compare_models
from ui.compare.comparison import ScoredRun
from ui.page_tools import linked, rerun
from ui.run_text import LEARNS_FROM
from ui.text import heading, percent, show_error, size
from ui.titles import MASKED

COUNT = 5
STATE, RESEEDED = "compare_stages_state", "compare_reseeded"


@dataclass(frozen=True)
class StageStudent:
    """A student on disk: `which` names its folder in the run's."""

    which: str
    title: str
    place: Path


@dataclass
class Drawing:
    """What is being drawn, or was: `found` by folder and mask; `errors` by folder."""

    key: tuple[Any, ...]
    running: bool = True
    found: dict[tuple[str, bool], list[str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def students(run: ScoredRun) -> list[StageStudent]:
    """What the run has kept of its student, in the order of training. Raises RunError."""
    stages, folder = run.config().stages, run.folder
    found = [StageStudent("untrained", "Untrained", folder.untrained)]
    for number in folder.kept_stages():
        learned = LEARNS_FROM.get(stages[number - 1].method, "") if number <= len(stages) else ""
        found.append(StageStudent(f"stages/{number}", f"After stage {number}: {learned}", folder.stages / str(number)))
    last = f"After stage {len(stages)}: {LEARNS_FROM[stages[-1].method]}" if len(stages) > 1 else "Trained"
    found.append(StageStudent("student", last, folder.student))
    return [student for student in found if compare_models.has_weights(student.place)]


def section(runs: Sequence[ScoredRun], example: answers.Shared | None) -> dict[str, int]:
    """Returns the seed in use: what it draws; nothing where there is no student to draw from."""
    run = _choose_run(runs)
    try:
        kept, config = students(run), run.config()
    except StillroomError as error:
        show_error(str(error))
        return {}
    if not kept:
        st.info("The weights of this run's student are not here: run it again to sample from its stages.")
        return {}
    text = example.input if example else run.task.shots[0].input
    gold = example.gold if example else run.task.shots[0].answer
    with st.container(horizontal=True, vertical_alignment="bottom"):
        linked("compare_seed", 0, range(2**31))
        seed = st.number_input(
            "Seed", 0, 2**31 - 1, key="compare_seed", width=140, persist_state="session",
            on_change=_reseeded,
        )  # fmt: skip
        if st.session_state.pop(RESEEDED, False):
            st.rerun()  # the whole page: the sidebar says the seed
        key = (run.name, run.stamp, text, int(seed))
        drawing: Drawing | None = st.session_state.get(STATE)
        mine = drawing if drawing and drawing.key == key else None
        wanted = [(s, masked) for masked in MASKED for s in kept]  # with the mask is much faster
        open_ones = [
            (s, m) for s, m in wanted if not mine or ((s.which, m) not in mine.found and s.which not in mine.errors)
        ]
        running = bool(mine and mine.running and open_ones)
        st.button(
            f"Draw {COUNT} samples each", key="compare_stages_go", icon=":material/casino:",
            disabled=running or not open_ones, on_click=_go, args=(key,),
        )  # fmt: skip
        st.button("Stop", key="compare_stages_stop", icon=":material/stop:", disabled=not running, on_click=_stop)
    st.text(f"Input: {text}")
    st.caption(f"Each sample in one line: {answers.RIGHT} as gold; {answers.WRONG} what departs from it.")
    if not any(s.which.startswith("stages/") for s in kept) and len(config.stages) > 1:
        st.caption("This run is of an older version, which kept no student between its stages.")
    bar, place = st.empty(), st.empty()
    while True:
        with place.container():
            _show(run.task, kept, mine, gold)
        if not running or not open_ones or mine is None:
            break
        student, masked = open_ones.pop(0)
        label = f"{student.title}, {MASKED[masked].lower()}"
        done = len(wanted) - len(open_ones) - 1
        bar.progress(done / len(wanted), f"{done} of {len(wanted)} drawn · now: {label}")
        try:
            mine.found[student.which, masked] = _draw(
                run, student, text, int(seed), masked, bar, done / len(wanted), label
            )
        except StillroomError as error:
            mine.errors[student.which] = str(error)
            open_ones = [(s, m) for s, m in open_ones if s.which != student.which]
    if running and mine is not None:
        mine.running = False
        rerun()
    if mine and open_ones and mine.found:
        bar.caption("Stopped. Draw goes on from there.")
    return {"the stages' samples": int(seed)}


def _reseeded() -> None:
    st.session_state[RESEEDED] = True


def _choose_run(runs: Sequence[ScoredRun]) -> ScoredRun:
    if len(runs) == 1:
        return runs[0]
    named = {run.name: run for run in runs}
    key = f"compare_stages {' '.join(named)}"
    linked(key, runs[0].name, named)
    return named[st.selectbox("Run whose stages are shown", list(named), key=key, persist_state="session")]


def _go(key: tuple[Any, ...]) -> None:
    """Starts, or goes on with what was drawn of the same."""
    before: Drawing | None = st.session_state.get(STATE)
    if before and before.key == key:
        before.running = True
    else:
        st.session_state[STATE] = Drawing(key)


def _stop() -> None:
    st.session_state[STATE].running = False


def _draw(
    run: ScoredRun, student: StageStudent, text: str, seed: int, masked: bool, bar: Any, share: float, label: str
) -> list[str]:  # fmt: skip
    """`bar` is written to while samples grow: that is when Stop is heard."""
    config = run.config()
    lm = engine.student(run.name, student.which, compare_models.stamp(student.place))
    written = 0

    def tick() -> None:
        nonlocal written
        written += 1
        if written % 20 == 0:
            bar.progress(share, f"{label}: {written} tokens")

    return engine.samples(
        lm, run.task, text, compare_models.prompt(config, "trained"), count=COUNT, seed=seed, constrained=masked,
        conditioned=config.conditioned, tick=tick,
    )  # fmt: skip


def _show(task: Task, kept: Sequence[StageStudent], drawing: Drawing | None, gold: str) -> None:
    if drawing is None:
        frame = [{"Student": s.title, "Weights": size(_megabytes(s.place))} for s in kept]
        st.dataframe(pd.DataFrame(frame), hide_index=True, width="stretch")
        return
    for student in kept:
        heading(f"{student.title} · {size(_megabytes(student.place))}")
        if student.which in drawing.errors:
            show_error(drawing.errors[student.which])
            continue
        for column, (masked, title) in zip(st.columns(2), MASKED.items(), strict=True):
            samples = drawing.found.get((student.which, masked))
            column.text(f"{title}: {_summary(task, samples, gold) if samples else 'not drawn yet'}")
            # As many lines before as after, so that nothing jumps.
            lines = [line(task, sample, gold) for sample in samples] if samples else ["·"] * COUNT
            column.code("\n".join(lines), language=None, wrap_lines=False)


def _megabytes(place: Path) -> float:
    return sum(p.stat().st_size for p in place.glob("*.safetensors")) / 1e6


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
