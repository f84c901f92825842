"""Which prompt a new run's teacher reads: the Teacher page's, a file's, or the task's own."""

import streamlit as st

from core.tasks import TASKS
from core.tasks.prompt import Prompt
from ui import run_form
from ui.text import plain

MODE = "distill_prompt_mode"
PAGE, FILE, TASK = "from the Teacher page", "from the file", "the task's own instructions"


def use(mode: str) -> None:
    """Chooses where the prompt comes from; a file's is in the form already."""
    st.session_state[MODE] = mode
    if mode != FILE:
        run_form.values()["prompt"] = None


def draw() -> None:
    """The prompt as it stands, with a way to change it."""
    data = run_form.values()
    mode, offered = st.session_state[MODE], _offered(data["task"])
    if mode == PAGE:
        data["prompt"] = offered.model_dump(mode="json") if offered else None
    with st.expander(f"Prompt: {mode if data['prompt'] else TASK}", icon=":material/notes:"):
        if data["prompt"]:
            _given(data["prompt"])
        else:
            _own(TASKS[data["task"]].instructions, offered)


def _given(prompt: dict) -> None:
    plain(prompt["instructions"])
    shots = len(prompt["shots"])
    schema = "" if prompt["with_schema"] else "not "
    st.caption(f"{shots} worked example{'s' * (shots != 1)}; the schema is {schema}in the prompt.")
    hint = "use the task's own instructions instead"
    st.button("Drop it", icon=":material/close:", key="distill_prompt_drop", on_click=use, args=(TASK,), help=hint)


def _own(instructions: str, offered: Prompt | None) -> None:
    plain(instructions)
    st.caption("No worked examples, no schema.")
    if offered:
        label = "Use the Teacher page's"
        st.button(label, icon=":material/school:", key="distill_prompt_use", on_click=use, args=(PAGE,))
    else:
        st.page_link("pages/teacher.py", label="Write another one on the Teacher page", icon=":material/school:")


def _offered(task: str) -> Prompt | None:
    """The prompt that was handed over on the Teacher page for this task."""
    return st.session_state.get("prompt", {}).get(task)
