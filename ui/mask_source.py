"""What the Masks page looks at: a model, a task, an input and an answer; and the explanation of it."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.errors import StillroomError
from core.runs import folder as run_folders
from core.tasks import TASKS, Task
from core.tasks.prompt import Prompt, default_prompt
from ui import engine
from ui.text import show_error

OWN = "own"


@dataclass(frozen=True)
class Model:
    """A model whose probabilities can be shown: a teacher, or the student of `run`."""

    name: str
    run: str | None = None
    stamp: float = 0.0

    def load(self) -> Any:
        return engine.teacher(self.name) if self.run is None else engine.student(self.run, "student", self.stamp)

    def prompt(self, task: Task) -> Prompt | None:
        """A teacher's prompt: its adapter's own words if it was tuned for this task. A student has none, unless it was
        taught to read its teacher's."""
        if self.run is not None:
            config = run_folders.open_run(self.run).config()
            return config.teacher_prompt() if config.student.prompted else None
        from core.models import teachers

        prompt, card = default_prompt(task), teachers.card(self.name)
        if card and card.task == task.name:
            return prompt.model_copy(update={"instructions": card.instructions})
        return prompt


@dataclass(frozen=True)
class Source:
    """All that an explanation depends on, but the answer."""

    model: Model
    task: str
    text: str
    conditioned: bool


@dataclass(frozen=True)
class Explained:
    """One `core.constrain.explain.Step` a token, out of a vocabulary of so many; `end` is its last id."""

    steps: tuple[Any, ...]
    vocabulary: int
    end: int


@st.cache_data(max_entries=64, show_spinner="One forward pass …")
def explained(source: Source, answer: str) -> Explained:
    """Raises SchemaError, naming the byte, where the answer leaves the schema."""
    task, lm = TASKS[source.task], source.model.load()
    steps = engine.explain(lm, task, source.text, source.model.prompt(task), answer, source.conditioned)
    return Explained(tuple(steps), len(lm.tokens), lm.eos)


@st.cache_resource(max_entries=16, show_spinner=False)
def constraint(source: Source) -> Any:
    """The `Constraint` that the answer is held to. Raises SchemaError."""
    return engine.constraint(source.model.load(), TASKS[source.task], source.text, source.conditioned)


@st.cache_data(max_entries=64, show_spinner=False)
def states(task: str, text: str, conditioned: bool) -> int:
    return engine.schema_states(TASKS[task], text if conditioned else "", conditioned)


def models() -> dict[str, Model]:
    """Teachers, then the students that finished runs left behind, by the name they are chosen by."""
    found = {name: Model(name) for name in engine.teacher_names()}
    for run in run_folders.all_runs():
        weights = [p.stat().st_mtime for p in run.student.glob("*.safetensors")]
        if weights and (run.student / "config.json").exists() and run.status().state == "finished":
            found.setdefault(f"student of {run.name}", Model("student", run.name, max(weights)))
    return found


def choose() -> tuple[Source, str]:
    """The source and the gold answer of its example, or "" for the user's own text."""
    known = models()
    columns = st.columns([1, 1.2, 1.6])
    with columns[0]:
        name = st.selectbox(
            "Task",
            list(TASKS),
            key="masks_task",
            bind="query-params",
            format_func=_title,
            on_change=_suit,
            args=(known,),
        )
    task = TASKS[name]
    with columns[1]:
        model = st.selectbox(
            "Model whose probabilities are shown",
            list(known),
            index=_tuned(list(known), name),
            key="masks_model",
            bind="query-params",
        )
    with columns[2]:
        conditioned = _choose_schema()
    text, gold = _choose_input(task)
    return Source(known[model], task.name, text, conditioned), gold


def _tuned(names: list[str], task: str) -> int:
    """The teacher that was tuned for the task, else the first."""
    return next((i for i, name in enumerate(names) if name.endswith(f"+{task}")), 0)


def _suit(known: dict[str, Model]) -> None:
    """Another task: its own teacher."""
    names = list(known)
    st.session_state["masks_model"] = names[_tuned(names, st.session_state["masks_task"])]


def _title(name: str) -> str:
    return TASKS[name].title


def _choose_schema() -> bool:
    names = {"own": "This input's own words", "general": "The general one"}
    chosen = st.segmented_control(
        "Schema",
        list(names),
        default="own",
        required=True,
        format_func=lambda name: names[name],
        key="masks_schema",
        bind="query-params",
        help="Its own words: the text is given, only the choices are free. The general one: any answer of the type.",
    )
    return chosen != "general"


def _choose_input(task: Task) -> tuple[str, str]:
    examples = task.load(None).dev
    inputs = [OWN, *(str(i) for i in range(len(examples)))]
    chosen = st.selectbox(
        f"{task.input_label} (held-out examples, or your own)",
        inputs,
        index=_linked(len(examples)),
        key=f"masks_example_{task.name}",
        persist_state="session",
        format_func=lambda i: "Your own text …" if i == OWN else f"{i}  {examples[int(i)].input}",
    )
    if st.query_params.get("example") != chosen:
        st.query_params["example"] = chosen
    if chosen != OWN:
        return examples[int(chosen)].input, examples[int(chosen)].answer
    own = st.text_input("Your own text", task.shots[0].input, key=f"masks_text_{task.name}", persist_state="session")
    return own, ""


def _linked(examples: int) -> int:
    """Which of the inputs to show first: the one that the link names (?example=7), else the first example."""
    wanted = st.query_params.get("example", "0")
    if wanted == OWN:
        return 0
    if "masks_of" in st.session_state or not wanted.isdecimal() or int(wanted) >= examples:
        return 1
    return int(wanted) + 1


def answer_for(source: Source, gold: str) -> str:
    """The answer to look at: gold at first, then whatever was generated, typed or pasted."""
    state = st.session_state
    if state.get("masks_of") != (source.task, source.text) or "masks_answer" not in state:
        state["masks_of"], state["masks_answer"] = (source.task, source.text), gold
        state.pop("masks_generated", None)
    with st.container(horizontal=True, vertical_alignment="center"):
        if gold:
            st.button("Gold answer", key="masks_gold", icon=":material/verified:", on_click=_put, args=(gold,))
        if st.button("Generate", key="masks_generate", icon=":material/play_arrow:", type="primary"):
            _generate(source)
        if note := state.get("masks_generated"):
            st.caption(note)
    label = "Answer to look at: type or paste any other, whole or only its beginning"
    return st.text_area(label, key="masks_answer", persist_state="session")


def _put(text: str) -> None:
    st.session_state["masks_answer"] = text
    st.session_state.pop("masks_generated", None)


def _generate(source: Source) -> None:
    """Lets the model answer under the mask and puts that into the field."""
    task = TASKS[source.task]
    try:
        lm = source.model.load()
        with st.spinner("The model is answering …"):
            found = engine.answer(
                lm, task, source.text, source.model.prompt(task),
                constrained=True, conditioned=source.conditioned,
            )  # fmt: skip
    except StillroomError as error:
        show_error(str(error))
        return
    _put(found.text)
    end = "" if found.valid else f" It stopped after {len(found.ids)} tokens, before its end."
    st.session_state["masks_generated"] = (
        f"Generated in {1000 * found.seconds:,.0f} ms: {len(found.ids)} tokens, {found.model_calls} model calls.{end}"
    )
