"""A run in words."""

from core.distill.config import RunConfig, Stage
from core.models.student_config import StudentConfig
from ui import titles
from ui.text import literal

LEARNS_FROM = {
    "logits": "the teacher's probabilities, both reading the same text",
    "task": "the teacher's probabilities, which only the teacher's prompt explains",
    "pseudo_labels": "the answers that the teacher writes",
    "gold": "the data's own answers",
}


def describe(config: RunConfig) -> str:
    """What a configuration does, in three sentences of markdown."""
    stages = "; then ".join(_stage(stage) for stage in config.stages)
    limit = f"after {config.max_seconds:g} s of training" if config.max_seconds else "when all epochs are done"
    return (
        f"{_student(config.student, config.teacher)} It learns from {stages}. Training ends {limit}; "
        f"then student and teacher are scored on {config.report_examples} test examples at most."
    )


def _student(student: StudentConfig, teacher: str) -> str:
    itself = student.model in (None, teacher)
    source = "the teacher" if itself else literal(str(student.model))
    if student.kind == "cut":
        width = f", {student.cut_width} wide" if student.cut_width else ""
        return f"A student cut from {source}: {_count(len(student.layers), 'layer')} of it{width}, with its embeddings."
    if student.kind == "scratch":
        shape = "Llama-shaped student" if student.shape == "llama" else "student"
        start = f"started from {source}'s" if student.embeddings == "pca" else "random at first"
        return f"A new {shape}, {student.width} wide and {_count(student.depth, 'layer')} deep, its embeddings {start}."
    reads = " It reads the teacher's prompt." if student.prompted else ""
    return f"{'The teacher itself' if itself else source} {_tuning(student)}.{reads}"


def _tuning(student: StudentConfig) -> str:
    if student.tuning == "full":
        return "with all its weights tuned"
    kind = "an AdaLoRA" if student.tuning == "adalora" else "a LoRA"
    where = f"its last {_count(student.lora_layers, 'layer')}" if student.lora_layers else "all its layers"
    frozen = "" if student.precision == "full" else f", its own weights in {titles.choice(student.precision)}"
    return f"with {kind} adapter of rank {student.lora_rank} on {where}{frozen}"


def _stage(stage: Stage) -> str:
    much = "all examples" if stage.examples is None else _count(stage.examples, "example")
    return f"**{LEARNS_FROM[stage.method]}** ({much}, {_count(stage.epochs, 'epoch')})"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + "s" * (number != 1)
