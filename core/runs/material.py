"""What a run works on: data, teacher and student, read in the order in which mistakes cost least."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from core.constrain.constraints import Constraints
from core.constrain.masks import MaskStore
from core.data.sample import spread
from core.distill.config import RunConfig
from core.distill.fitting import explain, fitting
from core.distill.sequences import TokenSequence, tokenise, used_tokens
from core.distill.teacher import LiveTeacher, SignalSource
from core.distill.train import Trainer
from core.errors import DataError
from core.models import prompting, students, teachers
from core.models.language_model import LanguageModel
from core.runs.folder import RunFolder
from core.tasks import TASKS, Dataset, Example, Task

Say = Callable[[str], None]


@dataclass(frozen=True)
class Material:
    """`base` is the model that the student is made from: the teacher, or another that the configuration names.
    `left_out` examples did not fit and are not in `data` any more."""

    config: RunConfig
    task: Task
    data: Dataset
    teacher: LanguageModel
    base: LanguageModel
    student: LanguageModel
    left_out: int = 0

    @property
    def held_out(self) -> Sequence[Example]:
        """The examples of each validation."""
        return spread(self.data.dev or self.data.test, self.config.validation_examples)

    def reader(self, lm: LanguageModel) -> Callable[[str], list[int]]:
        """How `lm` reads an input: a teacher, and a teacher with a new adapter, with the prompt; a student without."""
        if lm is self.teacher or self.config.student.kind == "adapter":
            prompt = self.config.teacher_prompt()
            return lambda text: prompting.render(lm, self.task, prompt, text)
        return lm.student_prompt


def gather(config: RunConfig, say: Say = lambda line: None) -> Material:
    """Raises DataError for data that cannot be learned from, ModelError for models that cannot be had."""
    say("reading the data")
    task = TASKS[config.task]
    data = task.load(config.data)
    if not data.train or not data.test:
        raise DataError(f"the dataset {data.name!r} has no examples to train on or to test on.")
    data = needed(config, data)
    say(f"loading the teacher {config.teacher}")
    teacher = teachers.load(config.teacher)
    base = teachers.load(config.student.model) if config.student.model else teacher
    say("building the student")
    student = students.build(config.student, base, used_tokens(base, task, data.train), config.seed)
    return _fitted(Material(config, task, data, teacher, base, student), say)


def _fitted(material: Material, say: Say) -> Material:
    """Only what fits. Raises MisfitError if something does not and the configuration does not leave it out."""
    config, student = material.config, material.student
    constraints = Constraints(material.task, student.tokens, config.conditioned)
    data, found = fitting(student, constraints, material.data, material.reader(student), config.drop_misfits)
    if found:
        say(
            f"left out {len(found):,} example{'s' * (len(found) != 1)}. "
            + explain(found, student.context).replace("\n", " ")
        )
    return replace(material, data=data, left_out=len(found))


def needed(config: RunConfig, data: Dataset) -> Dataset:
    """The examples that the stages, the validations and the report ask for."""
    wanted = [stage.examples for stage in config.stages]
    most = None if None in wanted else max(w for w in wanted if w)
    return replace(
        data,
        train=tuple(spread(data.train, most)),
        dev=tuple(spread(data.dev, config.validation_examples)),
        test=tuple(spread(data.test, config.report_examples)),
    )


def prepare(material: Material, folder: RunFolder) -> tuple[Trainer, list[TokenSequence]]:
    """The trainer, and the held-out examples as token sequences."""
    config, task, data, student = material.config, material.task, material.data, material.student
    store = MaskStore(student.tokens)
    reader = material.reader(student)
    constraints = Constraints(task, student.tokens, config.conditioned)
    sequences = tokenise(student, constraints, data.train, store, reader)
    held_out = tokenise(student, constraints, material.held_out, store, reader)
    free = sum(row >= 0 for s in sequences for row in s.rows)
    answers = sum(len(s.answer) for s in sequences)
    folder.log(f"{answers:,} answer tokens, {free:,} of them free; {len(store):,} different masks")
    return Trainer(config, student, sequences, store, _source(material, sequences, store, folder)), held_out


def _source(
    material: Material, sequences: list[TokenSequence], store: MaskStore, folder: RunFolder
) -> SignalSource | None:
    """The teacher's signals, or None where no stage asks for them."""
    config, teacher = material.config, material.teacher
    if all(stage.method == "gold" for stage in config.stages):
        return None
    old_ids = torch.tensor(students.old_ids(material.student, teacher))
    prompt = config.teacher_prompt()
    prompts = [prompting.render(teacher, material.task, prompt, e.input) for e in material.data.train]
    for sequence, ids in zip(sequences, prompts, strict=True):
        teacher.check_length(len(ids) + len(sequence.answer))
    live = LiveTeacher(teacher, old_ids)
    return SignalSource(live, prompts, sequences, store, config.signals, config.seed, folder.signals)
