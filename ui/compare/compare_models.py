"""The models behind the Compare page's figures: which of them can be asked here, and with what prompt."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core.distill.config import RunConfig
from core.errors import ModelError, StillroomError
from core.models import api, weights
from core.tasks.prompt import Prompt
from ui import engine
from ui.compare.comparison import Entry
from ui.text import literal


def folder(entry: Entry) -> Path:
    return entry.run.folder.student if entry.role == "trained" else entry.run.folder.untrained


def why_not(entry: Entry) -> str:
    """Why this model cannot be asked here; empty if it can."""
    try:
        config = entry.run.config()
    except StillroomError as error:
        return str(error).removesuffix(".")
    if entry.role == "teacher":
        return (
            "behind an API, which is not asked from here: that may cost money" if api.is_address(config.teacher) else ""
        )
    if weights.are_in(folder(entry)) or (entry.role == "untrained" and config.student.kind == "existing"):
        return ""
    return "its weights are not here: run it again to get them"


def able(entries: Sequence[Entry]) -> tuple[list[Entry], str]:
    """Those that can be asked, and in words why the others cannot."""
    reasons = [(entry, why_not(entry)) for entry in entries]
    words = " ".join(f"{literal(entry.label)}: {literal(reason)}." for entry, reason in reasons if reason)
    return [entry for entry, reason in reasons if not reason], words


def load(entry: Entry) -> Any:
    """Raises ModelError, or RunError."""
    if reason := why_not(entry):
        raise ModelError(f"{reason}.")
    config = entry.run.config()
    if entry.role == "teacher":
        return engine.teacher(config.teacher)
    if entry.role == "untrained" and config.student.kind == "existing":
        return engine.teacher(config.base)
    place = folder(entry)
    return engine.student(entry.run.name, place.name, weights.stamp(place))


def prompt(config: RunConfig, role: str) -> Prompt | None:
    """What the model reads before the input."""
    return config.teacher_prompt() if role == "teacher" else config.student_prompt()


@st.cache_data(max_entries=128, show_spinner="Both models read the gold answer …")
def disagreement(
    _reference: Entry, _other: Entry, ids: tuple[str, str], stamps: tuple[int, int], place: int
) -> list[Any]:
    """The places of `core.evaluate.disagreement` on example `place` of the other's report; `ids` and `stamps` say of
    which models and which versions of their reports. Raises StillroomError."""
    example, config = _other.run.report.examples[place], _other.run.config()
    prompts = prompt(_reference.run.config(), _reference.role), prompt(config, _other.role)
    models = load(_reference), load(_other)
    return engine.disagreement(models, _other.run.task, example.input, prompts, example.gold, config.conditioned)
