"""Three ways to a text on the Masks page: walk one that is there, let a model write it, or drive token by token."""

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import StillroomError
from ui.masks import mask_drive, mask_generate, mask_steps
from ui.masks.mask_engine import samples
from ui.masks.mask_model import Source
from ui.masks.mask_source import Explained, explained, put
from ui.masks.schema_form import Chosen
from ui.page_tools import linked, linked_text, say_unlinked, to_address
from ui.text import plain, show_error

WAYS = {
    "walk": ("Walk a text", ":material/footprint:"),
    "generate": ("Let the model write", ":material/play_arrow:"),
    "drive": ("Drive it yourself", ":material/sports_esports:"),
}


def look(source: Source, chosen: Chosen) -> tuple[Explained | None, Callable[[], None] | None]:
    """The text that is looked at, explained; None where there is none, which is said. And what there is to be done
    once the page is drawn, if anything."""
    linked("masks_way", "walk", WAYS)
    left, right = st.columns([5, 1], vertical_alignment="center")
    way = left.segmented_control(
        "Way to a text",
        list(WAYS),
        key="masks_way",
        required=True,
        label_visibility="collapsed",
        persist_state="session",
        format_func=lambda name: f"{WAYS[name][1]} {WAYS[name][0]}",
    )
    fits = _fill_text(source, chosen)
    if way == "drive":
        return mask_drive.look(source)
    to_address("tokens", "")
    if way == "generate":
        to_address("text", "")
        return None, mask_generate.look(source)
    return _walk(source, chosen, fits, right), None


def _fill_text(source: Source, chosen: Chosen) -> bool:
    """Fills the field of the text: again for another input of a task, else only if nothing was typed there. False if
    it is too long for the link."""
    state, wanted = st.session_state, source.wanted
    default = chosen.text if wanted.kind == "task" else chosen.text or _sample(source)
    subject = (wanted.kind, wanted.task, wanted.text if wanted.kind == "task" else "")
    if state.get("masks_of", subject) != subject:
        state["masks_text"] = state["masks_text_default"] = default
    state["masks_of"] = subject
    return linked_text("masks_text", default)


def _sample(source: Source) -> str:
    """A text of a schema that was written here: neither the shortest nor the longest sample."""
    try:
        found = samples(source.wanted, 0).accepted
    except StillroomError:
        return ""
    return found[len(found) // 2] if found else ""


def _walk(source: Source, chosen: Chosen, fits: bool, corner: DeltaGenerator) -> Explained | None:
    text = st.text_area(
        "Text to walk: type or paste any other, whole or only its beginning",
        key="masks_text",
        height=68,
        persist_state="session",
        label_visibility="collapsed",
        placeholder="Text to walk: type or paste one, whole or only its beginning",
    )
    if chosen.text:
        label = "Gold" if source.wanted.kind == "task" else "Sample"
        corner.button(
            label,
            key="masks_gold",
            icon=":material/verified:",
            on_click=put,
            args=(chosen.text,),
            width="stretch",
            help="Puts it in the field below, to be walked",
        )
    say_unlinked(fits, "text")
    if not text and not chosen.text:
        st.info("There is no text to look at yet: type one, or let the model write.", icon=":material/arrow_upward:")
        return None
    return show_explained(source, text)


def show_explained(source: Source, text: str) -> Explained | None:
    """The explanation, after a word on where the text leaves the schema if it does."""
    try:
        found = explained(source, text)
    except StillroomError as error:
        show_error(str(error))
        return None
    if found.left:
        where = "It is shown up to there" if found.steps else "There is nothing before that to be shown"
        st.warning(f"The text leaves the schema. {where}.", icon=":material/call_split:")
        plain(found.left)
    elif not found.steps:
        st.info("Not one token to look at: type a text, or let the model write.", icon=":material/arrow_upward:")
    ids, before = tuple(step.id for step in found.steps), st.session_state.get("masks_found")
    if found.left and ids != before and (before is not None or "step" not in st.query_params):  # a link's step counts
        mask_steps.look_at(ids, len(ids) - 1)
    return found if found.steps else None
