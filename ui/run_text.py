"""A run in words."""

import re

from core.distill.config import RunConfig, Stage
from core.models.student_config import StudentConfig

LEARNS_FROM = {
    "logits": "the teacher's probabilities, both reading the same text",
    "task": "the teacher's probabilities, which only the teacher's prompt explains",
    "pseudo_labels": "the answers that the teacher writes",
    "gold": "the data's own answers",
}


def literal(text: str) -> str:
    """Text for places that read markdown, so that they show it as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def describe(config: RunConfig) -> str:
    """What a configuration does, in three sentences of markdown."""
    stages = "; then ".join(_stage(stage) for stage in config.stages)
    limit = f"after {config.max_seconds:g} s of training" if config.max_seconds else "when all epochs are done"
    return (
        f"{_student(config.student)} It learns from {stages}. Training ends {limit}; "
        f"then student and teacher are scored on {config.report_examples} test examples at most."
    )


def _student(student: StudentConfig) -> str:
    if student.kind == "cut":
        return f"A student cut from the teacher: {_count(len(student.layers), 'layer')} of it, with its embeddings."
    if student.kind == "scratch":
        start = "started from the teacher's" if student.embeddings == "pca" else "random at first"
        return f"A new student, {student.width} wide and {_count(student.depth, 'layer')} deep, its embeddings {start}."
    where = f"its last {_count(student.lora_layers, 'layer')}" if student.lora_layers else "all its layers"
    return f"The teacher itself with a LoRA adapter of rank {student.lora_rank} on {where}."


def _stage(stage: Stage) -> str:
    much = "all examples" if stage.examples is None else _count(stage.examples, "example")
    return f"**{LEARNS_FROM[stage.method]}** ({much}, {_count(stage.epochs, 'epoch')})"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + "s" * (number != 1)
