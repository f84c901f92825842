"""Choosing the model whose tokens and probabilities the Masks page shows: a teacher, a student, or any other."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.errors import ModelError, StillroomError
from core.models import api
from core.runs import folder as run_folders
from core.tasks import Task
from core.tasks.prompt import Prompt, default_prompt
from ui import compare_models, engine
from ui.page_tools import linked
from ui.run_text import literal
from ui.schema_form import Wanted
from ui.text import show_error

ANOTHER = "another model …"


@dataclass(frozen=True)
class Model:
    """A model whose probabilities can be shown: a teacher, or the student of `run`."""

    name: str
    run: str | None = None
    stamp: float = 0.0

    @property
    def title(self) -> str:
        return self.name if self.run is None else f"{self.name} of {self.run}"

    def load(self) -> Any:
        """Raises ModelError."""
        if api.is_address(self.name):
            raise ModelError(f"{self.name} answers in text and tells no tokens: name a model that runs here.")
        return engine.teacher(self.name) if self.run is None else engine.student(self.run, "student", self.stamp)

    def prompt(self, task: Task) -> Prompt | None:
        """A teacher's prompt: its adapter's own words if it was tuned for this task. A student has none, unless it was
        taught to read one. Raises RunError."""
        if self.run is not None:
            config = run_folders.open_run(self.run).config()
            own = compare_models.prompt(config, "trained")
            return own if own is None or config.task == task.name else default_prompt(task)
        from core.models import teachers

        prompt, card = default_prompt(task), teachers.card(self.name)
        if card and card.task == task.name:
            return prompt.model_copy(update={"instructions": card.instructions})
        return prompt


@dataclass(frozen=True)
class Source:
    """All that an explanation depends on, but the answer. `question` is what the model is asked where the schema is
    no task's."""

    model: Model
    wanted: Wanted
    question: str = ""


def models() -> dict[str, Model]:
    """Teachers, then the students that finished runs left behind, by the name they are chosen by."""
    found = {name: Model(name) for name in engine.teacher_names()}
    for run in run_folders.all_runs():
        if compare_models.has_weights(run.student) and run.status().state == "finished":
            found.setdefault(f"student of {run.name}", Model("student", run.name, compare_models.stamp(run.student)))
    return found


def choose(task: str) -> Model | None:
    known = models()
    names = [*known, ANOTHER]
    plain = next((name for name in known if "+" not in name), names[0])
    tuned = next((name for name in known if task and name.endswith(f"+{task}")), plain)
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
    """A model of the user's own is loaded on demand only: it may be a long download."""
    linked("masks_other", "")
    name = st.text_input(
        "Name of the model",
        key="masks_other",
        persist_state="session",
        placeholder="/models/qwen or Qwen/Qwen2.5-0.5B-Instruct",
        help="A folder of safetensors, a .gguf file, or a model's name on the hub.",
    ).strip()
    loaded: set[str] = st.session_state.setdefault("masks_loaded", set())
    if not name:
        st.info("Name a folder, a .gguf file or a model on the hub.", icon=":material/arrow_upward:")
        return None
    if name not in loaded:
        if not st.button(f"Load {literal(name)}", key="masks_load", type="primary"):
            return None
        try:
            Model(name).load()
        except StillroomError as error:
            show_error(str(error))
            return None
        loaded.add(name)
    return Model(name)
