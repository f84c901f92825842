"""The worked examples of a prompt: chosen from the training data, put in order, taken out."""

from collections.abc import Sequence

import streamlit as st

from core.tasks import Example, Task
from core.tasks.prompt import Shot, as_shot
from ui.components.component import signature
from ui.components.focus import focus, wish
from ui.data_form import search
from ui.text import whole

CHOSEN = "teacher_shots"  # the shots of the prompt, in order
OFFERED = 50  # examples at a time
SHOWN = 90  # characters of an input
FOCUS = "teacher_shot_focus"
FIND = "teacher_shot_find"


def edit(task: Task, train: Sequence[Example]) -> None:
    """The shots with what can be done to each, and a search for another one."""
    shots: tuple[Shot, ...] = st.session_state.get(CHOSEN, ())
    with st.expander(
        f"Worked examples ({len(shots)})", expanded=bool(shots), icon=":material/list:", key="teacher_shots_box"
    ):
        for i in range(len(shots)):
            _row(shots, i)
        next_one = _add(offered(task, train, shots, st.session_state.get(FIND) or ""))
        focus(FOCUS, otherwise=next_one)


def _row(shots: tuple[Shot, ...], i: int) -> None:
    """A button is its key alone: it names the example, not its place, or the second click of two would act on the
    example that took the place, here and in `_add`. `nth` tells an example from its equals."""
    shot, nth = shots[i], shots[:i].count(shots[i])
    text, up, down, out = st.columns([8, 1, 1, 1], vertical_alignment="center", gap="small")
    text.text(_short(f"{i + 1}  {shot.input}"))
    for column, icon, name, by, off in (
        (up, ":material/arrow_upward:", "earlier", -1, i == 0),
        (down, ":material/arrow_downward:", "later", 1, i + 1 == len(shots)),
    ):
        column.button(
            "",
            icon=icon,
            key=_key(name, shot, nth),
            help=f"Example {i + 1} one place {name}",
            type="tertiary",
            on_click=_move,
            args=(shot, nth, by),
            disabled=off,
        )
    out.button(
        "",
        icon=":material/close:",
        key=_key("out", shot, nth),
        help=f"Take example {i + 1} out",
        type="tertiary",
        on_click=_out,
        args=(shot, nth),
    )


def _key(act: str, shot: Shot, nth: int) -> str:
    return f"teacher_shot_{act}_{_name(shot)}_{nth}"


def _name(shot: Shot) -> str:
    return signature(shot.model_dump())


def _add(found: dict[str, Shot]) -> str:
    """Returns the key of what one more is added with."""
    find, choice, go = st.columns([4, 6, 1.2], vertical_alignment="bottom", gap="small")
    find.text_input(
        "Find in train",
        key=FIND,
        placeholder="words, number",
        persist_state="session",
        help="The number of a training example, or a part of its text. Nothing: the task's own, then the first ones.",
    )
    label = choice.selectbox(
        "Example to add", list(found), key="teacher_shot_choice", placeholder="none found", disabled=not found
    )
    shot = found.get(label or "")
    key = f"teacher_shot_add_{_name(shot) if shot else 'nothing'}"
    go.button(
        "",
        icon=":material/add:",
        key=key,
        width="stretch",
        disabled=shot is None,
        on_click=_append,
        args=(shot,),
        help="Adds it to the worked examples",
    )
    return key if shot else FIND


def offered(task: Task, train: Sequence[Example], chosen: Sequence[Shot], wanted: str) -> dict[str, Shot]:
    """What can be added, by its label: training examples by number or part of their text; without either, those that
    the task brings along first. What is chosen already is left out."""
    wanted = wanted.strip()
    found = [] if wanted else [(f"by hand {i}", e) for i, e in enumerate(task.shots, 1)]
    if (number := whole(wanted)) and number <= len(train):
        found += [(str(number), train[number - 1])]
    found += [(str(i), e) for i, e in search(train, wanted) if i != number]
    found = [(name, e) for name, e in found if e.answer]
    free = [(f"{name}  {e.input}", as_shot(e)) for name, e in found[: OFFERED + len(chosen)]]
    return dict([(_short(label), shot) for label, shot in free if shot not in chosen][:OFFERED])


def _short(text: str) -> str:
    text = " ".join(text.split(" "))
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _append(shot: Shot | None) -> None:
    """What is chosen already is not offered: a second click came before the button was gone."""
    chosen = st.session_state.get(CHOSEN, ())
    if shot and shot not in chosen:
        st.session_state[CHOSEN] = (*chosen, shot)
    wish(FOCUS)


def _move(shot: Shot, nth: int, by: int) -> None:
    shots = list(st.session_state[CHOSEN])
    for i in _place(shot, nth):
        target = max(0, i + by)
        shots.insert(target, shots.pop(i))
        at_end = target + 1 >= len(shots)
        goes_up = at_end or (by < 0 and target > 0)  # at an end the other button alone can be used
        wish(FOCUS, _key("earlier" if goes_up else "later", shot, shots[:target].count(shot)))
    st.session_state[CHOSEN] = tuple(shots)


def _out(shot: Shot, nth: int) -> None:
    shots = list(st.session_state[CHOSEN])
    for i in _place(shot, nth):
        del shots[i]
        wish(FOCUS, _key("out", shots[i], shots[:i].count(shots[i])) if i < len(shots) else "")
    st.session_state[CHOSEN] = tuple(shots)


def _place(shot: Shot, nth: int) -> list[int]:
    """Where the example is; nowhere once it is out."""
    return [i for i, one in enumerate(st.session_state[CHOSEN]) if one == shot][nth : nth + 1]
