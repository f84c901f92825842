"""Choosing the model whose tokens and probabilities the Masks page shows: a teacher, a student, or any other."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.errors import ModelError
from core.models import api, weights
from core.runs import folder as run_folders
from core.tasks import Task
from core.tasks.prompt import Prompt, default_prompt
from ui import engine, own_model
from ui.masks.schema_form import Wanted
from ui.own_model import ANOTHER
from ui.page_tools import linked
from ui.text import show_error


@dataclass(frozen=True)
class Model:
    """A model whose probabilities can be shown: a teacher, or the student of `run`. `stamp` tells versions of its files
    apart: what was worked out with one is not mixed with another."""

    name: str
    run: str | None = None
    stamp: float = 0.0

    @property
    def title(self) -> str:
        return self.name if self.run is None else f"{self.name} of {self.run}"

    def load(self) -> Any:
        """Raises ModelError, also where a teacher's files are not those any more that `stamp` was taken of."""
        if self.run is not None:
            return engine.student(self.run, "student", self.stamp)
        if engine.stamp(self.name) != self.stamp:
            raise ModelError(
                f"{self.name}: its files have changed since they were read, or are gone. "
                "Choose another model, then this one again."
            )
        return engine.teacher(self.name)

    def prompt(self, task: Task) -> Prompt | None:
        """A teacher's prompt: its adapter's own words if it was tuned for this task. A student has none, unless it was
        taught to read one. Raises RunError."""
        if self.run is not None:
            config = run_folders.open_run(self.run).config()
            own = config.student_prompt()
            return own if own is None or config.task == task.name else default_prompt(task)
        return engine.own_prompt(self.name, task) or default_prompt(task)


@dataclass(frozen=True)
class Source:
    """All that an explanation depends on, but the answer. `question` is what the model is asked where the schema is
    no task's."""

    model: Model
    wanted: Wanted
    question: str = ""


def models() -> dict[str, Model]:
    """Teachers, then the students that finished runs left behind, by the name they are chosen by."""
    found = {name: Model(name, stamp=engine.stamp(name)) for name in engine.teacher_names()}
    for run in run_folders.all_runs():
        if weights.are_in(run.student) and run.status().state == "finished":
            found.setdefault(f"student of {run.name}", Model("student", run.name, weights.stamp(run.student)))
    return found


def choose(task: str) -> Model | None:
    known = models()
    names = [*known, ANOTHER]
    tuned = engine.tuned_teacher(task)
    _suit(task, tuned)
    linked("masks_model", tuned, names)
    name = st.selectbox(
        "Model whose tokens and probabilities are shown", names, key="masks_model", persist_state="session"
    )
    return _another() if name == ANOTHER else known[name]


def _suit(task: str, tuned: str) -> None:
    """Another task brings its own teacher, unless a model of the user's own was named; other schemas leave what was
    chosen."""
    state, before = st.session_state, st.session_state.get("masks_model_suits", tuned)
    untouched = state.get("masks_model") == before
    if before != tuned and state.get("masks_model") != ANOTHER and (task or untouched):
        state["masks_model"] = tuned
    state["masks_model_suits"] = tuned


def _another() -> Model | None:
    name = own_model.ask("masks", addresses=False)
    if api.is_address(name):
        show_error(f"{name} answers in text and tells no tokens: name a model that runs here.")
        return None
    return None if own_model.load("masks", name) is None else Model(name, stamp=engine.stamp(name))
