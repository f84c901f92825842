"""What a run finds out about its student: at each validation, and in the report at its end."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.constrain.masks import MaskStore
from core.distill.sequences import TokenSequence
from core.evaluate.pressure import refused_mass
from core.evaluate.report import Report, ReportExample
from core.evaluate.score import evaluate, machine
from core.models import checkpoint, teachers
from core.models.language_model import LanguageModel
from core.runs.folder import RunFolder
from core.runs.material import Material, Say

Stop = Callable[[], bool]
BYTES_STORED = 2  # of a model that the run does not save, in bf16
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
    data = material.data
    return Report(
        task=material.task.name,
        data=data.name,
        machine=machine(),
        seconds=seconds,
        leaks=len(replace(data, dev=()).leaks()),
        examples=tuple(ReportExample(input=e.input, gold=e.answer) for e in data.test),
        models=tuple(models),
    )


def _scored(material: Material, folder: RunFolder) -> list[tuple[str, LanguageModel, float]]:
    """Roles, models, and their MB."""
    student, teacher = material.student, material.teacher
    trained = student if material.config.student.is_adapter else checkpoint.load(folder.student, "trained")
    scored = [("trained", trained, checkpoint.megabytes(folder.student))]
    if (before := _untrained(material, folder)) is not None:
        scored.append(("untrained", *before))
    return [*scored, ("teacher", teacher, _stored(teacher))]


def _untrained(material: Material, folder: RunFolder) -> tuple[LanguageModel, float] | None:
    """The student before its first step, and its MB; None where that is the teacher, reading the same prompt."""
    config = material.config
    if config.student.kind != "existing":
        return checkpoint.load(folder.untrained, "untrained"), checkpoint.megabytes(folder.untrained)
    if (
        config.student.prompted
        and config.student.model in (None, config.teacher)
        and config.student.precision == "full"
    ):
        return None
    if config.student.is_adapter:
        lm = replace(material.student, name="untrained", without_adapter=True)
    else:
        lm = replace(teachers.load(config.student.model or config.teacher), name="untrained")
    return lm, _stored(lm)


def _stored(lm: LanguageModel) -> float:
    return lm.parameters * BYTES_STORED / 1e6
