"""Many examples put to a teacher, one after the other, while the page shows how far it is.

An answer is kept by what it depends on: teacher, task, prompt and input. So a score and a comparison share their
answers, and whoever was stopped goes on where it was.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import streamlit as st

from core.errors import StillroomError
from core.models.api import ApiTeacher
from core.tasks import Example, Task
from core.tasks.prompt import Prompt
from ui import asking, engine
from ui.asking import Coming, Work
from ui.page_tools import linked
from ui.teacher.teacher_input import LAST_SEED, SEED, drawn
from ui.text import duration, show_error

FEWEST, USUAL, MOST = 5, 10, 200
KEPT = 16  # prompts whose answers are kept
JOB, ANSWERS = "teacher_job", "teacher_answers"

TeacherVersion = tuple[str, float]  # its name, and its `engine.stamp`
Wanted = Sequence[tuple[Prompt, str]]  # prompts, each with an input


@dataclass
class Job:
    """What is under way, or was: whose it is, the time it took for so many answers, and what is asked once."""

    key: tuple
    running: bool = True
    made: int = 0
    seconds: float = 0.0
    wrong: str = ""
    coming: dict[Any, Coming] = field(default_factory=dict)


def examples(dev: Sequence[Example]) -> list[Example]:
    """Asks how many examples of dev, and which."""
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    most = min(MOST, len(dev))
    if most > FEWEST:
        linked("teacher_n", min(USUAL, most), range(FEWEST, most + 1))
        count = left.slider(
            "Examples of dev",
            FEWEST,
            most,
            key="teacher_n",
            persist_state="session",
            help="Each is answered with the mask: 1 to 3 seconds apiece on a CPU.",
        )
    else:
        count = most
        left.caption(f"All {most} examples of dev, answered with the mask.")
    linked("teacher_draw", 0, range(LAST_SEED + 1))
    seed = right.number_input(
        "Seed of the draw",
        0,
        LAST_SEED,
        step=1,
        key="teacher_draw",
        persist_state="session",
        help="Which examples are taken: more of them with the same seed keep those that were answered.",
    )
    return [dev[i] for i in drawn(len(dev), int(seed))[:count]]


def seeds() -> dict[str, int]:
    """The seeds in use: what each draws."""
    state = st.session_state
    of_input = {"the example": state[SEED]} if SEED in state and state.get("teacher_source") == "dev" else {}
    return of_input | ({"the scored ones": state["teacher_draw"]} if "teacher_draw" in state else {})


def answered(teacher: TeacherVersion, task: Task, prompt: Prompt) -> Mapping[str, str]:
    """What this teacher has answered under this prompt, by input."""
    return st.session_state.get(ANSWERS, {}).get((teacher, task.name, prompt), {})


def _to_fill(teacher: TeacherVersion, task: Task, prompt: Prompt) -> dict[str, str]:
    """The same, to be added to. What was asked longest ago is let go."""
    kept: dict[tuple, dict[str, str]] = st.session_state.setdefault(ANSWERS, {})
    key = (teacher, task.name, prompt)
    kept[key] = kept.pop(key, {})
    while len(kept) > KEPT:
        kept.pop(next(iter(kept)))
    return kept[key]


def state(key: tuple) -> Job | None:
    """The job of this key, if it is the one that was started last."""
    job: Job | None = st.session_state.get(JOB)
    return job if job and job.key == key else None


def buttons(label: str, icon: str, key: tuple, name: str) -> None:
    """Start and stop. A job that is started ends the one before."""
    pressed = f"teacher_{name}"
    if asking.pressed(pressed):
        before = state(key)
        st.session_state[JOB] = Job(key, coming=before.coming if before else {})
    running = bool((job := state(key)) and job.running)
    with st.container(horizontal=True):
        st.button(
            label,
            icon=icon,
            key=f"teacher_{name}_go",
            type="primary",
            disabled=running,
            on_click=asking.press,
            args=(pressed,),
        )
        st.button("Stop", icon=":material/stop:", key=f"teacher_{name}_stop", disabled=not running, on_click=_stop)


def _stop() -> None:
    job: Job = st.session_state[JOB]
    job.running = False
    asking.end(job.coming)


def progress(key: tuple, done: int, wanted: int) -> Any:
    """How far it is, in a place that is there from the start; returns the place."""
    job, place = state(key), st.empty()
    if job and job.running:
        show_progress(place, job, done, wanted)
    elif done:
        stopped = f"{done} of {wanted} answers are here. It goes on from there." if done < wanted else "Done."
        place.progress(done / max(wanted, 1), stopped)
    else:
        place.progress(0.0, f"{wanted} answers to ask for.")
    if job and job.wrong:
        show_error(job.wrong)
    return place


def show_progress(place: Any, job: Job, done: int, wanted: int) -> None:
    left = f" · {duration((wanted - done) * job.seconds / job.made)} left" if job.made else ""
    place.progress(done / max(wanted, 1), f"{done} of {wanted} answered{left}")


def work(
    lm: Any, teacher: TeacherVersion, task: Task, wanted: Wanted, job: Job, place: Any, redraw: Callable[[], None]
) -> Work:
    """What to do once the page is drawn: asks for what is missing, shows it, and draws the page anew."""

    def run() -> None:
        try:
            _ask(lm, teacher, task, wanted, job, place, redraw)
        except StillroomError as error:
            job.wrong = str(error)
        job.running = False
        st.rerun()

    return run


def _ask(
    lm: Any, teacher: TeacherVersion, task: Task, wanted: Wanted, job: Job, place: Any, redraw: Callable[[], None]
) -> None:
    together = engine.REQUESTS if isinstance(lm, ApiTeacher) else 1
    prompts = list(dict.fromkeys(prompt for prompt, _ in wanted))
    inputs = list(dict.fromkeys(text for _, text in wanted))
    done = sum(text in answered(teacher, task, prompt) for prompt, text in wanted)

    def tick() -> None:
        show_progress(place, job, done, len(wanted))

    for start in range(0, len(inputs), together):
        for prompt in prompts:  # in turn, so that what is there when it is stopped can be compared
            kept = _to_fill(teacher, task, prompt)
            missing = [text for text in inputs[start : start + together] if text not in kept]
            began = time.perf_counter()
            ask = partial(engine.answers, lm, task, missing, prompt, kept.__setitem__)
            if not isinstance(lm, ApiTeacher):
                ask(tick)
            elif missing:
                asking.once(job.coming, (start, prompt), ask, lambda _: tick())
            done += len(missing)
            job.made, job.seconds = job.made + len(missing), job.seconds + time.perf_counter() - began
        redraw()
