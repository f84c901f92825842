"""Which prompt a new run's teacher reads: the Teacher page's, a saved one, a file's, or the task's own; and which one
a run has recorded."""

import pandas as pd
import streamlit as st

from core.distill.config import RunConfig
from core.errors import StillroomError
from core.tasks import TASKS, saved_prompts
from core.tasks.prompt import Prompt
from ui.distill import run_form
from ui.text import literal, plain, show_error

MODE = "distill_prompt_mode"
PAGE, FILE, TASK = "from the Teacher page", "from the file", "the task's own instructions"
WRONG = "distill_prompt_wrong"  # why a saved prompt could not be read


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
    with st.expander(f"Prompt: {literal(mode) if data['prompt'] else TASK}", icon=":material/notes:"):
        if data["prompt"]:
            _given(data["prompt"])
        else:
            _own(TASKS[data["task"]].instructions, offered)
        _saved(data["task"])


def _saved(task: str) -> None:
    names = saved_prompts.names(TASKS[task])
    if names:
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        name = left.selectbox("Saved prompts", names, key="distill_prompt_saved")
        right.button("Use it", key="distill_prompt_use_saved", width="stretch", on_click=_use_saved, args=(task, name))
    if wrong := st.session_state.pop(WRONG, ""):
        show_error(wrong)


def _use_saved(task: str, name: str) -> None:
    try:
        prompt = saved_prompts.read(TASKS[task], name)
    except StillroomError as error:
        st.session_state[WRONG] = str(error)
        return
    use(f"saved as {name}")
    run_form.values()["prompt"] = prompt.model_dump(mode="json")


def recorded(config: RunConfig) -> None:
    """The prompt that a run's teacher reads, as its configuration keeps it."""
    prompt = config.teacher_prompt()
    whose = "" if config.prompt else f": {TASK}"
    with st.expander(f"The teacher's prompt{whose}", icon=":material/notes:"):
        plain(prompt.instructions)
        _rest(len(prompt.shots), prompt.with_schema)
        if prompt.shots:
            shots = {"Input": [s.input for s in prompt.shots], "Answer": [s.answer for s in prompt.shots]}
            st.dataframe(pd.DataFrame(shots), hide_index=True)


def _rest(shots: int, with_schema: bool) -> None:
    schema = "" if with_schema else "not "
    st.caption(f"{shots} worked example{'s' * (shots != 1)}; the schema is {schema}in the prompt.")


def _given(prompt: dict) -> None:
    plain(prompt["instructions"])
    _rest(len(prompt["shots"]), prompt["with_schema"])
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
