"""What the Masks page looks at: a model, a schema, and the explanation of a text under both."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.errors import SchemaError, StillroomError
from ui.masks import mask_engine, mask_model, schema_form
from ui.masks.mask_model import Source
from ui.masks.schema_form import Chosen
from ui.own_model import ANOTHER
from ui.page_tools import given, linked, linked_text, say_unlinked
from ui.text import literal, show_error

SETUP = "masks_setup"
ENGINE_NAMES = {"dfa": "our automaton", "llguidance": "llguidance", "xgrammar": "xgrammar", "outlines": "outlines"}


@dataclass(frozen=True)
class Explained:
    """One `core.constrain.explain.Step` a token, out of a vocabulary of so many; `end` is its last id. `left` says
    why the text was not followed further, if it leaves the schema."""

    steps: tuple[Any, ...]
    vocabulary: int
    end: int
    left: str = ""


@st.cache_data(max_entries=64, show_spinner="One forward pass …")
def explained(source: Source, text: str) -> Explained:
    """As far as the text keeps to the schema; no step where no answer begins like it. Raises StillroomError."""
    steps, left = mask_engine.read(source, text)
    lm = source.model.load()
    return Explained(tuple(steps), len(lm.tokens), lm.eos, left)


def constraint(source: Source) -> Any:
    """The `core.constrain.engines.constraint.Constraint` that is shown. Raises StillroomError."""
    return mask_engine.choice_of(source.model, source.wanted).constraint


def choose() -> tuple[Source, Chosen] | None:
    """The model and the schema; None where one of them cannot be used, which is said."""
    linked(SETUP, schema_form.is_written() or given("model", "") == ANOTHER)
    with st.expander(
        "Schema and model: choose, or write your own", key=SETUP, icon=":material/tune:", on_change="rerun"
    ):
        left, right = st.columns([1.5, 1])
        with left:
            kind = schema_form.choose_kind()
        place = right.container()
        chosen = schema_form.choose(kind)
        with place:
            model = mask_model.choose(chosen.wanted.task)
        question = "" if chosen.wanted.kind == "task" or model is None or model.run else _ask(chosen.question)
    if model is None:
        return None
    source = Source(model, chosen.wanted, question)
    return (source, chosen) if _say_engine(source) else None


def _say_engine(source: Source) -> bool:
    """One line: which engine holds the schema and why; or why none does."""
    try:
        choice = mask_engine.choice_of(source.model, source.wanted)
    except SchemaError as error:
        schema_form.show_refused(source.wanted, error)
        return False
    except StillroomError as error:
        show_error(str(error))
        return False
    name, states = ENGINE_NAMES[choice.constraint.engine], mask_engine.states(choice.constraint)
    size = f", {states:,} state{'s' * (states != 1)}: " if states else ", because "
    words = f"**{literal(schema_form.title(source.wanted))}**, read by {literal(source.model.title)}"
    st.caption(f"{words}. Held by **{name}**{size}{literal(choice.reason.removesuffix('.'))}.")
    return True


def _ask(default: str) -> str:
    fits = linked_text("masks_question", default)
    question = st.text_area(
        "What the model is asked",
        key="masks_question",
        height=68,
        persist_state="session",
        help="It stands alone in the model's chat template; the schema is not told, only enforced.",
    )
    say_unlinked(fits, "question")
    return question


def put(text: str) -> None:
    """Walks this text from the next rerun on. For callbacks."""
    st.session_state["masks_text"], st.session_state["masks_way"] = text, "walk"
