"""What the Masks page asks of the engine: constraints of any schema, texts under them, and measurements.

As in `engine.py`, everything heavy is imported inside a function. Models and tokenizers are used by one session
at a time.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from core.errors import SchemaError, StillroomError
from core.spelling import shortest
from core.tasks import TASKS
from ui import engine, uploads
from ui.masks import schema_form
from ui.masks.mask_model import Model, Source
from ui.masks.schema_form import Wanted

SAMPLES = 8
ENGINES = ("dfa", "llguidance", "xgrammar", "outlines")

_measuring = threading.Lock()  # side by side two measurements would slow each other down


@st.cache_resource(max_entries=64, show_spinner="Reading the schema …")
def schema_of(wanted: Wanted) -> Any:
    """A `core.constrain.schema.Schema`, which errors call what the page calls it. Raises SchemaError, with its line
    where it has one, and DataError."""
    return replace(_read(wanted), name=schema_form.title(wanted))


def _read(wanted: Wanted) -> Any:
    from core.constrain import regex, schema, template

    if wanted.kind == "pydantic":
        return schema.from_source(wanted.text)
    if wanted.kind == "json":
        return schema.from_json_schema(wanted.text)
    if wanted.kind == "regex":
        return schema.from_regex(wanted.text)
    task = TASKS[wanted.task]
    if not wanted.conditioned:
        return schema.from_pydantic(task.output)
    expression = template.expression(task.template(wanted.text))
    return schema.Schema(task.name, expression, regex=regex.render(expression))


@st.cache_resource(max_entries=32, show_spinner="Building the automaton …")
def choice_of(model: Model, wanted: Wanted) -> Any:
    """A `core.constrain.engines.choice.Choice` over the model's tokens. Raises StillroomError."""
    from core.constrain.engines import choice

    lm = model.load()
    if not wanted.conditioned:
        return choice.choose(schema_of(wanted), lm.tokens)
    with engine.in_use():
        pieces = TASKS[wanted.task].template(wanted.text)
        lm.check_length(len(lm.encode(shortest(pieces))))  # what no model writes needs no automaton
    return choice.Choice(_own(wanted, lm.tokens), "the input's words are given, only the choices are free")


def _own(wanted: Wanted, tokens: Any) -> Any:
    """The constraint of an input's own words. Raises SchemaError."""
    from core.constrain import template
    from core.constrain.engines.dfa import DfaConstraint

    pieces = TASKS[wanted.task].template(wanted.text)
    return DfaConstraint(template.automaton(pieces, schema_form.title(wanted)), tokens)


def states(constraint: Any) -> int:
    """Of the automaton; 0 if the engine has none."""
    return len(constraint.automaton) if constraint.engine == "dfa" else 0


def prompt_ids(lm: Any, source: Source) -> list[int]:
    """A task's prompt around its input, or the question by itself."""
    from core.models import prompting

    if source.wanted.kind == "task":
        task = TASKS[source.wanted.task]
        return engine.prompt_ids(lm, task, source.wanted.text, source.model.prompt(task))
    with engine.in_use():
        is_student = source.model.run is not None
        return lm.student_prompt(source.question) if is_student else prompting.question(lm, source.question)


def read(source: Source, text: str) -> tuple[list[Any], str]:
    """The steps of `text`, as far as it keeps to the schema, and why it goes no further, or nothing."""
    from core.generate import reading

    lm, constraint = source.model.load(), choice_of(source.model, source.wanted).constraint
    with engine.in_use():
        kept, left = reading.beginning(constraint, text)
        return (reading.read(lm, constraint, prompt_ids(lm, source), kept) if kept or not left else []), left


@dataclass(frozen=True)
class Made:
    """A text that a model wrote. `why_not` says where it leaves the schema, or that it stopped short; `other_spelling`
    that it has a task's type all the same."""

    text: str
    tokens: int
    forced: int
    seconds: float
    model_calls: int
    why_not: str
    other_spelling: bool


@dataclass(frozen=True)
class Chance:
    """How tokens are drawn."""

    temperature: float
    seed: int
    max_tokens: int


def write(source: Source, chance: Chance, constrained: bool, show: Callable[[str], Any]) -> Made:
    """Lets the model write, with the mask or without; `show` gets the text as it grows. Raises StillroomError."""
    from core.generate.decode import Sampling, generate

    lm, constraint = source.model.load(), choice_of(source.model, source.wanted).constraint
    sampling = Sampling(temperature=chance.temperature, seed=chance.seed, max_new_tokens=chance.max_tokens)
    with engine.in_use():
        constraints = [constraint] if constrained else None
        written = engine.as_it_grows(lm, show)
        batch = generate(lm, [prompt_ids(lm, source)], constraints, sampling, written=written)
    found = batch.generations[0]
    why_not = _why_not(constraint, found.text)
    task = TASKS.get(source.wanted.task)
    return Made(
        found.text,
        len(found.ids),
        sum(found.forced),
        batch.seconds,
        batch.model_calls,
        why_not,
        bool(why_not and task and task.parse(found.text)),
    )


def _why_not(constraint: Any, text: str) -> str:
    from core.constrain.engines.constraint import check_answer

    try:
        check_answer(constraint, text)
    except SchemaError as error:
        return str(error)
    return ""


def drive(source: Source) -> Any:
    """A `core.generate.drive.Drive` at its beginning. Use it within `engine.in_use()`. Raises StillroomError."""
    from core.generate.drive import Drive

    lm = source.model.load()
    with engine.in_use():
        return Drive(lm, choice_of(source.model, source.wanted).constraint, prompt_ids(lm, source))


@dataclass(frozen=True)
class Samples:
    """Texts that a schema accepts, and `core.constrain.samples.Refused` ones."""

    accepted: tuple[str, ...]
    refused: tuple[Any, ...]


@st.cache_data(max_entries=64, show_spinner="Making sample texts …")
def samples(wanted: Wanted, seed: int) -> Samples:
    """Raises StillroomError."""
    from core.constrain import samples
    from core.constrain.engines import choice
    from core.constrain.tokens import BYTES

    constraint = _own(wanted, BYTES) if wanted.conditioned else choice.choose(schema_of(wanted), BYTES).constraint
    texts = samples.accepted(constraint, SAMPLES, seed)
    return Samples(tuple(texts), tuple(samples.refused(constraint, texts, SAMPLES, seed)))


def compare(source: Source, ids: tuple[int, ...]) -> list[Any]:
    """A `core.constrain.engines.agreement.Judged` an engine, along a text's tokens. The libraries are loaded before
    they are timed. Raises StillroomError."""
    from core.constrain.engines import agreement

    tokens, schema = source.model.load().tokens, schema_of(source.wanted)
    reference = choice_of(source.model, source.wanted).constraint
    found = []
    with _measuring:
        reference.mask(reference.start)  # the first mask of all compiles the walk itself
        for name in ENGINES:
            if reason := agreement.too_slow(name, schema, states(reference), len(tokens)):
                found.append(agreement.Judged(name, reason))
                continue
            _warm(name, tokens)
            found.append(agreement.judge(name, _maker(source, name, schema, tokens), reference, ids))
    return found


def _maker(source: Source, name: str, schema: Any, tokens: Any) -> Callable[[], Any]:
    from core.constrain.engines import choice

    if name == "dfa" and source.wanted.conditioned:
        return lambda: _own(source.wanted, tokens)
    return lambda: choice.build(schema, tokens, name)  # type: ignore[arg-type]


def _warm(name: str, tokens: Any) -> None:
    """Imports a library and hands it the tokens."""
    from core.constrain import schema
    from core.constrain.engines import choice

    constraint = choice.build(schema.from_regex("a"), tokens, name)  # type: ignore[arg-type]
    constraint.mask(constraint.start)


@dataclass(frozen=True)
class Corpus:
    """The first `count` examples of a split; `path` is the task's data, None the bundled."""

    task: str
    path: str | None
    split: str
    count: int
    conditioned: bool


@st.cache_data(max_entries=8, show_spinner="Measuring the masks of every example …")
def corpus(model: Model, wanted: Corpus, version: float) -> Any:
    """A `core.constrain.corpus.CorpusMasks`; `version` tells a file's versions apart. Raises StillroomError."""
    from core.constrain import corpus as corpora
    from core.constrain.constraints import Constraints

    lm, task = model.load(), TASKS[wanted.task]
    examples = uploads.load(task, wanted.path).split(wanted.split)[: wanted.count]
    constraints = Constraints(task, lm.tokens, wanted.conditioned)
    with _measuring, engine.in_use():
        with suppress(StillroomError):
            corpora.measure(constraints, examples[:1], lm.encode)  # the first mask of all compiles the walk itself
        return corpora.measure(constraints, examples, lm.encode)
