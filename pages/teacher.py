"""Teacher: what a large model makes of the task, by prompt alone, with and without the mask."""

import streamlit as st

from ui import asking, data_form, engine, page_tools, shell, uploads
from ui.teacher import prompt_form, prompt_store, teacher_input, teacher_job, teacher_score, teacher_try, teacher_versus
from ui.text import errors_shown

shell.guard()

page_tools.header(
    "teacher",
    "Teacher",
    "Tell a teacher what to do, and see what the mask changes. What works here is what a student learns from.",
)

task, name = prompt_form.choose()
loading = st.container()
path = data_form.follow(task)
data = None
with errors_shown():
    data = uploads.load(task, path)
if data is None:
    st.page_link("pages/datasets.py", label="Choose other data", icon=":material/table_view:")
    asking.forget_presses()
    st.stop()

left, right = st.columns(2, gap="large")
with left:
    st.subheader("Prompt")
    tools = st.container(horizontal=True, vertical_alignment="center")
    prompt = prompt_form.edit(task, data.train)
with right:
    st.subheader("Input")
    example = teacher_input.choose(task, data.dev)
    length = st.container()


def fill_tools(busy: bool) -> None:
    """Opening one of them draws the page anew: not while an answer is being written."""
    with tools:
        prompt_form.samples(task, disabled=busy)
        prompt_store.draw(task, prompt, disabled=busy)
        if prompt:
            prompt_store.hand_over(task, prompt)


teacher = name, engine.stamp(name)  # a folder that has changed is another teacher
with loading:
    lm = prompt_form.load(name)
if lm is None or prompt is None:
    fill_tools(busy=False)
    asking.forget_presses()
    st.stop()

with length:
    prompt_form.exact(lm, task, prompt, example.input)
todo = [teacher_try.section(lm, task, example, prompt, (teacher, task.name, path, prompt, example))]

st.subheader("On many examples")
graded = [example for example in data.dev if example.answer]
if graded:
    examples = teacher_job.examples(graded)
    one, two = st.tabs(["Score this prompt", "Two prompts against each other"])
    with one:
        todo.append(teacher_score.section(lm, teacher, task, examples, prompt))
    with two:
        todo.append(teacher_versus.section(lm, teacher, task, examples, prompt))
else:
    st.info("This data has no dev examples with a gold answer to score on.", icon=":material/info:")

fill_tools(busy=any(todo))
shell.show_seeds(teacher_job.seeds())
asking.do(todo)
