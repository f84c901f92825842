"""Further views of the Masks page's schema: sample texts, the engines side by side, a whole corpus."""

from typing import Any

import pandas as pd
import streamlit as st

from core.errors import StillroomError
from ui.masks import mask_corpus, mask_engine
from ui.masks.mask_model import Source
from ui.masks.mask_source import ENGINE_NAMES, Explained, put
from ui.page_tools import given, linked
from ui.text import errors_shown, heading, show_error

VIEWS = {"samples": "Sample texts", "engines": "Engines side by side", "corpus": "A whole corpus"}
FURTHER, COMPARED = "masks_further", "masks_compared"
AROUND = 10  # characters on each side of where a text dies


def draw(source: Source, found: Explained | None) -> None:
    """Folded away until it is asked for, or a link names a view; nothing is worked out before."""
    linked(FURTHER, given("view", "") in VIEWS)
    label = "Look further: sample texts, engines side by side, a whole corpus"
    place = st.expander(label, key=FURTHER, icon=":material/travel_explore:", on_change="rerun")
    if place.open:
        with place:
            _view(source, found)


def seeds() -> dict[str, int]:
    """The seed in use: what it draws."""
    state = st.session_state
    is_shown = state.get(FURTHER) and state.get("masks_view") == "samples" and "masks_samples" in state
    return {"the sample texts": state["masks_samples"]} if is_shown else {}


def _view(source: Source, found: Explained | None) -> None:
    linked("masks_view", "samples", VIEWS)
    view = st.segmented_control(
        "View",
        list(VIEWS),
        key="masks_view",
        required=True,
        persist_state="session",
        format_func=VIEWS.__getitem__,
        label_visibility="collapsed",
    )
    if view == "engines":
        _engines(source, found)
    elif view == "corpus":
        mask_corpus.draw(source)
    else:
        _samples(source)


def _samples(source: Source) -> None:
    linked("masks_samples", 0, range(10_000))
    place, seed_place = st.columns([5, 1], vertical_alignment="bottom")
    seed = seed_place.number_input(
        "Seed", 0, 9999, key="masks_samples", persist_state="session", help="Another seed makes other texts"
    )
    place.caption("Made from the schema alone, without a model. Select a line to walk it token by token.")
    try:
        made = mask_engine.samples(source.wanted, int(seed))
    except StillroomError as error:
        show_error(str(error))
        return
    left, right = st.columns([2, 3], gap="large")
    with left:
        heading("Accepted, the shortest first")
        if made.accepted:
            frame = pd.DataFrame({"Bytes": [len(t.encode()) for t in made.accepted], "Text": made.accepted})
            _table(frame, "masks_accepted", made.accepted)
        else:
            st.info("No text was found by chance: try another seed.", icon=":material/casino:")
    with right:
        heading("Refused: accepted ones with one thing changed")
        if made.refused:
            frame = pd.DataFrame([_refused(one) for one in made.refused])
            _table(frame, "masks_refused", tuple(one.text for one in made.refused))
        else:
            st.info("Nothing to show: every change of a sample is accepted too, or there is no sample.")


def _refused(one: Any) -> dict[str, Any]:
    raw = one.text.encode()
    before, after = raw[: one.dies_at].decode("utf-8", "replace"), raw[one.dies_at :].decode("utf-8", "replace")
    around = (
        f"{'…' if len(before) > AROUND else ''}{before[-AROUND:]}▸{after[:AROUND]}{'…' if len(after) > AROUND else ''}"
    )
    return {"Dies at ▸": around, "Byte": one.dies_at, "Expected": one.expected, "Changed": one.change, "Text": one.text}


def _table(frame: pd.DataFrame, key: str, texts: tuple[str, ...]) -> None:
    """A selected line becomes the text that is walked."""

    def walk() -> None:
        if rows := st.session_state[key]["selection"]["rows"]:
            put(texts[rows[0]])

    st.dataframe(frame, key=key, hide_index=True, on_select=walk, selection_mode="single-row", width="stretch")


def _engines(source: Source, found: Explained | None) -> None:
    """Measured when asked for, on the text above."""
    if found is None:
        st.info(
            "The engines are compared along a text: walk one, or drive to one, above.", icon=":material/arrow_upward:"
        )
        return
    ids = tuple(step.id for step in found.steps)
    asked = (source, ids)
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Measure", key="masks_measure", type="primary", icon=":material/timer:")
        st.caption(f"Four engines on this schema and the {len(ids)} tokens above. The slow ones take seconds.")
    if pressed:
        with errors_shown(), st.spinner("Measuring one engine after the other …"):
            st.session_state[COMPARED] = (asked, mask_engine.compare(source, ids))
    kept: tuple = st.session_state.get(COMPARED, (None, []))
    if kept[0] != asked:
        return
    with st.container(key="masks_engines"):
        st.dataframe(pd.DataFrame([_row(one) for one in kept[1]]), hide_index=True, width="stretch", placeholder="–")
    reference = ENGINE_NAMES[mask_engine.choice_of(source.model, source.wanted).constraint.engine]
    st.caption(
        f"The reference is {reference}, which is exact: every mask of the text is compared with its mask, token by "
        "token, and missing and too many are counted over all of them. The first mask counts from the schema on, with "
        "the library loaded. A mask that only leaves tokens out is a subset: what it writes is valid, but some "
        "spellings are out of reach."
    )
    if differences := [_difference(one, d) for one in kept[1] for d in one.differences]:
        heading("Tokens that differ, the first few of each engine")
        st.dataframe(pd.DataFrame(differences), hide_index=True, width="stretch", key="masks_differences")


def _row(one: Any) -> dict[str, Any]:
    """Refusals and engines that were not run are lines of the table too."""
    return {
        "Engine": ENGINE_NAMES[one.engine],
        "Masks": _verdict(one),
        "First, ms": None if one.not_run else round(one.first_ms, 2),
        "µs a mask": None if one.not_run else round(one.mask_us, 2),
        "Compared": None if one.not_run else one.steps,
        "Missing": None if one.not_run else one.missing,
        "Too many": None if one.not_run else one.extra,
    }


def _verdict(one: Any) -> str:
    if one.not_run:
        return f"– {one.not_run}"
    if one.stopped is not None:
        return f"✗ refuses the text at token {one.stopped}"
    if one.agrees:
        return "✓ the same in every bit"
    steps = f"at {one.differing} of {one.steps} steps"
    return f"✗ allows what the schema refuses, {steps}" if one.extra else f"⊂ a subset {steps}"


def _difference(one: Any, difference: Any) -> dict[str, Any]:
    return {
        "Engine": ENGINE_NAMES[one.engine],
        "Step": difference.step,
        "Token": repr(difference.text),
        "Id": difference.token,
        "What": "allows it, the schema does not" if difference.extra else "leaves it out",
        "Why": difference.why,
    }
