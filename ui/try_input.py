"""The Compare page's own input: every model of a run answers it, under the mask."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.distill.config import RunConfig
from core.errors import DataError, StillroomError
from core.tasks import Task
from ui import answers, engine
from ui.comparison import ROLES, ScoredRun
from ui.text import plain, show_error


@dataclass(frozen=True)
class Tried:
    """What one model made of the input: an answer, or the reason why there is none."""

    role: str
    answer: engine.Answer | None = None
    error: str = ""


@dataclass(frozen=True)
class Trial:
    """The last input that was tried, and on which run."""

    run: str
    text: str
    tried: tuple[Tried, ...] = ()
    error: str = ""


def choose_run(runs: Sequence[ScoredRun]) -> ScoredRun:
    """Whose models are asked: a question only where there are several."""
    if len(runs) == 1:
        return runs[0]
    named = {run.name: run for run in runs}
    return named[st.selectbox("Run whose models answer", list(named), key="compare_try_run")]


def ask_for_text(task: Task) -> str:
    return st.text_input(task.input_label, task.shots[0].input, key=f"compare_text_{task.name}")


def ask(run: ScoredRun, text: str) -> None:
    """Asks and keeps the outcome, so that it outlives the next rerun."""
    try:
        st.session_state["compare_trial"] = Trial(run.name, text, tuple(ask_all(run, text)))
    except StillroomError as error:
        st.session_state["compare_trial"] = Trial(run.name, text, error=str(error))


def show_last(run: ScoredRun) -> None:
    """What came of the last try on this run."""
    trial = st.session_state.get("compare_trial")
    if trial is None or trial.run != run.name:
        return
    if trial.error:
        show_error(trial.error)
        return
    plain(trial.text)
    show(run.task, trial.tried)


def ask_all(run: ScoredRun, text: str) -> list[Tried]:
    """Asks the run's models one after the other. Raises StillroomError if the input itself is at fault."""
    config = run.folder.config()
    if not text.strip():
        raise DataError(f"the {run.task.input_label.lower()} is empty: type at least one word.")
    run.task.template(text)
    found = []
    for role in roles(run, config):
        with st.spinner(f"{ROLES[role]} is answering …"):
            found.append(_ask(run, config, role, text))
    return found


def roles(run: ScoredRun, config: RunConfig) -> list[str]:
    """The models that can be asked here. An adapter is no model of its own."""
    folders = {"untrained": run.folder.untrained, "trained": run.folder.student}
    return ["teacher", *(r for r, folder in folders.items() if (folder / "config.json").exists())]


def _ask(run: ScoredRun, config: RunConfig, role: str, text: str) -> Tried:
    try:
        prompt = config.teacher_prompt() if role == "teacher" or config.student.prompted else None
        if role == "teacher":
            lm = engine.teacher(config.teacher)
        else:
            which = run.folder.student if role == "trained" else run.folder.untrained
            stamp = max((p.stat().st_mtime for p in which.glob("*.safetensors")), default=0.0)
            lm = engine.student(run.name, which.name, stamp)
        given = engine.answer(lm, run.task, text, prompt, constrained=True, conditioned=config.conditioned)
        return Tried(role, given)
    except StillroomError as error:
        return Tried(role, error=str(error))


def show(task: Task, tried: Sequence[Tried]) -> None:
    """Times, then the answers side by side; what differs from the first one carries a sign."""
    for column, one in zip(st.columns(len(tried)), tried, strict=True):
        if one.answer:
            calls = f"{one.answer.model_calls} model calls for {len(one.answer.ids)} tokens"
            column.metric(ROLES[one.role], f"{1000 * one.answer.seconds:,.0f} ms", border=True)
            column.caption(calls)
        else:
            column.metric(ROLES[one.role], "no answer", border=True)
    for one in tried:
        if one.error:
            show_error(f"{ROLES[one.role]}: {one.error}")
    outputs = {ROLES[one.role]: one.answer.text for one in tried if one.answer}
    first = next((label for label, text in outputs.items() if answers.parts(task, text)), None)
    if first is None:
        answers.raw(outputs)
        return
    answers.answers_table(task, answers.parts(task, outputs[first]) or (), outputs, None, answers.DIFFERENT)
    if len(outputs) > 1:
        st.caption(f"{answers.DIFFERENT} differs from the {first.lower()}.")
    answers.raw({label: text for label, text in outputs.items() if answers.parts(task, text) is None})
