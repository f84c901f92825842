"""A teacher's answer token by token: how likely it found each, and what it weighed instead."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.models.api import ApiTeacher
from core.tasks import Example, Task
from core.tasks.prompt import Prompt
from ui import engine
from ui.components.candidates import candidates, of_step
from ui.components.strip_metrics import FACTS, OF_MODEL, OF_STEP, choose, legends, strip_token
from ui.components.token_strip import token_strip
from ui.page_tools import linked
from ui.text import heading, show_error


def read(lm: Any, task: Task, example: Example, prompt: Prompt, answer: engine.Answer) -> tuple[Any, ...]:
    """An answer token by token; nothing where no tokens are told. Raises StillroomError."""
    if isinstance(lm, ApiTeacher) or not answer.ids:
        return ()
    if any(answer.forced):
        return tuple(engine.explain(lm, task, example.input, prompt, answer.text))
    return tuple(engine.explain_free(lm, task, example.input, prompt, answer.ids))


def section(lm: Any, read_so_far: Mapping[str, tuple[Any, ...]], wrong: Mapping[str, str]) -> None:
    """The strip of one of the answers that were read, and the rivals of the token that is selected; and why others
    could not be read."""
    heading("Token by token")
    if isinstance(lm, ApiTeacher):
        st.caption("This teacher answers in text only: it tells no probabilities.")
        return
    for label, why in wrong.items():
        show_error(f"{label}: the tokens of this answer cannot be shown: {why}")
    labels = [label for label, steps in read_so_far.items() if steps]
    if not labels:
        st.caption("There are no tokens to look at.")
        return
    label = labels[0]
    if len(labels) > 1:
        linked("teacher_tokens", label, labels)
        label = st.segmented_control("Answer", labels, required=True, key="teacher_tokens") or label
    steps = read_so_far[label]
    masked = any(step.allowed < len(lm.tokens) for step in steps)
    shade, line = choose("teacher", OF_STEP if masked else OF_MODEL, "probability")
    _strip(lm, steps, label, shade, line)


def _strip(lm: Any, steps: tuple[Any, ...], label: str, shade: str, line: str) -> None:
    tokens = [strip_token(step, lm.eos, len(lm.tokens), shade, line) for step in steps]
    index = token_strip(tokens, key=f"teacher_strip_{label}", facts=FACTS, **legends(OF_STEP, shade, line))
    if index is None or index >= len(steps):
        st.caption("Click a token, or walk with the arrow keys, to see what the teacher weighed there.")
    else:
        step = steps[index]
        candidates(of_step(step, lm.eos), step.removed, key="teacher_candidates")
