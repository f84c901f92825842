"""What a run works on: data, teacher and student, read in the order in which mistakes cost least."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from core.constrain.constraints import Constraints
from core.constrain.masks import MaskStore
from core.data.sample import spread
from core.distill.config import RunConfig
from core.distill.sequences import TokenSequence, tokenise, used_tokens
from core.distill.teacher import LiveTeacher, SignalSource
from core.distill.train import Trainer
from core.errors import DataError
from core.models import prompting, students, teachers
from core.models.language_model import LanguageModel
from core.runs.folder import RunFolder
from core.tasks import TASKS, Dataset, Example, Task

Say = Callable[[str], None]
SAMPLE = 32  # examples that show what matters in a model whose width is cut


@dataclass(frozen=True)
class Material:
    """`base` is the model that the student is made from: the teacher, or another that the configuration names. Where
    the student is an adapter on its own teacher, all three are one model in memory."""

    config: RunConfig
    task: Task
    data: Dataset
    teacher: LanguageModel
    base: LanguageModel
    student: LanguageModel

    @property
    def held_out(self) -> Sequence[Example]:
        """The examples of each validation."""
        return spread(self.data.dev or self.data.test, self.config.validation_examples)

    def reader(self, lm: LanguageModel) -> Callable[[str], list[int]]:
        """How `lm` reads an input: a teacher, and a student that is to, with the prompt; other students without."""
        if lm is self.teacher or self.config.student.prompted:
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
    base = _base(config, teacher)
    say("building the student")
    used, sample = used_tokens(base, task, data.train), _sample(config, base, data)
    student = students.build(config.student, base, used, config.seed, sample)
    if base is teacher and config.student.is_adapter:
        teacher = base = replace(student, name=teacher.name, without_adapter=True, prompts={})
    if config.gradient_checkpointing:
        students.checkpoint_activations(student)
    return Material(config, task, data, teacher, base, student)


def _base(config: RunConfig, teacher: LanguageModel) -> LanguageModel:
    """The teacher itself, unless another model is named, or the student needs its own weights: to change them, or in
    another precision."""
    student = config.student
    name = student.model or config.teacher
    if name == config.teacher and student.tuning != "full" and student.precision == "full":
        return teacher
    return teachers.load(name, torch.float32 if student.tuning == "full" else None, student.precision)


def _sample(config: RunConfig, base: LanguageModel, data: Dataset) -> list[list[int]]:
    """A few inputs and answers as a student will read them, for a cut in width."""
    if not config.student.cut_width:
        return []
    chosen = spread(data.train, SAMPLE)
    whole = [[*base.student_prompt(e.input), *base.encode(e.answer), base.eos] for e in chosen]
    return [ids[: config.student.context] for ids in whole]


def needed(config: RunConfig, data: Dataset) -> Dataset:
    """The examples that the stages and the report ask for."""
    wanted = [stage.examples for stage in config.stages]
    most = None if None in wanted else max(w for w in wanted if w)
    return replace(data, train=tuple(spread(data.train, most)), test=tuple(spread(data.test, config.report_examples)))


def prepare(material: Material, folder: RunFolder) -> tuple[Trainer, list[TokenSequence]]:
    """The trainer, and the held-out examples as token sequences. Whatever cannot be learned or scored is refused
    here, before the training."""
    config, task, data, student = material.config, material.task, material.data, material.student
    store = MaskStore(student.tokens)
    reader = material.reader(student)
    constraints = Constraints(task, student.tokens, config.conditioned)
    sequences = tokenise(student, constraints, data.train, store, reader)
    held_out = tokenise(student, constraints, material.held_out, store, reader)
    tokenise(student, constraints, data.test, MaskStore(student.tokens), reader)
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
