"""What a run finds out about its student: at each validation, and in the report at its end."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.constrain.masks import MaskStore
from core.distill.sequences import TokenSequence
from core.evaluate.pressure import refused_mass
from core.evaluate.report import Report, ReportExample
from core.evaluate.score import evaluate, machine
from core.models import checkpoint
from core.models.api import ApiTeacher
from core.models.language_model import LanguageModel
from core.runs import labelling
from core.runs.folder import RunFolder
from core.runs.material import Material, Say

Stop = Callable[[], bool]
BYTES_OF_TEACHER = 2  # as it is stored, in bf16
FREE_EXAMPLES = 4  # without the constraint there is no fast-forward: a few show what the mask does


def validate(
    material: Material, held_out: Sequence[TokenSequence], store: MaskStore, should_stop: Stop
) -> dict[str, float] | None:
    """Scores of the student by constrained generation, and the mass it gives to refused tokens; None if stopped."""
    student = material.student
    found = evaluate(
        student, material.task, material.held_out, material.reader(student), role="trained", megabytes=0,
        conditioned=material.config.conditioned, should_stop=should_stop,
    )  # fmt: skip
    if should_stop():
        return None
    values = {name: score.value for name, score in found.scores.items()}
    values["refused_mass"] = refused_mass(student, [(s.prompt, s.answer, s.rows) for s in held_out], store)
    return values


def report(material: Material, folder: RunFolder, seconds: float, say: Say, should_stop: Stop) -> Report | None:
    """Scores the student as it was saved, what it was before its first step, and its teacher; None if stopped.
    `seconds` is what the steps of training took."""
    models = []
    for role, lm, megabytes in _scored(material, folder):
        say(f"scoring the {role} model" if role == "teacher" else f"scoring the {role} student")
        found = evaluate(
            lm,
            material.task,
            material.data.test,
            material.reader(lm),
            role=role,
            megabytes=megabytes,
            conditioned=material.config.conditioned,
            free=FREE_EXAMPLES if role == "trained" else 0,
            should_stop=should_stop,
        )
        if should_stop():
            return None
        models.append(found)
    if isinstance(material.teacher, ApiTeacher) and material.labels and material.labels.test:
        models.append(labelling.scored(material.task, material.teacher, material.data, material.labels.test))
    data = material.data
    return Report(
        task=material.task.name,
        data=data.name,
        machine=machine(),
        seconds=seconds,
        leaks=len(replace(data, dev=()).leaks()),
        examples=tuple(ReportExample(input=e.input, gold=e.answer) for e in data.test),
        models=tuple(models),
        labels=material.labels.report if material.labels else None,
    )


def _scored(material: Material, folder: RunFolder) -> list[tuple[str, LanguageModel, float]]:
    """Roles, models, and their MB: those that run here."""
    if material.config.student.kind == "adapter":
        return [("trained", material.student, checkpoint.megabytes(folder.student))]
    folders = {"trained": folder.student, "untrained": folder.untrained}
    scored = [(role, checkpoint.load(f, role), checkpoint.megabytes(f)) for role, f in folders.items()]
    teacher = material.teacher
    if isinstance(teacher, ApiTeacher):
        return scored
    return [*scored, ("teacher", teacher, teacher.parameters * BYTES_OF_TEACHER / 1e6)]
