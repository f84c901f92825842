"""A model writes twice from one seed on the Masks page: with the mask, and without."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import asking
from ui.asking import Asked, Work
from ui.masks import mask_engine
from ui.masks.mask_engine import Chance, Made
from ui.masks.mask_model import Source
from ui.masks.mask_source import put
from ui.page_tools import linked
from ui.text import heading, percent, plain, show_error
from ui.titles import MASKED

ASKED = "masks_asked"
LABELS = tuple(MASKED.values())
TEMPERATURES = [i / 10 for i in range(21)]
TALL, LONG = 260, 450  # a long text scrolls


def look(source: Source) -> Work | None:
    """The settings, and both texts once they are made; either can be walked. Returns what there is to be done once
    the page is drawn, if anything."""
    chance = _settings()
    asked = asking.current(ASKED, (source, chance), LABELS)
    missing = asked.missing(LABELS) if asked else []
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Generate both",
            key="masks_generate",
            type="primary",
            icon=":material/play_arrow:",
            disabled=bool(missing),
            on_click=asking.press,
            args=(ASKED,),
        )
        asking.stop_button(ASKED, "masks_stop", bool(missing))
        st.caption("The same prompt, the same seed: once only what the schema allows, once whatever comes.")
    if asked is None:
        st.info(
            "Press Generate both: with the same settings the same two texts come again.", icon=":material/arrow_upward:"
        )
        return None
    places = {}
    for column, label in zip(st.columns(2, gap="large"), LABELS, strict=True):
        with column:
            heading(label)
            places[label] = _show(label, asked, chance)
    if not missing:
        return None
    label = missing[0]
    write = lambda show: mask_engine.write(source, chance, label == MASKED[True], show)
    return asking.work(asked, label, places[label].text, write)


def seeds() -> dict[str, int]:
    """The seed in use: what it draws."""
    state = st.session_state
    draws = state.get("masks_way") == "generate" and "masks_seed" in state and state.get("masks_temperature")
    return {"both texts": state["masks_seed"]} if draws else {}


def _settings() -> Chance:
    first, second, third = st.columns(3)
    linked("masks_temperature", 0.7, TEMPERATURES)
    linked("masks_seed", 0, range(2**31))
    linked("masks_limit", 80, range(1, 1001))
    temperature = first.slider(
        "Temperature",
        0.0,
        2.0,
        step=0.1,
        key="masks_temperature",
        persist_state="session",
        help="0: always the likeliest token",
    )
    seed = second.number_input(
        "Seed",
        0,
        2**31 - 1,
        step=1,
        key="masks_seed",
        persist_state="session",
        disabled=not temperature,
        help="Nothing is drawn at temperature 0" if not temperature else "The same seed draws the same tokens",
    )
    limit = third.number_input("At most so many tokens", 1, 1000, step=10, key="masks_limit", persist_state="session")
    return Chance(round(temperature, 3), int(seed), int(limit))


def _show(label: str, asked: Asked, chance: Chance) -> DeltaGenerator:
    """One text, or as much of it as there is; returns where it grows."""
    made: Made | None = asked.found.get(label)
    text = made.text if made else asked.partial.get(label, "")
    with st.container(horizontal=True):
        _badge(made, label in asked.wrong, asked.stopped)
    st.caption(_figures(made, chance) if made else "–")
    with st.container(height=TALL if len(text) > LONG else "content", border=False):
        place = st.empty()
        if label in asked.wrong:
            show_error(asked.wrong[label])
        elif made or asked.stopped:
            with place:
                plain(text or "(empty)")
        else:
            place.text(text)
    if made and made.why_not:
        st.caption("Why it is not valid:")
        plain(made.why_not)
    key = "masks_walk_constrained" if label == MASKED[True] else "masks_walk_raw"
    st.button(
        "Walk it token by token",
        key=key,
        icon=":material/footprint:",
        on_click=put,
        args=(text,),
        disabled=not text or not (made or asked.stopped),
    )
    return place


def _badge(made: Made | None, failed: bool, stopped: bool) -> None:
    if made is None:
        word = "failed" if failed else "stopped" if stopped else "writing"
        st.badge(word, icon=":material/more_horiz:", color="red" if failed else "gray")
    elif not made.why_not:
        st.badge("valid", icon=":material/check:", color="green")
    elif made.other_spelling:
        st.badge("right type, another spelling", icon=":material/change_history:", color="orange")
    else:
        st.badge("not valid", icon=":material/close:", color="red")


def _figures(made: Made, chance: Chance) -> str:
    calls = f"{made.model_calls} model call{'s' * (made.model_calls != 1)}"
    forced = f", {percent(made.forced / made.tokens)} of them forced" if made.forced else ""
    cut = f" · stopped at {chance.max_tokens} tokens" if made.tokens >= chance.max_tokens else ""
    return f"{made.seconds:.2f} s · {made.tokens} tokens{forced} · {calls}{cut}"
