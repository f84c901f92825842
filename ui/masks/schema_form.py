"""Choosing a schema: a task's, a small preset, or one that is written here. Nothing typed is executed."""

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from core.constrain.locate import path_in, place_of
from core.errors import DataError, SchemaError
from core.tasks import TASKS, Example, Task
from ui import data_form, uploads
from ui.masks.schema_presets import PRESETS
from ui.page_tools import linked, linked_text, say_unlinked
from ui.text import plain, show_error

OWN = "own"
KINDS = {
    "task": "A task",
    "preset": "A preset",
    "pydantic": "Pydantic",
    "json": "JSON Schema",
    "regex": "Regex",
}
LABELS = {
    "pydantic": "Pydantic classes; the last one is the answer. They are read, never run.",
    "json": "JSON Schema",
    "regex": "Regular expression that the whole answer matches",
}
FIRST = {"pydantic": "order", "json": "event", "regex": "date"}
TALL = 200


@dataclass(frozen=True)
class Wanted:
    """A schema as it was asked for. `text` is what was written; of a task, the input: its own words are the schema
    if `conditioned`."""

    kind: Literal["task", "pydantic", "json", "regex"]
    text: str
    task: str = ""
    conditioned: bool = False


@dataclass(frozen=True)
class Chosen:
    """A schema, a text that belongs to it ("" if there is none), and what a model is asked unless told otherwise."""

    wanted: Wanted
    text: str = ""
    question: str = ""


def is_written() -> bool:
    """Whether the schema is written on the page, by the link or by what was chosen before."""
    return linked("masks_kind", "task", KINDS) in LABELS


def title(wanted: Wanted) -> str:
    """What a schema is called."""
    if wanted.kind == "task":
        return f"{_title(wanted.task)}, {'its own' if wanted.conditioned else 'any'} words"
    return next((p.title for p in PRESETS.values() if p.source == wanted.text), f"A schema of yours ({wanted.kind})")


def choose_kind() -> str:
    first = linked("masks_kind", "task", KINDS)
    chosen = st.segmented_control(
        "Schema from",
        list(KINDS),
        key="masks_kind",
        required=True,
        persist_state="session",
        format_func=KINDS.__getitem__,
    )
    return chosen or first


def choose(kind: str) -> Chosen:
    if kind == "task":
        return _of_task()
    return _of_preset() if kind == "preset" else _written(kind)


def _of_task() -> Chosen:
    left, middle, right = st.columns([1.2, 1.4, 2.6])
    with left:
        linked("masks_task", next(iter(TASKS)), TASKS)
        name = st.selectbox("Task", list(TASKS), key="masks_task", persist_state="session", format_func=_title)
    with middle:
        conditioned = _choose_words()
    with right:
        text, gold = _choose_input(TASKS[name])
    return Chosen(Wanted("task", text, name, conditioned), gold)


def _title(name: str) -> str:
    return TASKS[name].title


def _choose_words() -> bool:
    names = {"own": "Its own words", "general": "Any words"}
    linked("masks_words", "own", names)
    chosen = st.segmented_control(
        "The answer speaks of",
        list(names),
        required=True,
        format_func=names.__getitem__,
        key="masks_words",
        persist_state="session",
        help="Its own words: the input's text is given, only the choices are free. Any words: any answer of the type.",
    )
    return chosen != "general"


def _choose_input(task: Task) -> tuple[str, str]:
    examples = _examples(task)
    inputs = [OWN, *(str(i) for i in range(len(examples)))]
    if st.session_state.get("masks_of_task", task.name) != task.name:
        st.session_state["masks_example"] = "0"
    st.session_state["masks_of_task"] = task.name
    linked("masks_example", "0" if examples else OWN, inputs)
    chosen = st.selectbox(
        f"{task.input_label} (held-out examples, or your own)",
        inputs,
        key="masks_example",
        persist_state="session",
        format_func=lambda i: "Your own text …" if i == OWN else f"{int(i) + 1}  {examples[int(i)].input}",
    )
    if chosen != OWN:
        return examples[int(chosen)].input, examples[int(chosen)].answer
    fits = linked_text("masks_input", task.shots[0].input)
    own = st.text_input("Your own text", key="masks_input", persist_state="session")
    say_unlinked(fits, "input")
    return own, ""


def _examples(task: Task) -> tuple[Example, ...]:
    """Held-out ones of the data that was chosen on Datasets, or of the bundled if that cannot be read."""
    try:
        return uploads.load(task, data_form.follow(task)).dev
    except DataError:
        return uploads.load(task, None).dev


def _of_preset() -> Chosen:
    linked("masks_preset", next(iter(PRESETS)), PRESETS)
    left, right = st.columns([1, 2])
    with left:
        name = st.selectbox(
            "Preset",
            list(PRESETS),
            key="masks_preset",
            persist_state="session",
            format_func=lambda name: PRESETS[name].title,
        )
        preset = PRESETS[name]
        st.button("Edit a copy", key="masks_edit", icon=":material/edit:", on_click=_edit, args=(name,))
    with right.container(height=TALL if preset.source.count("\n") > 8 else "content", border=False):
        plain(preset.source.rstrip("\n"))
    return Chosen(Wanted(preset.kind, preset.source), preset.text, preset.question)


def _edit(name: str) -> None:
    preset = PRESETS[name]
    st.session_state["masks_kind"] = preset.kind
    st.session_state[f"masks_{preset.kind}"] = preset.source


def _written(kind: str) -> Chosen:
    key, first = f"masks_{kind}", PRESETS[FIRST[kind]]
    fits = linked_text(key, first.source)
    height = 90 if kind == "regex" else TALL
    source = st.text_area(LABELS[kind], key=key, height=height, persist_state="session")
    say_unlinked(fits, "schema")
    wanted = Wanted(kind, source)  # type: ignore[arg-type]
    if source == first.source:
        return Chosen(wanted, first.text, first.question)
    question = f"Write a text of this form: {source[:200]}" if kind == "regex" else "Write an example of it as JSON."
    return Chosen(wanted, "", question)


def show_refused(wanted: Wanted, error: SchemaError) -> None:
    """The reason, and the line that it is about with a caret under the place."""
    show_error(str(error))
    if wanted.kind == "task":
        return
    line, column = error.line, error.column
    if not line and wanted.kind == "json" and (path := path_in(str(error))):
        line, column = place_of(wanted.text, path)
    if line:
        st.code(marked(wanted.text, line, column), language=None)


def marked(text: str, line: int, column: int) -> str:
    """A line of a text with its number, and a caret under a column; a long line is cut around it."""
    lines = text.split("\n")
    found = lines[line - 1] if line <= len(lines) else ""
    shift = max(0, column - 60)
    number = f"{line} | "
    shown = "".join(c if c.isprintable() else " " for c in found[shift : shift + 100])
    return f"{number}{shown}\n{' ' * (len(number) + max(0, column - 1 - shift))}^"
