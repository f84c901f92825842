"""Teacher: what a large model makes of the task, by prompt alone, with and without the schema."""

import streamlit as st

from ui import prompt_form, shell, teacher_score, teacher_try, uploads
from ui.text import errors_shown

shell.guard()

st.title("Teacher")
st.caption("Tell a teacher what to do, and see what the schema changes. What works here is what a student learns from.")

task, name = prompt_form.choose()
loading = st.container()
path = uploads.chosen(task)
data = None
with errors_shown():
    data = uploads.load(task, path)
if data is None:
    st.page_link("pages/datasets.py", label="Choose other data", icon=":material/table_view:")
    st.stop()

left, right = st.columns(2, gap="large")
with left:
    st.subheader("Prompt")
    prompt = prompt_form.edit(task)
    exact = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Reset", key="teacher_restore", icon=":material/restart_alt:", on_click=prompt_form.fill_in)
        if prompt:
            prompt_form.hand_over(task, prompt)
with right:
    st.subheader("Input")
    example = prompt_form.choose_input(task, data.dev)
    run = st.container()

with loading:
    lm = prompt_form.load(name)
if lm is None or prompt is None:
    st.stop()

asked = (name, task.name, path, prompt)
with run:
    teacher_try.button((*asked, example), ready=bool(example.input))
if example.input:
    with exact:
        prompt_form.exact(lm, task, prompt, example.input)
    teacher_try.show(lm, task, example, prompt, (*asked, example))

st.subheader(
    "Score", help="Accuracy on examples of dev, each answered under the schema: 1 to 3 seconds apiece on a CPU."
)
teacher_score.section(lm, task, data.dev, prompt, asked)
