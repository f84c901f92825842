"""The Masks page's walk through an answer: its figures, the token strip, and one step in full."""

import math
from typing import Any

import streamlit as st

from ui.candidates import candidates, name_of
from ui.mask_source import Explained
from ui.text import percent
from ui.token_strip import StripToken, select_token, token_strip

STRIP = "masks_strip"
SHADES = {
    "removed": ("Removed mass", "darker, the more probability the mask took away"),
    "allowed": ("Allowed tokens", "darker, the more tokens were allowed (log scale)"),
    "probability": ("Probability", "darker, the likelier the token was before the mask"),
}


def headline(found: Explained, states: int) -> None:
    steps = found.steps
    free = [s for s in steps if not s.forced]
    columns = st.columns(4)
    columns[0].metric("Tokens of the answer", f"{len(steps):,}", border=True)
    columns[1].metric("Forced by the schema", percent(1 - len(free) / len(steps)), border=True)
    columns[2].metric("Mean mass removed", percent(max(0.0, sum(s.removed for s in steps) / len(steps))), border=True)
    columns[3].metric("States of the automaton", f"{states:,}" if states else "none", border=True)


def choose_step(found: Explained) -> int:
    """The strip and its buttons; returns the index of the token that is looked at. The link follows it."""
    shade = st.segmented_control(
        "Shade tokens by", list(SHADES), default="removed", required=True, key="masks_shade",
        format_func=lambda name: SHADES[name][0],
    )  # fmt: skip
    tokens = tuple(_strip_token(s, found, shade or "removed") for s in found.steps)
    state = st.session_state
    if state.get("masks_tokens") != tokens or STRIP not in state:
        select_token(tokens, _start(found), key=STRIP)
        state["masks_tokens"], state["masks_found"] = tokens, _identity(found)
    index = token_strip(tokens, key=STRIP, legend=SHADES[shade or "removed"][1])
    index = min(index or 0, len(tokens) - 1)
    _buttons(tokens, found, index)
    state["masks_step"] = index
    if st.query_params.get("step") != str(index):
        st.query_params["step"] = str(index)
    return index


def _start(found: Explained) -> int:
    """Where to look first: where one was, where the link says, or at the first free choice."""
    state, wanted = st.session_state, st.query_params.get("step", "")
    if state.get("masks_found") == _identity(found):
        return state.get("masks_step", 0)
    if "masks_found" not in state and wanted.isdecimal() and int(wanted) < len(found.steps):
        return int(wanted)
    return next((i for i, s in enumerate(found.steps) if not s.forced), 0)


def look_at(ids: tuple[int, ...], index: int) -> None:
    """Which token of a text is looked at when it is next shown. For callbacks."""
    st.session_state["masks_found"], st.session_state["masks_step"] = ids, index


def _identity(found: Explained) -> tuple[int, ...]:
    return tuple(s.id for s in found.steps)


def _buttons(tokens: tuple[StripToken, ...], found: Explained, index: int) -> None:
    free = [i for i, s in enumerate(found.steps) if not s.forced]
    back = max((i for i in free if i < index), default=None)
    onward = min((i for i in free if i > index), default=None)
    moves = (
        ("Back", "masks_back", ":material/chevron_left:", index - 1 if index else None),
        ("Next", "masks_next", ":material/chevron_right:", index + 1 if index + 1 < len(tokens) else None),
        ("Previous free choice", "masks_back_free", ":material/keyboard_double_arrow_left:", back),
        ("Next free choice", "masks_next_free", ":material/keyboard_double_arrow_right:", onward),
    )
    with st.container(horizontal=True):
        for label, key, icon, target in moves:
            st.button(
                label, key=key, icon=icon, disabled=target is None,
                on_click=select_token, args=(tokens, target), kwargs={"key": STRIP},
            )  # fmt: skip


def _strip_token(step: Any, found: Explained, shade: str) -> StripToken:
    value = {
        "removed": step.removed,
        "allowed": math.log(max(step.allowed, 1)) / math.log(max(found.vocabulary, 2)),
        "probability": step.before,
    }[shade]
    hover = (
        f"{step.allowed:,} of {found.vocabulary:,} tokens allowed\n"
        f"probability {percent(step.before)}, after the mask {percent(step.after)}\n"
        f"mass removed {percent(max(step.removed, 0.0))}"
    )
    text = step.text or name_of(step.id, step.text, found.end)
    return StripToken(text, min(1.0, max(0.0, value)), "forced" if step.forced else "free", hover)


def show_step(found: Explained, index: int) -> None:
    """One token in full: what it is, what the mask did to it, and its rivals."""
    step = found.steps[index]
    removed = min(1.0, max(0.0, step.removed))
    what, mass = st.columns([1, 1], gap="large")
    with what:
        part = f" · {step.part}" if step.part else ""
        st.text(f"Token {index} of {len(found.steps)} · id {step.id} · written in state {step.state}{part}")
        st.code(name_of(step.id, step.text, found.end), language=None, wrap_lines=True)
        st.markdown(_verdict(step, found))
    with mass:
        before, after = st.columns(2)
        before.metric("Probability before the mask", percent(step.before))
        after.metric("Probability after it", percent(step.after))
        st.progress(removed, text=f"Mass removed by the mask: {percent(removed)}")
    candidates(step, found.end, key="masks_candidates")


def _verdict(step: Any, found: Explained) -> str:
    share = (
        f"**{step.allowed:,}** of {found.vocabulary:,} tokens are allowed ({percent(step.allowed / found.vocabulary)})."
    )
    if not step.forced:
        return f"**Free choice.** {share}"
    if step.allowed == 1:
        return f"**Forced.** {share}"
    return f"**Forced**: the schema leaves only one text here; the allowed tokens are beginnings of it. {share}"
