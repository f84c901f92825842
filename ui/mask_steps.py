"""The Masks page's walk through an answer: its figures, the strip, and what the selected step looks like from every
side: the automaton, the candidates, the vocabulary."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.constrain.automaton import Automaton
from core.constrain.engines.constraint import Constraint
from ui import candidates, engine, fsm_graph, fsm_labels, timeline
from ui.candidates import name_of
from ui.mask_source import Explained
from ui.text import percent, share, whole
from ui.timeline import Moment
from ui.token_strip import StripToken, has_selection, select_token, token_strip
from ui.vocabulary_grid import Pinned, pinned_token, reason_of, spelled, vocabulary_grid
from ui.vocabulary_table import after_mask, vocabulary_table

STRIP, GRAPH, GRID, TIMELINE = "masks_strip", "masks_graph", "masks_grid", "masks_timeline"
METRICS = {
    "removed": ("Removed mass", "the more probability the mask took away"),
    "probability": ("Probability", "the likelier the token was before the mask"),
    "allowed": ("Allowed tokens", "the more tokens were allowed (log scale)"),
    "agreement": ("Agreement", "the nearer the token was to the model's own first choice"),
    "loss": ("Loss", "the less the model expected the token under the mask (0 to 8 nats)"),
}
NONE = "none"
FACTS = ("id", "p before", "p after", "allowed", "mass removed", "state", "part")
MOST_NATS = 8.0


def headline(found: Explained, states: int) -> None:
    steps = found.steps
    free = [s for s in steps if not s.forced]
    columns = st.columns(4)
    columns[0].metric("Tokens of the answer", f"{len(steps):,}", border=True)
    columns[1].metric("Forced by the schema", percent(1 - len(free) / len(steps)), border=True)
    columns[2].metric("Mean mass removed", percent(max(0.0, sum(s.removed for s in steps) / len(steps))), border=True)
    columns[3].metric("States of the automaton", f"{states:,}" if states else "none", border=True)


@st.fragment
def walk(found: Explained, constraint: Constraint, load: Callable[[], Any]) -> None:
    """The strip, and below it the selected step. `load` gives the model whose probabilities are shown. It is a
    fragment: a step on the way does not run the page above it."""
    index = choose_step(found)
    moments = [Moment(_text(s, found), s.allowed, min(1.0, max(0.0, s.removed)), s.forced) for s in found.steps]
    timeline.timeline(moments, index, found.vocabulary, key=TIMELINE, on_pick=_timeline_clicked)
    left, right = st.columns([1.55, 1], gap="large")
    with left:
        _automaton(found, constraint, index)
    with right:
        _candidates(found, index)
    _vocabulary(found, constraint, load, index)


def choose_step(found: Explained) -> int:
    """The strip; returns the index of the token that is looked at. The link follows it."""
    shade, line = _metrics()
    tokens = _tokens(found, shade, line)
    state = st.session_state
    if not has_selection(tokens, key=STRIP):
        select_token(tokens, _start(found), key=STRIP)
    state["masks_tokens"], state["masks_found"] = tokens, _identity(found)
    index = token_strip(
        tokens, key=STRIP, facts=FACTS, controls=True,
        legend=f"darker: {METRICS[shade][1]}", line_legend=f"thicker line: {METRICS[line][1]}" if line != NONE else "",
    )  # fmt: skip
    index = min(index or 0, len(tokens) - 1)
    state["masks_step"] = index
    if st.query_params.get("step") != str(index):
        st.query_params["step"] = str(index)
    return index


def select_step(index: int) -> None:
    """From a callback: the step that everything shows from now on."""
    tokens = st.session_state.get("masks_tokens", ())
    if 0 <= index < len(tokens):
        select_token(tokens, index, key=STRIP)


def _metrics() -> tuple[str, str]:
    """What the background and what the line under a token mean."""
    left, right = st.columns([2.6, 1], vertical_alignment="bottom")
    shade = left.segmented_control(
        "Shade tokens by", list(METRICS), default="removed", required=True, key="masks_shade",
        format_func=lambda name: METRICS[name][0],
    )  # fmt: skip
    line = right.selectbox(
        "Underline them by", [NONE, *METRICS], key="masks_line",
        format_func=lambda name: "Nothing" if name == NONE else METRICS[name][0],
    )  # fmt: skip
    return shade or "removed", line


def _start(found: Explained) -> int:
    """Where to look first: where one was, where the link says, or at the first free choice."""
    state, wanted = st.session_state, whole(st.query_params.get("step", ""))
    if state.get("masks_found") == _identity(found):
        return state.get("masks_step", 0)
    if "masks_found" not in state and wanted is not None and wanted < len(found.steps):
        return wanted
    return next((i for i, s in enumerate(found.steps) if not s.forced), 0)


def look_at(ids: tuple[int, ...], index: int) -> None:
    """Which token of a text is looked at when it is next shown. For callbacks."""
    st.session_state["masks_found"], st.session_state["masks_step"] = ids, index


def _identity(found: Explained) -> tuple[int, ...]:
    return tuple(s.id for s in found.steps)


def _tokens(found: Explained, shade: str, line: str) -> tuple[StripToken, ...]:
    return tuple(_strip_token(step, found, shade, line) for step in found.steps)


def _strip_token(step: Any, found: Explained, shade: str, line: str) -> StripToken:
    facts = (
        str(step.id), share(step.before), share(step.after), f"{step.allowed:,} of {found.vocabulary:,}",
        share(max(step.removed, 0.0)), str(step.state), step.part or "–",
    )  # fmt: skip
    under = None if line == NONE else metric(step, found.vocabulary, line)
    shaded = metric(step, found.vocabulary, shade)
    return StripToken(_text(step, found), shaded, "forced" if step.forced else "free", line=under, facts=facts)


def _text(step: Any, found: Explained) -> str:
    return step.text or name_of(step.id, step.text, found.end)


def metric(step: Any, vocabulary: int, name: str) -> float:
    """One of METRICS, from 0 to 1."""
    value = {
        "removed": lambda: step.removed,
        "allowed": lambda: math.log(max(step.allowed, 1)) / math.log(max(vocabulary, 2)),
        "probability": lambda: step.before,
        "agreement": lambda: step.before / max([*(c.before for c in step.candidates), 1e-12]),
        "loss": lambda: -math.log(max(step.after, 1e-12)) / MOST_NATS,
    }[name]()
    return min(1.0, max(0.0, value))


def _timeline_clicked() -> None:
    step = timeline.picked_step(TIMELINE)
    if step is not None:
        select_step(step)


def _automaton(found: Explained, constraint: Constraint, index: int) -> None:
    """Where the answer stands in the automaton, or why there is none to be seen."""
    st.markdown("**The automaton**")
    automaton = getattr(constraint, "automaton", None)
    if automaton is None:
        st.info(
            f"The engine {constraint.engine} holds this schema, because no automaton can or it would be too large: "
            "it parses while it reads, and has no states that could be drawn. Candidates and vocabulary are exact.",
            icon=":material/account_tree:",
        )
        return
    way = _way(automaton, found, constraint)
    state, at = st.session_state.get("masks_picked", (None, None))
    picked = state if at == index else None
    fsm_graph.fsm_graph(way, index, key=GRAPH, picked=picked, on_pick=partial(_graph_clicked, way, index))
    _in_words(way, index, picked)


def _way(automaton: Automaton, found: Explained, constraint: Constraint) -> fsm_graph.Walk:
    """Kept while the answer stays the same."""
    state = st.session_state
    about, way = state.get("masks_trail", (None, None))
    if way is None or about != (automaton, _identity(found)):
        way = fsm_graph.walk(automaton, [constraint.tokens.bytes_of[step.id] for step in found.steps])
        state["masks_trail"] = ((automaton, _identity(found)), way)
    return way


def _graph_clicked(way: fsm_graph.Walk, index: int) -> None:
    """A state was clicked: it is looked at, from the step nearest to this one that came there."""
    picked = fsm_graph.picked_state(GRAPH)
    if picked is None or picked not in way.picture.leaving:
        return
    steps = [i for i in way.passing(picked) if i < len(st.session_state.get("masks_tokens", ()))]
    target = min(steps, key=lambda i: abs(i - index), default=index)
    st.session_state["masks_picked"] = (picked, target)
    select_step(target)


def _in_words(way: fsm_graph.Walk, index: int, picked: int | None) -> None:
    """The state in words: what may follow, and which tokens came there."""
    place = way.stretches[index].begins
    if picked is not None:
        place = fsm_graph.Place(picked, picked)
    lines = [fsm_labels.standing(way.picture, place), "May follow:"]
    lines += [f"  {line}" for line in fsm_labels.may_follow(way.picture, place)]
    lines.append(fsm_labels.spoken(way.passing(place.state)))
    st.code("\n".join(lines), language=None, wrap_lines=True, height=170)


def _candidates(found: Explained, index: int) -> None:
    """One token: what it is, what the mask did to it, and its rivals."""
    step = found.steps[index]
    st.markdown("**The token and its rivals**")
    part = f" · {step.part}" if step.part else ""
    st.text(f"Token {index} of {len(found.steps)} · id {step.id}{part}")
    st.code(name_of(step.id, step.text, found.end), language=None, wrap_lines=True, height=60)
    before, after = st.columns(2)
    before.metric("Before the mask", share(step.before))
    after.metric("After it", share(step.after))
    st.markdown(_verdict(step, found))
    count = st.slider("Candidates", 5, 20, candidates.SHOWN, key="masks_count")
    rows = candidates.of_step(step, found.end, count)
    candidates.candidates(rows, min(1.0, max(0.0, step.removed)), key="masks_candidates")


def _verdict(step: Any, found: Explained) -> str:
    allowed = f"**{step.allowed:,}** of {found.vocabulary:,} tokens are allowed."
    if not step.forced:
        return f"**Free choice.** {allowed}"
    if step.allowed == 1:
        return f"**Forced.** {allowed}"
    return f"**Forced**: the schema leaves only one text here; the allowed tokens are beginnings of it. {allowed}"


def _vocabulary(found: Explained, constraint: Constraint, load: Callable[[], Any], index: int) -> None:
    """Every token of the vocabulary, as a grid or as a table."""
    step = found.steps[index]
    title, choice = st.columns([1.6, 1], vertical_alignment="bottom")
    title.markdown(f"**The whole vocabulary before token {index}**")
    shown = choice.segmented_control(
        "Vocabulary as", ["Grid", "Table"], default="Grid", required=True, key="masks_vocabulary",
        label_visibility="collapsed",
    )  # fmt: skip
    if shown == "Table":
        vocabulary_table(constraint, step.state, partial(_likely, step, load), key="masks_table")
        return
    token = pinned_token(constraint.tokens, key=GRID)
    pinned = None if token is None else _pinned(constraint, step, token, _likely(step, load))
    vocabulary_grid(constraint, step.state, key=GRID, pinned=pinned)


def _likely(step: Any, load: Callable[[], Any]) -> np.ndarray | None:
    return None if step.hidden is None else engine.probabilities(load(), step)


def _pinned(constraint: Constraint, step: Any, token: int, before: np.ndarray | None) -> Pinned:
    why = reason_of(constraint, step.state, token)
    facts = [("id", str(token)), ("mask", "✓ allowed" if why is None else "✗ refused")]
    if why is not None:
        facts += [("dies at byte", str(why.dies_at)), ("expected", why.expected)]
    if before is not None:
        allowed = constraint.tokens.unpack(constraint.mask(step.state))
        facts += [
            ("p before", share(float(before[token]))),
            ("p after", share(float(after_mask(before, allowed)[token]))),
        ]
    return Pinned(spelled(constraint.tokens, token), tuple(facts))
