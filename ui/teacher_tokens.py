"""A teacher's answer token by token: how likely it found each, and what it weighed instead."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.models.api import ApiTeacher
from core.tasks import Example, Task
from core.tasks.prompt import Prompt
from ui import engine
from ui.candidates import candidates, name_of
from ui.text import errors_shown, percent
from ui.token_strip import StripToken, token_strip

SHADES = {
    "before": ("Probability", "darker, the likelier the token was before the mask"),
    "after": ("Probability after the mask", "darker, the likelier the token was among the allowed ones"),
    "removed": ("Refused mass", "darker, the more probability the schema took away"),
}


def section(
    lm: Any,
    task: Task,
    example: Example,
    prompt: Prompt,
    found: Mapping[str, engine.Answer],
    read: dict[str, tuple[Any, ...]],
) -> None:
    """The strip of one of the answers, and the rivals of the token that is selected. `read` keeps what was read."""
    st.markdown("**Token by token**")
    if isinstance(lm, ApiTeacher):
        st.caption("This teacher answers in text only: it tells no probabilities.")
        return
    labels = [label for label, answer in found.items() if answer.ids]
    if not labels:
        st.caption("The answer is empty.")
        return
    left, right = st.columns(2, vertical_alignment="bottom")
    if len(labels) > 1:
        label = left.segmented_control("Answer", labels, default=labels[0], required=True, key="teacher_tokens_of")
        label = label or labels[0]
    else:
        label = labels[0]
    answer = found[label]
    constrained = any(answer.forced)
    shade = "before"
    if constrained:
        shade = right.segmented_control(
            "Shade tokens by", list(SHADES), format_func=lambda name: SHADES[name][0], default="before", required=True,
            key="teacher_shade", bind="query-params",
        ) or shade  # fmt: skip
    with errors_shown():
        if label not in read:
            with st.spinner("Reading the answer token by token …"):
                read[label] = _steps(lm, task, example, prompt, answer, constrained)
        _strip(lm, read[label], label, shade)


def _steps(
    lm: Any, task: Task, example: Example, prompt: Prompt, answer: engine.Answer, constrained: bool
) -> tuple[Any, ...]:
    if constrained:
        return tuple(engine.explain(lm, task, example.input, prompt, answer.text))
    return tuple(engine.explain_free(lm, task, example.input, prompt, answer.ids))


def _strip(lm: Any, steps: tuple[Any, ...], label: str, shade: str) -> None:
    tokens = [_token(step, lm.eos, len(lm.tokens), shade) for step in steps]
    index = token_strip(tokens, key=f"teacher_strip_{label}", legend=SHADES[shade][1])
    if index is None or index >= len(steps):
        st.caption("Click a token, or walk with the arrow keys, to see what the teacher weighed there.")
    else:
        candidates(steps[index], lm.eos, key="teacher_candidates")


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
