"""The Masks page's walk through an answer: its figures, the strip, and what the selected step looks like from every
side: the automaton, the candidates, the vocabulary."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.constrain.automaton import Automaton
from core.constrain.engines.constraint import Constraint
from ui import engine
from ui.components import candidates, fsm_graph, fsm_labels, timeline
from ui.components.candidates import name_of
from ui.components.strip_metrics import FACTS, OF_STEP, choose, legends, strip_token
from ui.components.timeline import Moment
from ui.components.token_strip import StripToken, has_selection, select_token, token_strip
from ui.components.vocabulary_grid import Pinned, pinned_token, reason_of, spelled, vocabulary_grid
from ui.components.vocabulary_table import after_mask, vocabulary_table
from ui.masks import mask_engine
from ui.masks.mask_source import Explained
from ui.page_tools import given, linked, to_address
from ui.text import errors_shown, heading, percent, share

STRIP, GRAPH, GRID, TIMELINE = "masks_strip", "masks_graph", "masks_grid", "masks_timeline"
VOCABULARY = "masks_cells"
TOKEN_FACTS = (*FACTS, "state", "part")


def headline(found: Explained, constraint: Constraint) -> None:
    steps, states = found.steps, mask_engine.states(constraint)
    free = [s for s in steps if not s.forced]
    columns = st.columns(4)
    columns[0].metric("Tokens of the answer", f"{len(steps):,}", border=True)
    columns[1].metric("Forced by the schema", percent(1 - len(free) / len(steps)), border=True)
    columns[2].metric("Mean mass removed", percent(sum(s.removed for s in steps) / len(steps)), border=True)
    columns[3].metric("Automaton states", f"{states:,}" if states else "none", border=True)


def walk(found: Explained, constraint: Constraint, load: Callable[[], Any]) -> None:
    """The strip, and below it the selected step. `load` gives the model whose probabilities are shown. To be drawn as
    a fragment: a step on the way does not run the page above it."""
    shade, line = choose("masks", OF_STEP, "removed")
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        index = choose_step(found, shade, line)
        _automaton(found, constraint, index)
    with right:
        _candidates(found, index)
    _whole(found, constraint, index)
    _vocabulary(found, constraint, load, index)


def _whole(found: Explained, constraint: Constraint, index: int) -> None:
    """The answer from its first token to its last: figures and the timeline."""
    heading("The whole answer")
    headline(found, constraint)
    moments = [Moment(_text(s, found), s.allowed, s.removed, s.forced) for s in found.steps]
    timeline.timeline(moments, index, found.vocabulary, key=TIMELINE, on_pick=_timeline_clicked)


def choose_step(found: Explained, shade: str, line: str) -> int:
    """The strip; returns the index of the token that is looked at. The link follows it."""
    tokens = _tokens(found, shade, line)
    state = st.session_state
    if not has_selection(tokens, key=STRIP):
        select_token(tokens, _start(found), key=STRIP)
    state["masks_tokens"], state["masks_found"] = tokens, _identity(found)
    index = token_strip(tokens, key=STRIP, facts=TOKEN_FACTS, controls=True, **legends(OF_STEP, shade, line))
    index = min(index or 0, len(tokens) - 1)
    state["masks_step"] = index
    to_address("step", str(index))
    return index


def select_step(index: int) -> None:
    """From a callback: the step that everything shows from now on."""
    tokens = st.session_state.get("masks_tokens", ())
    if 0 <= index < len(tokens):
        select_token(tokens, index, key=STRIP)


def _start(found: Explained) -> int:
    """Where to look first: where one was, where the link says, or at the first free choice."""
    state = st.session_state
    if state.get("masks_found") == _identity(found):
        return state.get("masks_step", 0)
    free = next((i for i, s in enumerate(found.steps) if not s.forced), 0)
    return free if "masks_found" in state else given("step", free, range(len(found.steps)))


def look_at(ids: tuple[int, ...], index: int) -> None:
    """Which token of a text is looked at when it is next shown. For callbacks."""
    st.session_state["masks_found"], st.session_state["masks_step"] = ids, index


def _identity(found: Explained) -> tuple[int, ...]:
    return tuple(s.id for s in found.steps)


def _tokens(found: Explained, shade: str, line: str) -> tuple[StripToken, ...]:
    return tuple(
        strip_token(step, found.end, found.vocabulary, shade, line, (str(step.state), step.part or "–"))
        for step in found.steps
    )


def _text(step: Any, found: Explained) -> str:
    return step.text or name_of(step.id, step.text, found.end)


def _timeline_clicked() -> None:
    step = timeline.picked_step(TIMELINE)
    if step is not None:
        select_step(step)


def _automaton(found: Explained, constraint: Constraint, index: int) -> None:
    """Where the answer stands in the automaton, or why there is none to be seen."""
    heading("The automaton")
    automaton = getattr(constraint, "automaton", None)
    if automaton is None:
        st.info(
            f"The engine {constraint.engine} holds this schema, because no automaton can or it would be too large: "
            "it parses while it reads, and has no states that could be drawn. Candidates and vocabulary are exact.",
            icon=":material/account_tree:",
        )
        return
    with st.spinner("Drawing the automaton …", show_time=True):
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
        state.pop("masks_picked", None)  # a number of another automaton's
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
    heading("The token and its rivals")
    part = f" · {step.part}" if step.part else ""
    st.text(f"Token {index:,} of {len(found.steps):,} · id {step.id}{part}")
    st.code(name_of(step.id, step.text, found.end), language=None, wrap_lines=True, height=60)
    st.markdown(_verdict(step, found))
    shown = st.container()
    linked("masks_count", candidates.SHOWN, range(5, 21))
    count = st.slider("Candidates", 5, 20, key="masks_count", persist_state="session")
    rows = candidates.of_step(step, found.end, count)
    with shown:
        candidates.candidates(rows, step.removed, key="masks_candidates")


def _verdict(step: Any, found: Explained) -> str:
    allowed = f"**{step.allowed:,}** of {found.vocabulary:,} tokens are allowed."
    if not step.forced:
        return f"**Free choice.** {allowed}"
    if step.allowed == 1:
        return f"**Forced.** {allowed}"
    return f"**Forced**: the schema leaves only one text here; the allowed tokens are beginnings of it. {allowed}"


def _vocabulary(found: Explained, constraint: Constraint, load: Callable[[], Any], index: int) -> None:
    """Every token of the vocabulary, as a grid or as a table, unless it is folded away."""
    linked(VOCABULARY, True)
    place = st.expander("Every token of the vocabulary", key=VOCABULARY, icon=":material/grid_on:", on_change="rerun")
    if place.open:
        with place, errors_shown():
            _every_token(found, constraint, load, index)


def _every_token(found: Explained, constraint: Constraint, load: Callable[[], Any], index: int) -> None:
    step = found.steps[index]
    title, choice = st.columns([1.6, 1], vertical_alignment="bottom")
    with title:
        heading(f"The vocabulary before token {index}")
    linked("masks_vocabulary", "Grid", ("Grid", "Table"))
    shown = choice.segmented_control(
        "Vocabulary as",
        ["Grid", "Table"],
        required=True,
        key="masks_vocabulary",
        label_visibility="collapsed",
        persist_state="session",
    )
    if shown == "Table":
        vocabulary_table(constraint, step.state, partial(_likely, step, load), key="masks_table")
        return
    said = given("pin", -1, range(len(constraint.tokens)))
    token = pinned_token(constraint.tokens, key=GRID, first=said)
    to_address("pin", "" if token is None else str(token))
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
