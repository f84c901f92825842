"""What a run will be like, before it is started: size, memory, the first batch as the model sees it."""

import os
from dataclasses import dataclass

import torch

from core.constrain.constraints import Constraints
from core.constrain.masks import FORCED, MaskStore
from core.distill.config import RunConfig
from core.distill.sequences import tokenise
from core.models import prompting
from core.models.language_model import LanguageModel
from core.runs.material import gather

BYTES = 4  # training is in fp32
ADAM_STATES = 2


@dataclass(frozen=True)
class PreviewToken:
    """A token of the first batch. `counts`: it is free, so the loss is taken here."""

    text: str
    part: str  # "prompt" or "answer"
    counts: bool


@dataclass(frozen=True)
class Preview:
    """`training_megabytes`: weights, gradients, optimiser and activations of one batch, by formula."""

    parameters: int
    trainable: int
    vocabulary: int
    megabytes: float
    training_megabytes: float
    examples: int
    teacher_prompt: str
    first_batch: tuple[tuple[PreviewToken, ...], ...]


def preview(config: RunConfig) -> Preview:
    """Builds the student and looks. Raises StillroomError for what would fail at the start of the run."""
    material = gather(config)
    task, data, teacher, student = material.task, material.data, material.teacher, material.student
    first = data.train[: config.batch_size]
    store = MaskStore(student.tokens)
    sequences = tokenise(
        student,
        Constraints(task, student.tokens, config.conditioned),
        first,
        store,
        material.reader(student),
    )
    trainable = sum(p.numel() for p in student.model.parameters() if p.requires_grad)
    return Preview(
        parameters=student.parameters,
        trainable=trainable,
        vocabulary=len(student.tokens),
        megabytes=(trainable if config.student.is_adapter else student.parameters) * 2 / 1e6,
        training_megabytes=training_megabytes(student, trainable, config.batch_size, max(map(len, sequences))),
        examples=len(data.train),
        teacher_prompt=prompting.text_of(teacher, task, config.teacher_prompt(), first[0].input),
        first_batch=tuple(
            (
                *(PreviewToken(_name(student, i), "prompt", False) for i in s.prompt),
                *(
                    PreviewToken(_name(student, i), "answer", row != FORCED)
                    for i, row in zip(s.answer, s.rows, strict=True)
                ),
            )
            for s in sequences
        ),
    )


def training_megabytes(student: LanguageModel, trainable: int, batch: int, length: int) -> float:
    """Weights + gradients + Adam's two moments, and about 34 values of the hidden size kept a token and
    layer for the backward pass (Korthikanti et al. 2022, without the attention matrix)."""
    config = student.model.config
    layers, width = config.num_hidden_layers, config.hidden_size
    states = student.parameters + trainable * (1 + ADAM_STATES)
    activations = 34 * batch * length * layers * width / 2
    return (states + activations) * BYTES / 1e6


def memory_available() -> tuple[str, float]:
    """Where training takes place, in words, and how many MB are free there."""
    if torch.cuda.is_available():
        return "on the GPU", torch.cuda.mem_get_info()[0] / 1e6
    try:
        with open("/proc/meminfo") as file:
            kilobytes = next(float(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    except OSError:  # not Linux: all there is
        kilobytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024
    return "in this machine's memory", kilobytes * 1024 / 1e6


def _name(lm: LanguageModel, token: int) -> str:
    return lm.tokens.text([token]) or lm.tokenizer.convert_ids_to_tokens(token)
