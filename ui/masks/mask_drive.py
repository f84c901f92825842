"""Driving on the Masks page: each next token is chosen by hand, and a refused one is answered by why not."""

from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import StillroomError
from ui import engine
from ui.components.candidates import name_of, why
from ui.masks import mask_engine, mask_steps
from ui.masks.mask_model import Source
from ui.masks.mask_source import Explained
from ui.page_tools import say_unlinked, to_address
from ui.text import errors_shown, heading, literal, percent, plain, show_error, whole

DRIVE = "masks_drive"
PROBLEM = "masks_drive_problem"  # what became of the last move, and why
REFUSED_MOVE = "Refused. Nothing was added, and nothing is lost."
CUT_SHORT = "The model could not go on. What it had written stays."
FINISHING = "masks_finishing"  # there while the model goes on by itself
ALLOWED, REFUSED = 8, 4
FINISH = 200  # tokens
ROW = 4


def look(source: Source) -> tuple[Explained | None, Callable[[], None] | None]:
    """The choices, then what was driven so far, explained; None while that is nothing. And what there is to be done
    once the page is drawn, if anything."""
    to_address("text", "")
    try:
        drive = _drive(source)
    except StillroomError as error:
        show_error(str(error))
        return None, None
    vocabulary, end = len(drive.lm.tokens), drive.lm.eos
    with engine.in_use():  # a model that was stopped a moment ago is still adding what it had written
        place = _show_text(drive)
    if drive.complete:
        st.success("The answer is complete. Undo to go back, or reset.", icon=":material/flag:")
    else:
        with errors_shown():  # a dead end: what leads out of it stands below
            _choices(drive, vocabulary, end)
    _typed(drive)
    _moves(drive)
    if problem := st.session_state.get(PROBLEM):
        st.error(problem[0], icon=":material/block:")
        plain(problem[1])
    finishing = FINISHING in st.session_state and not drive.complete
    if finishing:
        _look_at_the_last(drive)
    todo = (lambda: _finish(drive, place)) if finishing else None
    say_unlinked(to_address("tokens", ",".join(map(str, drive.ids))), "list of tokens")
    if not drive.steps:
        st.info("Choose the first token above: the steps appear here.", icon=":material/arrow_upward:")
        return None, todo
    return Explained(tuple(drive.steps), vocabulary, end), todo


def _drive(source: Source) -> Any:
    """This session's drive of the source; a new one begins with the tokens of the link. Raises StillroomError."""
    kept = st.session_state.get(DRIVE)
    if kept and kept[0] == source:
        return kept[1]
    drive = mask_engine.drive(source)
    _forget()
    linked = [i for i in map(whole, st.query_params.get("tokens", "").split(",")) if i is not None]
    if kept is None and linked and max(linked) < len(drive.lm.tokens):
        try:
            with engine.in_use():
                drive.add(linked)
        except StillroomError as error:
            st.session_state[PROBLEM] = (REFUSED_MOVE, f"The link's tokens: {error}")
    st.session_state[DRIVE] = (source, drive)
    return drive


def _show_text(drive: Any) -> DeltaGenerator:
    """Returns where the text stands, which grows there."""
    st.caption(f"Written so far: {len(drive.steps)} token{'s' * (len(drive.steps) != 1)}")
    place = st.empty()
    with place:
        plain(drive.text or "∅")
    return place


def _choices(drive: Any, vocabulary: int, end: int) -> None:
    """The likeliest tokens that are allowed, and the likeliest that are not. Raises StillroomError."""
    with engine.in_use():
        at, step = len(drive.steps), drive.look(2 * (ALLOWED + REFUSED))
    allowed = sorted((c for c in step.candidates if c.allowed), key=lambda c: -c.after)[:ALLOWED]
    refused = sorted((c for c in step.candidates if not c.allowed), key=lambda c: -c.before)[:REFUSED]
    heading(f"Allowed next: {step.allowed:,} of {vocabulary:,} tokens")
    st.caption(f"Mass removed by the mask: {percent(step.removed)}")
    for i, one in enumerate(allowed):
        if i % ROW == 0:
            columns = st.columns(ROW)
        label = f":material/check: **{literal(name_of(one.id, one.text, end))}** · {percent(one.after)}"
        help = f"{percent(one.before)} before the mask"
        _button(columns[i % ROW], label, f"masks_take_{at}_{i}", help, drive, at, one.id)
    if refused:
        heading("Refused, however likely: press one to be told why")
    columns = st.columns(ROW)
    for i, one in enumerate(refused):
        label = f":material/close: ~~{literal(name_of(one.id, one.text, end))}~~ · {percent(one.before)}"
        _button(columns[i], label, f"masks_refused_{at}_{i}", literal(why(one, end)), drive, at, one.id)


def _button(column: Any, label: str, key: str, help: str, drive: Any, at: int, token: int) -> None:
    """A token that may come at this place of the answer; its key names the place, for a button is its key alone, and
    the second click of two would choose a token that was not yet to be seen."""
    column.button(label, key=key, help=help, width="stretch", on_click=_do, args=(lambda: take(drive, at, token),))


def take(drive: Any, at: int, token: int) -> None:
    """Nothing once the answer is at another place. Raises StillroomError."""
    if len(drive.steps) == at:
        drive.add([token])


def _typed(drive: Any) -> None:
    with st.form("masks_typed", border=False):
        left, right = st.columns([5, 1], vertical_alignment="bottom")
        left.text_input(
            "Or type any text",
            key="masks_own_token",
            disabled=drive.complete,
            help="Read as the model's own tokens. All of it is added, or nothing if one token is refused.",
        )
        right.form_submit_button(
            "Add",
            key="masks_add",
            icon=":material/add:",
            width="stretch",
            disabled=drive.complete,
            on_click=lambda: _do(lambda: _add_typed(drive)),
        )


def _add_typed(drive: Any) -> None:
    text = st.session_state["masks_own_token"]
    drive.add(drive.lm.encode(text))
    st.session_state["masks_own_token"] = ""


def _moves(drive: Any) -> None:
    nothing, finishing = not drive.steps, FINISHING in st.session_state and not drive.complete
    with st.container(horizontal=True):
        st.button("Undo", key="masks_undo", icon=":material/undo:", disabled=nothing, on_click=_do, args=(drive.undo,))
        st.button(
            "Start again",
            key="masks_again",
            icon=":material/first_page:",
            disabled=nothing,
            on_click=_do,
            args=(lambda: drive.undo(len(drive.steps)),),
        )
        st.button(
            "Let the model finish",
            key="masks_finish",
            icon=":material/fast_forward:",
            disabled=drive.complete or finishing,
            on_click=_begin_to_finish,
            help=f"Always the likeliest allowed token, {FINISH} of them at most",
        )
        st.button("Stop", key="masks_finish_stop", icon=":material/stop:", disabled=not finishing, on_click=_forget)


def _begin_to_finish() -> None:
    _forget()
    st.session_state[FINISHING] = True


def _finish(drive: Any, place: DeltaGenerator) -> None:
    """The model goes on while its text grows on the screen, then the page is drawn anew. What it had written when
    something else was pressed stays, and it goes on from there unless that was Stop or a move."""
    problem = ""
    try:
        with engine.in_use():
            drive.finish(FINISH, lambda text: place.code(text, language=None, wrap_lines=True))
    except StillroomError as error:
        problem = str(error)
    _look_at_the_last(drive)
    _forget()
    if problem:
        st.session_state[PROBLEM] = (CUT_SHORT, problem)
    st.rerun()


def _do(work: Callable[[], None]) -> None:
    """A move; a refusal is kept to be shown, and the last token becomes the one that is looked at."""
    _forget()
    try:
        with engine.in_use():
            work()
    except StillroomError as error:
        st.session_state[PROBLEM] = (REFUSED_MOVE, str(error))
        return
    _look_at_the_last(st.session_state[DRIVE][1])


def _forget() -> None:
    """The problem of the move before, and that the model was to finish."""
    for key in (PROBLEM, FINISHING):
        st.session_state.pop(key, None)


def _look_at_the_last(drive: Any) -> None:
    mask_steps.look_at(tuple(step.id for step in drive.steps), max(0, len(drive.steps) - 1))
