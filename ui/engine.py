"""The interface's door to the heavy half of the engine; `masks/mask_engine.py` is the Masks page's.

Everything that needs torch or transformers is imported inside a function of these two, so that the first screen
does not wait for it. Models are kept between reruns, a few at a time, and used by one session at a time.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from core.distill.config import RunConfig
from core.errors import ModelError
from core.models import api, bundled, teachers
from core.models.api import ApiTeacher
from core.runs import folder as run_folders
from core.runs.jobs import Jobs
from core.spelling import shortest
from core.tasks import TASKS, Dataset, Example, Task
from core.tasks.prompt import Prompt

LONGEST = 400  # tokens of an answer that need not come to an end by itself
FREE_TOKENS = 160  # of one without the mask that is asked for on its own
REQUESTS = 4  # at a time, to an API

# One at a time: two forward passes on one CPU are slower than one after the other, and a tokenizer is not
# made for two threads.
_use = threading.RLock()


def in_use() -> AbstractContextManager[Any]:
    """Held while a model or its tokenizer is used."""
    return _use


@st.cache_resource
def jobs() -> Jobs:
    """The queue of background runs: one a server, shared by all sessions."""
    return Jobs()


def warm_up() -> None:
    """Imports the heavy libraries, all of which a run needs; from here on `machine` says how many threads work."""
    import core.runs.execute  # noqa: F401
    from core.models.device import leave_one_core

    leave_one_core()


def machine() -> str:
    """What training and answers run on, in words."""
    from core.evaluate import score

    return score.machine()


def teacher(name: str) -> Any:
    """A teacher by name; one behind an address is an ApiTeacher, which is asked for text only. Raises ModelError."""
    return api.parse(name) if api.is_address(name) else _teacher(name, stamp(name))


@st.cache_resource(max_entries=3, show_spinner="Loading the model …")
def _teacher(name: str, stamp: float) -> Any:
    return teachers.load(name)


def stamp(name: str) -> float:
    """Changes when the model's folder or file of this name does; 0 for a name of neither, as of what is no path."""
    with suppress(OSError, RuntimeError, ValueError):
        place = Path(name).expanduser()
        files = place.iterdir() if place.is_dir() else [place]
        return max((file.stat().st_mtime for file in files if file.is_file()), default=0.0)
    return 0.0


@st.cache_resource(max_entries=4, show_spinner="Loading the student …")
def student(run: str, which: str, stamp: float) -> Any:
    """A run's `student`, its `untrained` one, or one of `stages/N`. `stamp` tells versions of a run apart. Raises
    ModelError."""
    from core.models import checkpoint

    return checkpoint.load(run_folders.open_run(run).path / which, f"{run}/{which}")


def check_gold(config: RunConfig, data: Dataset) -> None:
    """Raises DataError for a stage that learns gold answers which the data does not have."""
    from core.runs import examples

    examples.check_gold(config, data)


def teacher_names() -> tuple[str, ...]:
    return (*teachers.adapter_names(), bundled.NAME)


def tuned_teacher(task: str) -> str:
    """The teacher that was tuned for the task, else the bundled one as it is."""
    return next((name for name in teacher_names() if name.endswith(f"+{task}")), bundled.NAME)


def own_prompt(teacher: str, task: Task) -> Prompt | None:
    """What a teacher that was tuned for the task was tuned to read; None for any other."""
    card = teachers.card(teacher)
    return Prompt(instructions=card.instructions) if card and card.task == task.name else None


@dataclass(frozen=True)
class Answer:
    """One generated answer. `ids` and `forced` are its tokens, none of which an API tells; `valid` whether it has the
    output's type. `tokens`: how many were read and written, as an API counts them; `note` what it did without."""

    text: str
    ids: tuple[int, ...]
    forced: tuple[bool, ...]
    valid: bool
    seconds: float
    model_calls: int
    tokens: tuple[int, int] | None = None
    note: str = ""


def answer(
    lm: Any,
    task: Task,
    text: str,
    prompt: Prompt | None,
    *,
    constrained: bool,
    conditioned: bool = True,
    max_new_tokens: int | None = None,
    show: Callable[[str], None] = lambda _: None,
) -> Answer:
    """Asks a model once: a teacher with `prompt`, a student with None. An answer under the input's own schema
    ends by itself; any other is cut at `max_new_tokens`, or LONGEST. `show` gets the text as it grows, and while an
    API is waited for again and again: what it raises ends the asking. Raises StillroomError."""
    if isinstance(lm, ApiTeacher):
        found: list[Answer] = []
        so_far = deque([""], maxlen=1)
        limit = max_new_tokens or LONGEST
        heard = lambda _, answer: found.append(answer)
        _ask_api(lm, task, [text], prompt, constrained, limit, heard, lambda: show(so_far[0]), so_far.append)
        return found[0]
    from core.constrain.constraints import Constraints
    from core.generate.decode import Sampling, generate

    with _use:
        ids = prompt_ids(lm, task, text, prompt)
        if constrained and conditioned:
            lm.check_length(len(ids) + len(lm.encode(shortest(task.template(text)))))
        constraints = [Constraints(task, lm.tokens, conditioned).of(text)] if constrained else None
        limit = max_new_tokens or (lm.context if constrained and conditioned else LONGEST)
        batch = generate(lm, [ids], constraints, Sampling(max_new_tokens=limit), written=as_it_grows(lm, show))
    written_out = batch.generations[0]
    return Answer(
        text=written_out.text,
        ids=tuple(written_out.ids),
        forced=tuple(written_out.forced),
        valid=task.parse(written_out.text) is not None,
        seconds=batch.seconds,
        model_calls=batch.model_calls,
    )


def as_it_grows(lm: Any, show: Callable[[str], Any]) -> Callable[[Any], None]:
    """For `core.generate.decode.generate`: hands `show` the text so far at each free token."""
    so_far: list[int] = []

    def written(step: Any) -> None:
        so_far.append(step.token)
        if not step.forced:
            show(lm.tokens.text(so_far))

    return written


def answers(
    lm: Any,
    task: Task,
    texts: Sequence[str],
    prompt: Prompt,
    heard: Callable[[str, str], None],
    tick: Callable[[], None],
) -> None:
    """Asks a teacher, with the mask; `heard` is told each input with its answer as it comes, `tick` is called many
    times in between: what it raises ends the work. Raises StillroomError."""
    if isinstance(lm, ApiTeacher):
        told = lambda number, found: heard(texts[number], found.text)
        _ask_api(lm, task, texts, prompt, True, LONGEST, told, tick)
        return
    for text in texts:
        heard(text, answer(lm, task, text, prompt, constrained=True, show=lambda _: tick()).text)


def _ask_api(
    teacher: ApiTeacher,
    task: Task,
    texts: Sequence[str],
    prompt: Prompt | None,
    constrained: bool,
    limit: int,
    heard: Callable[[int, Answer], None],
    tick: Callable[[], None],
    grown: Callable[[str], None] | None = None,
) -> None:
    """An answer that should match the schema is taken out of its fence and respelled; any other is left as it came."""
    from core.constrain import schema
    from core.distill.labels import respelled

    if prompt is None:
        raise ModelError(f"{teacher.host} is asked by a prompt only: write instructions.")
    notes: list[str] = []

    def told(number: int, found: api.Answer) -> None:
        text = respelled(task, found.text) if constrained else found.text
        valid, tokens = task.parse(text) is not None, (found.tokens_in, found.tokens_out)
        cut = () if found.complete else (f"the answer was cut after {limit} tokens",)
        heard(number, Answer(text, (), (), valid, found.seconds, 1, tokens, ". ".join((*notes, *cut))))

    wanted = schema.from_pydantic(task.output).json_schema if constrained else None
    how = api.Asking(wanted, temperature=0.0, max_tokens=limit, concurrency=REQUESTS, log_probs=False)
    api.ask(teacher, [prompt.messages(task, text) for text in texts], how, told, tick, notes.append, grown)


def prompt_ids(lm: Any, task: Task, text: str, prompt: Prompt | None) -> list[int]:
    from core.models import prompting

    with _use:
        return lm.student_prompt(text) if prompt is None else prompting.render(lm, task, prompt, text)


def prompt_text(lm: Any, task: Task, text: str, prompt: Prompt) -> str:
    """The prompt exactly as the teacher reads it; an API gets messages, which its own template is put around."""
    if isinstance(lm, ApiTeacher):
        return json.dumps(prompt.messages(task, text), ensure_ascii=False, indent=1)
    from core.models import prompting

    return prompting.text_of(lm, task, prompt, text)


def probabilities(lm: Any, step: Any) -> Any:
    """What the model said of every token before a step of `core.generate.reading.read`: (tokens,) float32."""
    from core.generate import reading

    with _use:
        return reading.probabilities(lm, step)


def prompt_lengths(lm: Any, task: Task, text: str, prompt: Prompt) -> dict[str, int]:
    """Tokens of each part of a prompt, as `core.models.prompting.lengths`; nothing for an API, whose tokenizer is not
    known."""
    if isinstance(lm, ApiTeacher):
        return {}
    from core.models import prompting

    with _use:
        return prompting.lengths(lm, task, prompt, text)


def explain(
    lm: Any, task: Task, text: str, prompt: Prompt | None, answer_text: str, conditioned: bool = True
) -> list[Any]:
    """The steps of `core.generate.reading.read`. Raises StillroomError."""
    from core.constrain.constraints import Constraints
    from core.generate import reading

    with _use:
        constraint = Constraints(task, lm.tokens, conditioned).of(text)
        return reading.read(lm, constraint, prompt_ids(lm, task, text, prompt), answer_text)


def explain_free(lm: Any, task: Task, text: str, prompt: Prompt, ids: Sequence[int]) -> list[Any]:
    """The steps of `core.generate.reading.read_free`. Raises StillroomError."""
    from core.generate import reading

    with _use:
        return reading.read_free(lm, prompt_ids(lm, task, text, prompt), ids)


def tokens_of(task_name: str, example: Example) -> tuple[list[str], list[str], list[bool]]:
    """An example as the bundled tokenizer sees it: input tokens, answer tokens, and which of the
    answer's the input-conditioned schema forces."""
    from core.constrain.constraints import Constraints
    from core.constrain.masks import FORCED, MaskStore
    from core.distill.sequences import tokenise

    lm = teacher(bundled.NAME)
    task = TASKS[task_name]
    with _use:
        constraints = Constraints(task, lm.tokens, True)
        sequence = tokenise(lm, constraints, [example], MaskStore(lm.tokens), lm.student_prompt)[0]
    names = lambda ids: [lm.tokens.text([i]) or lm.tokenizer.convert_ids_to_tokens(i) for i in ids]
    return names(sequence.prompt), names(sequence.answer), [row == FORCED for row in sequence.rows]


@st.cache_data(max_entries=32, show_spinner="Building the student …")
def preview(config_yaml: str, stamp: float) -> Any:
    """A `core.runs.preview.Preview` of a run's YAML; `stamp` tells versions of its data apart. Raises
    StillroomError."""
    from core.distill import config as run_config
    from core.runs import preview as previews

    return previews.preview(run_config.read_yaml(config_yaml))


def memory_available() -> tuple[str, float]:
    """Where training takes place, in words, and how many MB are free there."""
    from core.runs import memory

    return memory.available()


def disagreement(
    models: tuple[Any, Any],
    task: Task,
    text: str,
    prompts: tuple[Prompt | None, Prompt | None],
    answer_text: str,
    conditioned: bool,
) -> list[Any]:
    """The places of `core.evaluate.disagreement` between a reference and another model. Raises StillroomError."""
    from core.constrain.constraints import Constraints
    from core.evaluate.disagreement import disagreement as places

    reference, other = models
    with _use:
        constraint = Constraints(task, other.tokens, conditioned).of(text)
        read = prompt_ids(reference, task, text, prompts[0]), prompt_ids(other, task, text, prompts[1])
        return places(reference, other, read, constraint, answer_text)


def samples(
    lm: Any,
    task: Task,
    text: str,
    prompt: Prompt | None,
    *,
    count: int,
    seed: int,
    constrained: bool,
    conditioned: bool,
    tick: Callable[[], None],
) -> list[str]:
    """Answers drawn at temperature 1, all from one seed. Those without the mask may be a quarter longer than the
    shortest that is valid. `tick` is called as they grow: what it raises ends the drawing. Raises StillroomError."""
    from core.constrain.constraints import Constraints
    from core.generate.decode import Sampling, generate, room

    with _use:
        ids = prompt_ids(lm, task, text, prompt)
        shortest_tokens = len(lm.encode(shortest(task.template(text))))
        limit = (lm.context if conditioned else LONGEST) if constrained else min(LONGEST, room(shortest_tokens))
        constraints = [Constraints(task, lm.tokens, conditioned).of(text)] * count if constrained else None
        sampling = Sampling(temperature=1.0, seed=seed, max_new_tokens=limit)
        batch = generate(lm, [ids] * count, constraints, sampling, written=lambda _: tick())
    return [generation.text for generation in batch.generations]
