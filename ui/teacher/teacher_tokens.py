"""A teacher's answer token by token: how likely it found each, and what it weighed instead."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.models.api import ApiTeacher
from core.tasks import Example, Task
from core.tasks.prompt import Prompt
from ui import engine
from ui.components.candidates import candidates, name_of, of_step
from ui.components.strip_metrics import NONE, OF_MODEL, OF_STEP, choose, legends, measure
from ui.components.token_strip import StripToken, token_strip
from ui.page_tools import linked
from ui.text import heading, share

FACTS = ("id", "p before", "p after", "allowed", "mass removed")


def read(
    lm: Any,
    task: Task,
    example: Example,
    prompt: Prompt,
    label: str,
    answer: engine.Answer,
    kept: dict[str, tuple[Any, ...]],
) -> None:
    """Reads an answer token by token, and keeps the steps under its label. Raises StillroomError."""
    if isinstance(lm, ApiTeacher) or not answer.ids:
        return
    if any(answer.forced):
        steps = engine.explain(lm, task, example.input, prompt, answer.text)
    else:
        steps = engine.explain_free(lm, task, example.input, prompt, answer.ids)
    kept[label] = tuple(steps)


def section(lm: Any, read_so_far: Mapping[str, tuple[Any, ...]], shown: Sequence[str]) -> None:
    """The strip of one of the answers that were read, and the rivals of the token that is selected."""
    heading("Token by token")
    if isinstance(lm, ApiTeacher):
        st.caption("This teacher answers in text only: it tells no probabilities.")
        return
    labels = [label for label in shown if label in read_so_far]
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
    tokens = [_token(step, lm.eos, len(lm.tokens), shade, line) for step in steps]
    index = token_strip(tokens, key=f"teacher_strip_{label}", facts=FACTS, **legends(OF_STEP, shade, line))
    if index is None or index >= len(steps):
        st.caption("Click a token, or walk with the arrow keys, to see what the teacher weighed there.")
    else:
        step = steps[index]
        candidates(of_step(step, lm.eos), min(1.0, max(0.0, step.removed)), key="teacher_candidates")


def _token(step: Any, end: int, vocabulary: int, shade: str, line: str) -> StripToken:
    facts = (
        str(step.id), share(step.before), share(step.after), f"{step.allowed:,} of {vocabulary:,}",
        share(max(step.removed, 0.0)),
    )  # fmt: skip
    under = None if line == NONE else measure(step, vocabulary, line)
    text = step.text or name_of(step.id, step.text, end)
    return StripToken(
        text, measure(step, vocabulary, shade), "forced" if step.forced else "free", line=under, facts=facts
    )
