"""A model of the user's own, by name. It is loaded on demand only: it may be a long download, or be sent a key."""

from typing import Any

import streamlit as st

from core.errors import StillroomError
from core.models import api
from ui import engine
from ui.page_tools import linked
from ui.text import literal, show_error

ANOTHER = "another model …"  # among the names that are offered


def ask(page: str, *, addresses: bool) -> str:
    """The field of its name, which the page's link follows; `addresses` says whether one behind an API may be named."""
    key = f"{page}_other"
    linked(key, "")
    example, meaning, caution = "", "", "Nothing is loaded before you say so."
    if addresses:
        example, caution = " or https://host/v1#model", "Nothing is loaded or sent before you say so."
        meaning = (
            f", or the address of an OpenAI-compatible API, whose key is read from {api.KEYS[0]} in the environment"
        )
    return st.text_input(
        "Model",
        key=key,
        persist_state="session",
        placeholder=f"/models/qwen or Qwen/Qwen2.5-0.5B-Instruct{example}",
        help=f"A folder of safetensors, a .gguf file, a model's name on the hub{meaning}. {caution}",
    ).strip()


def load(page: str, name: str) -> Any | None:
    """The model, or None if it is not there yet. One that failed is not tried again by itself."""
    if not name:
        st.info("Name a model above: a folder, a .gguf file, or one on the hub.", icon=":material/arrow_upward:")
        return None
    tried: dict[str, str] = st.session_state.setdefault(f"{page}_tried", {})  # name -> what was wrong, "" if nothing
    label = f"Send prompts and key to {literal(name)}" if api.is_address(name) else f"Load {literal(name)}"
    if tried.get(name) == "" or st.button(label, key=f"{page}_load", type="primary"):
        try:
            found = engine.teacher(name)
        except StillroomError as error:
            tried[name] = str(error)
        else:
            tried[name] = ""
            return found
    if tried.get(name):
        show_error(tried[name])
    return None
