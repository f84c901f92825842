"""What a run will be like, on request: sizes, memory, the first batch as the model sees it, the teacher's prompt."""

from typing import Any

import streamlit as st

from core.distill import config as run_config
from core.distill.config import RunConfig
from core.errors import MisfitError, StillroomError
from ui import engine, uploads
from ui.components.token_strip import StripToken, token_strip
from ui.distill import run_form
from ui.text import heading, plain, show_error, size

KEPT = "distill_preview_kept"  # (YAML, Preview or error)


def draw(config: RunConfig) -> None:
    """The button, and what it found for as long as the configuration stays the same."""
    text = run_config.to_yaml(config)
    hint = "Builds the student, reads the data and the first batch: what it takes and what the model sees."
    if st.button("Check and preview", icon=":material/preview:", key="distill_preview", help=hint, width="stretch"):
        st.session_state[KEPT] = (text, _look(text, config.data))
    about, found = st.session_state.get(KEPT, ("", None))
    if found is None:
        return
    if about != text:
        st.info("The configuration has changed since: check again.", icon=":material/refresh:")
    elif isinstance(found, StillroomError):
        show_error(str(found))
        if isinstance(found, MisfitError):
            st.button(
                "Leave them out",
                icon=":material/filter_alt:",
                key="distill_preview_leave_out",
                on_click=run_form.change,
                args=("drop_misfits", True),
                help=f"Sets “{RunConfig.model_fields['drop_misfits'].title}” in Basics: check again then.",
            )
    else:
        _sizes(found, config)
        _ungraded(found)
        _memory(found)
        _first_batch(found)
        with st.expander("The teacher's prompt for the first example, exactly"):
            plain(found.teacher_prompt)


def _look(text: str, data: str | None) -> Any:
    try:
        return engine.preview(text, uploads.stamp(data))
    except StillroomError as error:
        return error


def _sizes(found: Any, config: RunConfig) -> None:
    rows = {
        "Parameters": f"{found.parameters:,}",
        "of them trained": f"{found.trainable:,}",
        "Vocabulary": f"{found.vocabulary:,} tokens",
        "Adapter on disk" if config.student.is_adapter else "Student on disk": size(found.megabytes),
        "Training examples": f"{found.examples:,}",
    }
    if found.left_out:
        rows["Left out: they do not fit"] = f"{found.left_out:,}"
    st.table(rows, border="horizontal")


def _ungraded(found: Any) -> None:
    if not found.ungraded:
        return
    where = ", ".join(f"{n:,} of {split}" for split, n in found.ungraded.items())
    scored = " The report will say how well the student agrees with its teacher." * ("test" in found.ungraded)
    st.info(
        f"The data has no gold answer to some inputs ({where}): the teacher writes them when the run starts. Below, "
        f"the shortest answers that the schema allows stand for them.{scored}",
        icon=":material/edit_note:",
    )


def _memory(found: Any) -> None:
    where, free = engine.memory_available()
    needed = found.measured.megabytes if found.measured else found.training_megabytes
    how = "measured on the longest examples" if found.measured else "by formula"
    text = f"Training takes about {size(needed)} ({how}), the teacher not counted; {size(free)} are free {where}."
    if needed > free:
        st.error(
            f"This will not fit. {text} Lower the batch size, the student or the context.", icon=":material/memory:"
        )
    elif needed > 0.7 * free:
        st.warning(f"This will be tight. {text}", icon=":material/memory:")
    else:
        st.success(text, icon=":material/memory:")
    if found.measured:
        st.caption(
            f"A formula had said {size(found.training_megabytes)}. {found.steps:,} steps, of which the longest take "
            f"{found.measured.seconds:.2g} s each, without the teacher."
        )


def _first_batch(found: Any) -> None:
    heading("The first batch as the model sees it")
    number = 0
    if len(found.first_batch) > 1:
        number = st.segmented_control(
            "Example",
            range(len(found.first_batch)),
            format_func=lambda i: str(i + 1),
            default=0,
            required=True,
            key="distill_preview_example",
            label_visibility="collapsed",
        )
    tokens = found.first_batch[number]
    free, answer = sum(token.counts for token in tokens), sum(token.part == "answer" for token in tokens)
    st.caption(f"{len(tokens)} tokens, {answer} of them the answer, {free} of those free: the model's own choice.")
    token_strip([_strip(token) for token in tokens], key="distill_strip", selectable=False)


def _strip(token: Any) -> StripToken:
    if token.part == "prompt":
        return StripToken(token.text, 0.0, "prompt", "read, not learned")
    if token.counts:
        return StripToken(token.text, 0.6, "free", "free: learned")
    return StripToken(token.text, 0.0, "forced", "forced by the schema: under a hard constraint nothing to learn")
