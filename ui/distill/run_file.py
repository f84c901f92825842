"""A new run as a YAML file: shown, downloaded, and read into the form."""

import streamlit as st

from core.distill import config as run_config
from core.distill.config import RunConfig
from core.errors import ConfigError
from core.tasks import TASKS
from ui import uploads
from ui.distill import run_form, run_prompt
from ui.text import show_error


def draw(config: RunConfig) -> None:
    """The run as a file, and the command that takes it."""
    text = run_config.to_yaml(config)
    with st.expander("As YAML", expanded=True):
        st.code(text, language="yaml", height=240)
        _download(config, text)


def _download(config: RunConfig, text: str) -> None:
    st.download_button(
        "Download",
        text,
        f"{config.name}.yaml",
        "application/yaml",
        key="distill_download",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption("The same from a shell, with the screen off:")
    st.code(f".venv/bin/python -m core distill {config.name}.yaml", language="bash", wrap_lines=True)


def upload() -> None:
    file = st.file_uploader(
        "Read a run's YAML into the form",
        type=["yaml", "yml"],
        key="_distill_yaml",  # outlives a reset, as the browser's file does: the next click would bring it as a new one
        on_change=_take_file,
        max_upload_size=1,
    )
    if file is None:
        st.session_state["distill_yaml_error"] = None
    elif message := st.session_state.get("distill_yaml_error"):
        show_error(message)


def _take_file() -> None:
    st.session_state["distill_yaml_error"] = None
    if (file := st.session_state["_distill_yaml"]) is not None:
        st.session_state["distill_yaml_error"] = take_yaml(file.getvalue())


def take_yaml(content: bytes) -> str | None:
    """Puts a run's YAML into the form; returns what is wrong with it instead, if anything."""
    try:
        config = run_config.read_yaml(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return f"the file is not UTF-8 (byte {error.start}): save it as UTF-8."
    except ConfigError as error:
        return str(error)
    run_form.fill(config)
    st.session_state["distill_preset"] = st.session_state[run_form.FILLED] = None
    st.session_state[run_form.DATA_SEEN] = uploads.chosen(TASKS[config.task])
    run_prompt.use(run_prompt.FILE if config.prompt else run_prompt.TASK)
    return None
