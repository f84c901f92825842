"""A model writes twice from one seed on the Masks page: under the schema, and freely."""

import streamlit as st

from core.errors import StillroomError
from ui import mask_engine
from ui.mask_engine import Chance, Made
from ui.mask_model import Source
from ui.mask_source import put
from ui.page_tools import linked
from ui.text import percent, plain, show_error

UNDER, FREE = "Under the schema", "Freely"
MADE = "masks_made"
TEMPERATURES = [i / 10 for i in range(21)]
TALL, LONG = 260, 450  # a long text scrolls


def look(source: Source) -> None:
    """The settings, and both texts once they are made; either can be walked."""
    chance = _settings()
    asked = (source, chance)
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Generate both", key="masks_generate", type="primary", icon=":material/play_arrow:")
        st.caption("The same prompt, the same seed: once only what the schema allows, once whatever comes.")
    if pressed:
        st.session_state[MADE] = (asked, {})
    made: tuple = st.session_state.get(MADE, (None, {}))
    if made[0] != asked:
        st.info(
            "Press Generate both: with the same settings the same two texts come again.", icon=":material/arrow_upward:"
        )
        return
    for column, label in zip(st.columns(2, gap="large"), (UNDER, FREE), strict=True):
        with column:
            st.markdown(f"**{label}**")
            if found := _written(source, chance, label, made[1]):
                _show(label, found, chance)


def _settings() -> Chance:
    first, second, third = st.columns(3)
    linked("masks_temperature", 0.7, TEMPERATURES)
    linked("masks_seed", 0, range(2**31))
    linked("masks_limit", 80, range(1, 1001))
    temperature = first.slider(
        "Temperature", 0.0, 2.0, step=0.1, key="masks_temperature", persist_state="session",
        help="0: always the likeliest token",
    )  # fmt: skip
    seed = second.number_input(
        "Seed", 0, 2**31 - 1, step=1, key="masks_seed", persist_state="session", disabled=not temperature,
        help="Nothing is drawn at temperature 0" if not temperature else "The same seed draws the same tokens",
    )  # fmt: skip
    limit = third.number_input("At most so many tokens", 1, 1000, step=10, key="masks_limit", persist_state="session")
    return Chance(round(temperature, 3), int(seed), int(limit))


def _written(source: Source, chance: Chance, label: str, made: dict[str, Made]) -> Made | None:
    """Each text is made when it is first shown, and kept."""
    if label not in made:
        growing = st.empty()
        try:
            with st.spinner("The model is writing …"):
                made[label] = mask_engine.write(source, chance, label == UNDER, growing.text)
        except StillroomError as error:
            show_error(str(error))
            return None
        finally:
            growing.empty()
    return made[label]


def _show(label: str, made: Made, chance: Chance) -> None:
    with st.container(horizontal=True):
        if not made.why_not:
            st.badge("valid", icon=":material/check:", color="green")
        elif made.other_spelling:
            st.badge("right type, another spelling", icon=":material/change_history:", color="orange")
        else:
            st.badge("not valid", icon=":material/close:", color="red")
    calls = f"{made.model_calls} model call{'s' * (made.model_calls != 1)}"
    forced = f", {percent(made.forced / made.tokens)} of them forced" if made.forced else ""
    cut = f" · stopped at {chance.max_tokens} tokens" if made.tokens >= chance.max_tokens else ""
    st.caption(f"{made.seconds:.2f} s · {made.tokens} tokens{forced} · {calls}{cut}")
    with st.container(height=TALL if len(made.text) > LONG else "content", border=False):
        plain(made.text or "(empty)")
    if made.why_not:
        st.caption("Why it is not valid:")
        plain(made.why_not)
    key = "masks_walk_constrained" if label == UNDER else "masks_walk_raw"
    st.button(
        "Walk it token by token", key=key, icon=":material/footprint:", on_click=put, args=(made.text,),
        disabled=not made.text,
    )  # fmt: skip
