"""What a run finds out about its student: at each validation, and in the report at its end."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from core.constrain.masks import MaskStore
from core.data.overlap import overlap
from core.distill.sequences import TokenSequence, tokenise
from core.errors import DataError
from core.evaluate.likelihood import AnswerIds, Choices, agreement, choices, likelihood
from core.evaluate.report import ModelReport, Report, ReportExample, completed
from core.evaluate.score import evaluate, machine
from core.models import checkpoint as model_files
from core.models import teachers, weights
from core.models.api import ApiTeacher
from core.models.language_model import LanguageModel
from core.runs import labelling
from core.runs.folder import RunFolder
from core.runs.material import Material, Say, Stop
from core.tasks import Example

BYTES_STORED = 2  # of a model that the run does not save, in bf16
FREE_EXAMPLES = 4  # without the constraint there is no fast-forward: a few show what the mask does


def validate(
    material: Material, held_out: Sequence[TokenSequence], store: MaskStore, should_stop: Stop
) -> dict[str, float] | None:
    """Scores of the student by constrained generation; perplexity and calibration under the mask, and the mass it
    gives to refused tokens, on gold answers. None if stopped."""
    student = material.student
    found = _evaluated(material, student, material.held_out, "trained", 0, should_stop)
    read = likelihood(choices(student, [_answer(s) for s in held_out], store, should_stop))
    if should_stop():
        return None
    values = {name: score.value for name, score in found.scores.items()}
    if read:
        values |= {name: getattr(read, name) for name in ("perplexity", "calibration_error", "refused_mass")}
    return values


def report(material: Material, folder: RunFolder, seconds: float, say: Say, should_stop: Stop) -> Report | None:
    """Scores the student as it was saved (an adapter as it is in memory), what it was before its first step, and its
    teacher; None if stopped. `seconds` is what the steps of training took."""
    models: dict[str, ModelReport] = {}
    read: dict[str, list[Choices | None]] = {}
    for role, lm, megabytes in _scored(material, folder):
        say(f"scoring the {role} model" if role == "teacher" else f"scoring the {role} student")
        free = FREE_EXAMPLES if role == "trained" else 0
        models[role] = _evaluated(material, lm, material.data.test, role, megabytes, should_stop, free)
        read[role] = _gold_choices(material, lm, should_stop)
        if should_stop():
            return None
    if isinstance(material.teacher, ApiTeacher) and material.labels and material.labels.test:
        models["teacher"] = labelling.scored(material.task, material.teacher, material.data, material.labels.test)
    data = material.data
    common = overlap([e.input for e in data.train], [e.input for e in data.test])
    found = Report(
        task=material.task.name,
        data=data.name,
        machine=machine(),
        seconds=seconds,
        leaks=len(common.exact),
        near_leaks=len(common.near),
        leaked=tuple(sorted((*common.exact, *common.near))),
        left_out=material.left_out,
        gold_by="teacher" if "test" in material.ungraded else "data",
        examples=tuple(ReportExample(input=e.input, gold=e.answer) for e in data.test),
        models=tuple(_with_likelihood(model, read) for model in models.values()),
        labels=material.labels.report if material.labels else None,
    )
    return completed(found, material.task)


def _evaluated(
    material: Material,
    lm: LanguageModel,
    examples: Sequence[Example],
    role: str,
    megabytes: float,
    should_stop: Stop,
    free: int = 0,
) -> ModelReport:
    """As `evaluate`, reading what `lm` reads in this run, under its schema."""
    return evaluate(
        lm,
        material.task,
        examples,
        material.reader(lm),
        role=role,
        megabytes=megabytes,
        conditioned=material.config.conditioned,
        free=free,
        should_stop=should_stop,
    )


def _gold_choices(material: Material, lm: LanguageModel, should_stop: Stop) -> list[Choices | None]:
    """What `lm` makes of each test example's gold answer; None where that is too long for it, or cannot be spelled."""
    store, reader = MaskStore(lm.tokens), material.reader(lm)
    constraints = material.constraints(lm)
    answers: dict[int, AnswerIds] = {}
    for i, example in enumerate(material.data.test):
        with suppress(DataError):
            answers[i] = _answer(tokenise(lm, constraints, [example], store, reader)[0])
    found = dict(zip(answers, choices(lm, list(answers.values()), store, should_stop), strict=False))
    return [found.get(i) for i in range(len(material.data.test))]


def _answer(sequence: TokenSequence) -> AnswerIds:
    return sequence.prompt, sequence.answer, sequence.rows


def _with_likelihood(model: ModelReport, read: dict[str, list[Choices | None]]) -> ModelReport:
    if model.role not in read:  # an API's weights are not here
        return model
    found = likelihood(read[model.role])
    if found and model.role != "teacher" and "teacher" in read:
        found = found.model_copy(update={"agreement": agreement(read[model.role], read["teacher"])})
    return model.model_copy(update={"likelihood": found})


def _scored(material: Material, folder: RunFolder) -> list[tuple[str, LanguageModel, float]]:
    """Roles, models, and their MB: those that run here."""
    student, teacher = material.student, material.teacher
    trained = student if material.config.student.is_adapter else model_files.load(folder.student, "trained")
    scored = [("trained", trained, weights.megabytes(folder.student))]
    if (before := _untrained(material, folder)) is not None:
        scored.append(("untrained", *before))
    if isinstance(teacher, ApiTeacher):
        return scored
    return [*scored, ("teacher", teacher, _stored(teacher))]


def _untrained(material: Material, folder: RunFolder) -> tuple[LanguageModel, float] | None:
    """The student before its first step, and its MB; None where that is the teacher, reading the same prompt."""
    config = material.config
    if config.student.kind != "existing":
        return model_files.load(folder.untrained, "untrained"), weights.megabytes(folder.untrained)
    if config.student.prompted and config.base == config.teacher and config.student.precision == "full":
        return None
    if config.student.is_adapter:
        lm = replace(material.student, name="untrained", without_adapter=True)
    else:
        lm = replace(teachers.load(config.base), name="untrained")
    return lm, _stored(lm)


def _stored(lm: LanguageModel) -> float:
    return lm.parameters * BYTES_STORED / 1e6
