"""The Compare page's own input: every model shown answers it, with the mask and without; one is pinned, and what
differs from it is marked."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.errors import StillroomError
from core.tasks import Task
from ui import answers, asking, engine
from ui.asking import Asked, Work
from ui.compare import compare_models
from ui.compare.comparison import Entry
from ui.compare.shared_examples import Shared
from ui.page_tools import linked, linked_text, say_unlinked
from ui.text import heading, literal, plain, show_error
from ui.titles import MASKED

STATE = "compare_trial"
GOLD = "gold"
RAW_HEIGHT = 220  # pixels; longer text scrolls


def section(task: Task, shown: Sequence[Entry], example: Shared | None) -> Work | None:
    """Returns what there is to be done once the page is drawn, if anything."""
    text = _ask_for_text(task, example)
    gold = next((e.gold for e in (example,) if e and e.input == text), "") or _gold_of_shot(task, text)
    row = st.container(horizontal=True, vertical_alignment="bottom")  # the menu alone gives way
    with row:
        pinned = _choose_pin(shown, bool(gold))
        linked("compare_free", False)
        free = st.toggle(f"{MASKED[False]} too", key="compare_free", persist_state="session")
    able, left_out = compare_models.able(shown)
    wanted = {_label(e, masked): e for masked in ((True, False) if free else (True,)) for e in able}
    asked = asking.current(STATE, (task.name, text), wanted)
    wrong = _why_not(task, text) if asked else ""
    missing = asked.missing(wanted) if asked and not wrong else []
    with row:
        st.button(
            "Ask every model",
            key="compare_try",
            type="primary",
            icon=":material/play_arrow:",
            disabled=bool(missing) or not able,
            on_click=asking.press,
            args=(STATE,),
        )
        asking.stop_button(STATE, "compare_try_stop", bool(missing))
    if left_out:
        st.caption(f"Not asked. {left_out}")
    if asked is None:
        if able:
            st.caption("Press Ask: the models chosen above answer one after the other.")
        return None
    if wrong:
        show_error(wrong)
        return None
    plain(text)
    _show(task, shown, asked, free, pinned, gold)
    if not missing:
        asked.stopped = True  # whoever is chosen later waits for a press
        return None
    entry, masked, growing = wanted[missing[0]], missing[0][-1], st.empty()
    head = f"{entry.label}, {MASKED[masked].lower()}:"
    write = lambda text: growing.text(f"{head} {text}")
    return asking.work(asked, missing[0], write, lambda show: _ask(entry, masked, text, show))


def _label(entry: Entry, masked: bool) -> tuple[str, int, bool]:
    """A run that takes another's name has a report of its own."""
    return entry.id, entry.run.stamp, masked


def _ask_for_text(task: Task, example: Shared | None) -> str:
    key = _key(task)
    samples = list(dict.fromkeys([*([example.input] if example else ()), *(shot.input for shot in task.shots)]))
    left, right = st.columns([3, 1.2], vertical_alignment="bottom")
    with right:
        st.selectbox(
            "Samples",
            range(len(samples)),
            index=None,
            placeholder="Take one of these",
            key="compare_try_sample",
            format_func=lambda i: samples[i],
            on_change=_take,
            args=(samples, key),
        )
    with left:
        fits = linked_text(key, task.shots[0].input)
        text = st.text_input(task.input_label, key=key, max_chars=4000, persist_state="session") or ""
    say_unlinked(fits, "text")
    return text


def _key(task: Task) -> str:
    return f"compare_text {task.name}"


def _take(samples: Sequence[str], key: str) -> None:
    """Fills the field with a sample, and lets the menu say "take one" again."""
    chosen = st.session_state["compare_try_sample"]
    if chosen is not None and chosen < len(samples):
        st.session_state[key] = samples[chosen]
    st.session_state["compare_try_sample"] = None


def _gold_of_shot(task: Task, text: str) -> str:
    return next((shot.answer for shot in task.shots if shot.input == text), "")


def _choose_pin(shown: Sequence[Entry], has_gold: bool) -> str:
    """The model, or gold, against which differences are marked (?pin=)."""
    names = {entry.id: entry.label for entry in shown} | ({GOLD: "Gold"} if has_gold else {})
    key = f"compare_pin {' '.join(names)}"
    linked(key, next(iter(names)), names)
    return st.selectbox(
        "Pinned: differences are marked against",
        list(names),
        format_func=lambda name: names[name],
        key=key,
        persist_state="session",
    )


def _why_not(task: Task, text: str) -> str:
    """Why no model could answer this; empty if one could."""
    if not text.strip():
        return f"the {task.input_label.lower()} is empty: type at least one word."
    try:
        task.template(text)
    except StillroomError as error:
        return str(error)
    return ""


def _ask(entry: Entry, masked: bool, text: str, show: Callable[[str], None]) -> engine.Answer:
    """Raises StillroomError."""
    config = entry.run.config()
    return engine.answer(
        compare_models.load(entry),
        entry.run.task,
        text,
        compare_models.prompt(config, entry.role),
        constrained=masked,
        conditioned=config.conditioned,
        max_new_tokens=None if masked else engine.FREE_TOKENS,
        show=show,
    )


def _show(task: Task, shown: Sequence[Entry], asked: Asked, free: bool, pinned: str, gold: str) -> None:
    found: dict[Any, engine.Answer] = asked.found
    reference = gold if pinned == GOLD else None
    for entry in shown:
        if entry.id == pinned and (pin := found.get(_label(entry, True))):
            reference = pin.text
    for masked, title in MASKED.items():
        labels = {entry.label: _label(entry, masked) for entry in shown if masked or free}
        mine = {name: found[label] for name, label in labels.items() if label in found}
        failed = {name: asked.wrong[label] for name, label in labels.items() if label in asked.wrong}
        if not (mine or failed):
            continue
        heading(title)
        _times(mine)
        for name, error in failed.items():
            show_error(f"{name}: {error}")
        _answers(task, {name: answer.text for name, answer in mine.items()}, reference, _name(pinned, shown))


def _name(pinned: str, shown: Sequence[Entry]) -> str:
    return next((e.label for e in shown if e.id == pinned), "gold")


def _times(found: dict[str, engine.Answer]) -> None:
    for column, (label, answer) in zip(st.columns(max(len(found), 1)), found.items(), strict=False):
        column.metric(literal(label), f"{1000 * answer.seconds:,.0f} ms", border=True)
        valid = "valid" if answer.valid else f"{answers.WRONG} {answers.NOT_VALID}"
        column.caption(f"{valid} · {answer.model_calls} model calls for {len(answer.ids)} tokens")


def _answers(task: Task, outputs: dict[str, str], reference: str | None, name: str) -> None:
    """Valid answers part by part, the others as they are."""
    marked = answers.parts(task, reference) if reference is not None else None
    valid = {label: text for label, text in outputs.items() if answers.parts(task, text) is not None}
    if valid:
        start = marked or answers.parts(task, next(iter(valid.values()))) or ()
        sign = answers.DIFFERENT
        title = "Gold" if name == "gold" and marked else None
        answers.answers_table(task, start, valid, title, sign)
        against = name if marked else next(iter(valid))
        st.caption(f"{sign} differs from {literal(against)}" + (", with the mask." if marked else "."))
    odd = {label: text for label, text in outputs.items() if label not in valid}
    for column, (label, text) in zip(st.columns(max(len(odd), 1)), odd.items(), strict=False):
        with column, st.container(height=RAW_HEIGHT, border=False):
            answers.raw({label: text})
