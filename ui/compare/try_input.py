"""The Compare page's own input: every model shown answers it, with the mask and without; one is pinned, and what
differs from it is marked."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from core.errors import DataError, StillroomError
from core.tasks import Task
from ui import answers, engine
from ui.compare import compare_models
from ui.compare.comparison import Entry
from ui.page_tools import linked, linked_text, rerun, say_unlinked
from ui.text import heading, literal, plain, show_error
from ui.titles import MASKED

STATE = "compare_trial"
GOLD = "gold"
RAW_HEIGHT = 220  # pixels; longer text scrolls


@dataclass
class Trial:
    """An input put to the models: `found` and `errors` by the model's id and whether it answered with the mask.
    `error` is about the input itself."""

    text: str
    running: bool = True
    found: dict[tuple[str, bool], engine.Answer] = field(default_factory=dict)
    errors: dict[tuple[str, bool], str] = field(default_factory=dict)
    error: str = ""


def section(task: Task, shown: Sequence[Entry], example: answers.Shared | None) -> None:
    text = _ask_for_text(task, example)
    gold = next((e.gold for e in (example,) if e and e.input == text), "") or _gold_of_shot(task, text)
    left, middle, right = st.columns([1.4, 1, 1.2], vertical_alignment="bottom")
    pinned = _choose_pin(left, shown, bool(gold))
    linked("compare_free", False)
    free = middle.toggle(f"{MASKED[False]} too", key="compare_free", persist_state="session")
    kept: Trial | None = st.session_state.get(STATE)
    trial = kept if kept and kept.text == text else None
    wanted = [(entry, masked) for masked in ((True, False) if free else (True,)) for entry in shown]
    open_ones = [(e, m) for e, m in wanted if not trial or (e.id, m) not in trial.found.keys() | trial.errors.keys()]
    running = bool(trial and trial.running and open_ones and not trial.error)
    with right.container(horizontal=True):
        st.button(
            "Ask every model", key="compare_try", type="primary", icon=":material/play_arrow:",
            disabled=running, on_click=_go, args=(_key(task),),
        )  # fmt: skip
        st.button("Stop", key="compare_try_stop", icon=":material/stop:", disabled=not running, on_click=_stop)
    if trial is None:
        st.caption("Press Ask: the models chosen above answer one after the other.")
        return
    place, growing = st.empty(), st.empty()
    if running:
        _check(task, trial)
    while True:
        with place.container():
            _show(task, shown, trial, free, pinned, gold)
        if not running or not open_ones or trial.error:
            break
        _ask(*open_ones.pop(0), trial, growing)
    growing.empty()
    if running:
        trial.running = False
        rerun()


def _ask_for_text(task: Task, example: answers.Shared | None) -> str:
    key = _key(task)
    samples = list(dict.fromkeys([*([example.input] if example else ()), *(shot.input for shot in task.shots)]))
    left, right = st.columns([3, 1.2], vertical_alignment="bottom")
    with right:
        st.selectbox(
            "Samples", range(len(samples)), index=None, placeholder="Take one of these", key="compare_try_sample",
            format_func=lambda i: samples[i], on_change=_take, args=(samples, key),
        )  # fmt: skip
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


def _choose_pin(place: st.delta_generator.DeltaGenerator, shown: Sequence[Entry], has_gold: bool) -> str:
    """The model, or gold, against which differences are marked (?pin=)."""
    names = {entry.id: entry.label for entry in shown} | ({GOLD: "Gold"} if has_gold else {})
    key = f"compare_pin {' '.join(names)}"
    linked(key, next(iter(names)), names)
    return place.selectbox(
        "Pinned: differences are marked against",
        list(names),
        format_func=lambda name: names[name],
        key=key,
        persist_state="session",
    )


def _go(key: str) -> None:
    """Asks anew what failed, and whoever has not been asked; a new text, as the field has it now, asks all."""
    text = st.session_state[key]
    before: Trial | None = st.session_state.get(STATE)
    if before and before.text == text and not before.error:
        before.errors, before.running = {}, True
    else:
        st.session_state[STATE] = Trial(text)


def _stop() -> None:
    st.session_state[STATE].running = False


def _check(task: Task, trial: Trial) -> None:
    """Finds what no model could answer."""
    try:
        if not trial.text.strip():
            raise DataError(f"the {task.input_label.lower()} is empty: type at least one word.")
        task.template(trial.text)
    except StillroomError as error:
        trial.error = str(error)


def _ask(entry: Entry, masked: bool, trial: Trial, growing: st.delta_generator.DeltaGenerator) -> None:
    """Asks one model; its text is shown as it grows."""
    head = f"{entry.label}, {MASKED[masked].lower()}:"

    def show(text: str) -> None:
        growing.text(f"{head} {text}")

    show("…")
    try:
        config = entry.run.config()
        trial.found[entry.id, masked] = engine.answer(
            compare_models.load(entry), entry.run.task, trial.text, compare_models.prompt(config, entry.role),
            constrained=masked, conditioned=config.conditioned, max_new_tokens=None if masked else engine.FREE_TOKENS,
            show=show,
        )  # fmt: skip
    except StillroomError as error:
        trial.errors[entry.id, masked] = str(error)


def _show(task: Task, shown: Sequence[Entry], trial: Trial, free: bool, pinned: str, gold: str) -> None:
    if trial.error:
        show_error(trial.error)
        return
    plain(trial.text)
    for masked, title in MASKED.items():
        mine = {e.label: found for e in shown if (found := trial.found.get((e.id, masked)))}
        failed = {e.label: error for e in shown if (error := trial.errors.get((e.id, masked)))}
        if not (mine or failed) or not (masked or free):
            continue
        heading(title)
        _times(mine)
        for label, error in failed.items():
            show_error(f"{label}: {error}")
        pin = trial.found.get((pinned, True))
        reference = gold if pinned == GOLD else pin.text if pin else None
        _answers(task, {label: found.text for label, found in mine.items()}, reference, _name(pinned, shown))


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
