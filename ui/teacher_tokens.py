"""A teacher's answer token by token: how likely it found each, and what it weighed instead."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.models.api import ApiTeacher
from core.tasks import Example, Task
from core.tasks.prompt import Prompt
from ui import engine
from ui.candidates import candidates, name_of, of_step
from ui.page_tools import linked
from ui.text import percent
from ui.token_strip import StripToken, token_strip

SHADES = {
    "before": ("Probability", "darker, the likelier the token was before the mask"),
    "after": ("Probability after the mask", "darker, the likelier the token was among the allowed ones"),
    "removed": ("Refused mass", "darker, the more probability the schema took away"),
}


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
    st.markdown("**Token by token**")
    if isinstance(lm, ApiTeacher):
        st.caption("This teacher answers in text only: it tells no probabilities.")
        return
    labels = [label for label in shown if label in read_so_far]
    if not labels:
        st.caption("There are no tokens to look at.")
        return
    label, shade = labels[0], "before"
    with st.container(horizontal=True, gap="large"):
        if len(labels) > 1:
            chosen = st.segmented_control("Answer", labels, default=label, required=True, key="teacher_tokens_of")
            label = chosen or label
        steps = read_so_far[label]
        if any(step.forced for step in steps):
            linked("teacher_shade", shade, SHADES)
            chosen = st.segmented_control(
                "Shade tokens by", list(SHADES), format_func=lambda name: SHADES[name][0], required=True,
                key="teacher_shade",
            )  # fmt: skip
            shade = chosen or shade
    _strip(lm, steps, label, shade)


def _strip(lm: Any, steps: tuple[Any, ...], label: str, shade: str) -> None:
    tokens = [_token(step, lm.eos, len(lm.tokens), shade) for step in steps]
    index = token_strip(tokens, key=f"teacher_strip_{label}", legend=SHADES[shade][1])
    if index is None or index >= len(steps):
        st.caption("Click a token, or walk with the arrow keys, to see what the teacher weighed there.")
    else:
        step = steps[index]
        candidates(of_step(step, lm.eos), min(1.0, max(0.0, step.removed)), key="teacher_candidates")


def _token(step: Any, end: int, vocabulary: int, shade: str) -> StripToken:
    lines = [f"probability {percent(step.before)}"]
    if step.allowed < vocabulary:
        lines += [
            f"{percent(step.after)} after the mask, which allows {step.allowed:,} of {vocabulary:,} tokens",
            f"mass refused {percent(max(step.removed, 0.0))}",
        ]
    value = min(1.0, max(0.0, float(getattr(step, shade))))
    text = step.text or name_of(step.id, step.text, end)
    return StripToken(text, value, "forced" if step.forced else "free", "\n".join(lines))
