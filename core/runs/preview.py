"""What a run will be like, before it is started: size, memory, the first batch as the model sees it."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.constrain.masks import FORCED, MaskStore
from core.distill.config import RunConfig, Stage
from core.distill.sequences import TokenSequence, batch_sizes, length, tokenise
from core.distill.train import Trainer
from core.models import existing, prompting
from core.models.api import ApiTeacher
from core.models.language_model import LanguageModel
from core.runs import memory
from core.runs.examples import planned_steps
from core.runs.labelling import Teacher
from core.runs.material import gather
from core.runs.memory import MeasuredStep
from core.tasks import Task
from core.tasks.prompt import Prompt


@dataclass(frozen=True)
class PreviewToken:
    """A token of the first batch. `counts`: it is free, so the loss is taken here."""

    text: str
    part: str  # "prompt" or "answer"
    counts: bool


@dataclass(frozen=True)
class Preview:
    """`training_megabytes`: weights, gradients, optimiser and activations of a batch of the longest examples, by
    formula; `measured`: the same by a step that was taken, unless by the formula there is no room for it. `left_out`
    examples, of all splits, do not fit; `ungraded`: how many of a split have no gold answer, in the place of which the
    shortest that the schema allows is shown and measured."""

    parameters: int
    trainable: int
    vocabulary: int
    megabytes: float
    training_megabytes: float
    measured: MeasuredStep | None
    steps: int
    examples: int
    left_out: int
    ungraded: dict[str, int]
    teacher_prompt: str
    first_batch: tuple[tuple[PreviewToken, ...], ...]


def preview(config: RunConfig) -> Preview:
    """Builds the student and looks. Raises StillroomError for what would fail at the start of the run."""
    material = gather(config)
    task, data, teacher, student = material.task, material.data, material.teacher, material.student
    store, reader = MaskStore(student.tokens), material.reader(student)
    constraints = material.constraints(student)
    longest = sorted(data.train, key=lambda e: -len(e.input))[: config.batch_size]
    most = tokenise(student, constraints, longest, store, reader)
    expected = _expected(config, student, most)
    first = tokenise(student, constraints, data.train[: config.batch_size], store, reader)
    lengths = [length(student, e, reader) if config.batch_tokens else 0 for e in data.train]
    trainable = sum(p.numel() for p in student.model.parameters() if p.requires_grad)
    return Preview(
        parameters=student.parameters,
        trainable=trainable,
        vocabulary=len(student.tokens),
        megabytes=(trainable if config.student.is_adapter else student.parameters) * 2 / 1e6,
        training_megabytes=expected,
        measured=_measured(config, student, most, store) if expected <= memory.available()[1] else None,
        steps=sum(planned_steps(config, lengths)),
        examples=len(data.train),
        left_out=material.left_out,
        ungraded=material.ungraded,
        teacher_prompt=_prompt(teacher, task, config.teacher_prompt(), data.train[0].input),
        first_batch=tuple(
            (
                *(PreviewToken(_name(student, i), "prompt", False) for i in s.prompt),
                *(
                    PreviewToken(_name(student, i), "answer", row != FORCED)
                    for i, row in zip(s.answer, s.rows, strict=True)
                ),
            )
            for s in first
        ),
    )


def _prompt(teacher: Teacher, task: Task, prompt: Prompt, text: str) -> str:
    """The prompt exactly as the teacher reads it; an API's as it is sent."""
    if isinstance(teacher, ApiTeacher):
        return "\n\n".join(f"{message['role']}: {message['content']}" for message in prompt.messages(task, text))
    return prompting.text_of(teacher, task, prompt, text)


def _expected(config: RunConfig, student: LanguageModel, sequences: Sequence[TokenSequence]) -> float:
    """MB of training by formula, on sequences as long as the longest of these."""
    longest = max(map(len, sequences))
    together = batch_sizes([longest] * config.batch_size, config.batch_size, config.batch_tokens)[0]
    at_once = -(-together // config.accumulate)
    return memory.estimate(student, at_once, longest, config.gradient_checkpointing)


def _measured(
    config: RunConfig, student: LanguageModel, sequences: Sequence[TokenSequence], store: MaskStore
) -> MeasuredStep:
    """Steps on the longest examples, which need the most: one batch, again and again. The teacher is left out: gold
    stands for its signals."""
    stage = Stage(method="gold", constraint=config.stages[0].constraint, epochs=existing.FEWEST_STEPS)
    plain = config.model_copy(update={"stages": (stage,), "max_seconds": None})
    return memory.measure(Trainer(plain, student, sequences, store))


def _name(lm: LanguageModel, token: int) -> str:
    return lm.tokens.text([token]) or lm.tokenizer.convert_ids_to_tokens(token)
