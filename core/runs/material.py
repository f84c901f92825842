"""What a run works on: data, teacher and student, read in the order in which mistakes cost least."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch

from core.constrain.constraints import Constraints
from core.data.sample import spread
from core.distill import processes
from core.distill.config import RunConfig
from core.distill.fitting import Misfit, Reading, explain, fitting, misfits, without
from core.distill.sequences import used_tokens
from core.errors import DataError
from core.models import api, prompting, students, teachers
from core.models.language_model import LanguageModel
from core.runs.examples import answered, check, check_gold, content, needed
from core.runs.labelling import Labels, Teacher
from core.tasks import TASKS, Dataset, Example, Task
from core.tasks.task import SPLITS

Say = Callable[[str], None]
Stop = Callable[[], bool]
LabelData = Callable[[RunConfig, Task, Dataset, Teacher, LanguageModel], Labels | None]
SAMPLE = 32  # examples that show what matters in a model whose width is cut


@dataclass(frozen=True)
class Material:
    """`base` is the model that the student is made from: the teacher, or another that the configuration names. Where
    the student is an adapter on its own teacher, all three are one model in memory. `labels` are the teacher's
    answers, where a stage learns them. `left_out` examples did not fit and are not in `data` any more. `ungraded`: how
    many examples of a split had no gold answer; what the teacher wrote stands there, the schema's shortest answer if it
    was not asked. `held_out_content` has a hash of all of dev and of test, as the data holds them."""

    config: RunConfig
    task: Task
    data: Dataset
    teacher: Teacher
    base: LanguageModel
    student: LanguageModel
    labels: Labels | None = None
    left_out: int = 0
    ungraded: dict[str, int] = field(default_factory=dict)
    held_out_content: dict[str, str] = field(default_factory=dict)

    @property
    def held_out(self) -> Sequence[Example]:
        """The examples of each validation."""
        return spread(self.data.dev, self.config.validation_examples)

    def reader(self, lm: LanguageModel) -> Callable[[str], list[int]]:
        """How `lm` reads an input: a teacher, and a student that is to, with the prompt; other students without."""
        return _reader(self.config, self.task, lm, lm is self.teacher or self.config.student.prompted)

    def constraints(self, lm: LanguageModel) -> Constraints:
        """The schema of each input, over the tokens of `lm`."""
        return Constraints(self.task, lm.tokens, self.config.conditioned)


def _reader(config: RunConfig, task: Task, lm: LanguageModel, prompted: bool) -> Callable[[str], list[int]]:
    if not prompted:
        return lm.student_prompt
    prompt = config.teacher_prompt()
    return lambda text: prompting.render(lm, task, prompt, text)


def gather(config: RunConfig, say: Say = lambda line: None, label: LabelData | None = None) -> Material:
    """Raises DataError for data that cannot be learned from, ModelError for models that cannot be had. Without
    `label` the teacher is not asked for labels: that may take long, and cost money."""
    say("reading the data")
    task = TASKS[config.task]
    data = task.load(config.data)
    if not data.train or not data.test:
        raise DataError(f"the dataset {data.name!r} has no examples to train on or to test on.")
    held_out_content = {split: content(data.split(split)) for split in ("dev", "test")}
    data = needed(config, data)
    check(config, len(data.train))
    check_gold(config, data)
    _check_tokenizers(config)
    teacher, base = _models(config, say)
    early: list[Misfit] = []
    if label and (config.labelled or data.without_gold):
        data, early = _askable(config, task, data, teacher, base)
    labels = processes.by_main(lambda: label(config, task, data, teacher, base)) if label else None
    ungraded = {s: n for s in SPLITS if (n := sum(not e.answer for e in data.split(s)))}
    if ungraded:
        data = answered(task, data, labels)
        check(config, len(data.train))
    say("building the student")
    examples = (*data.train, *(labels.examples if labels else ()))
    used = used_tokens(base, task, examples, config.student.min_count)
    student = students.build(config.student, base, used, config.seed, _sample(config, base, data))
    if base is teacher and config.student.is_adapter:
        teacher = base = replace(student, name=base.name, without_adapter=True, prompts={})
    if config.gradient_checkpointing:
        students.checkpoint_activations(student)
    whole = Material(config, task, data, teacher, base, student, labels, 0, ungraded, held_out_content)
    return _fitted(whole, early, say)


def _check_tokenizers(config: RunConfig) -> None:
    """Raises ModelError, before any weights are read, for a student whose tokens its teacher could not score."""
    if config.student.model and any(stage.needs_scores for stage in config.stages):
        names = teachers.tokenizer(config.student.model).get_vocab()
        students.check_known(names, teachers.tokenizer(config.teacher))


def _models(config: RunConfig, say: Say) -> tuple[Teacher, LanguageModel]:
    """The teacher, and the model that the student is made from."""
    if api.is_address(config.teacher):
        assert config.student.model is not None  # RunConfig sees to it
        say(f"loading {config.student.model}")
        return api.parse(config.teacher), _base(config, None)
    say(f"loading the teacher {config.teacher}")
    teacher = teachers.load(config.teacher)
    if teacher.reads_input_alone and any(stage.method == "logits" for stage in config.stages):
        say(
            "the teacher is a student: under 'logits' it also teaches what it says about the input, which it has "
            "learned only from 'logits' itself. If it has not, take the method 'task'."
        )
    return teacher, _base(config, teacher)


def _base(config: RunConfig, teacher: LanguageModel | None) -> LanguageModel:
    """The teacher itself, unless another model is named, or the student needs its own weights: to change them, or in
    another precision."""
    student = config.student
    if teacher and config.base == config.teacher and student.tuning != "full" and student.precision == "full":
        return teacher
    return teachers.load(config.base, torch.float32 if student.tuning == "full" else None, student.precision)


def _sample(config: RunConfig, base: LanguageModel, data: Dataset) -> list[list[int]]:
    """A few inputs and answers as a student will read them, for a cut in width."""
    if not config.student.cut_width:
        return []
    chosen = spread(data.train, SAMPLE)
    whole = [[*base.student_prompt(e.input), *base.encode(e.answer), base.eos] for e in chosen]
    return [ids[: config.student.context] for ids in whole]


def _askable(
    config: RunConfig, task: Task, data: Dataset, teacher: Teacher, base: LanguageModel
) -> tuple[Dataset, list[Misfit]]:
    """The data without what will not be learned or scored, about which nobody is asked. Raises as `fitting` does."""
    context = base.context if config.student.kind == "existing" else config.student.context
    readings = _readings(config, task, data, teacher, base, context)
    return fitting(base, Constraints(task, base.tokens, config.conditioned), data, readings, config.drop_misfits)


def _readings(
    config: RunConfig, task: Task, data: Dataset, teacher: Teacher, student: LanguageModel, context: int
) -> list[Reading]:
    """Who reads the examples: the student, and a teacher that runs here, where it is learned from and scored."""
    found = [Reading("student", _reader(config, task, student, config.student.prompted), context)]
    if isinstance(teacher, LanguageModel):
        teaches = any(stage.method != "gold" for stage in config.stages)
        answers = {s for s in SPLITS if not all(e.answer for e in data.split(s))}
        splits = tuple({"test"} | ({"train"} if teaches else set()) | answers)
        found.append(Reading("teacher", _reader(config, task, teacher, True), teacher.context, splits))
    return found


def _fitted(material: Material, early: list[Misfit], say: Say) -> Material:
    """Only what fits the student as it is, labels too. Raises MisfitError if something does not and the configuration
    does not leave it out."""
    config, student, labels = material.config, material.student, material.labels
    constraints = material.constraints(student)
    readings = _readings(config, material.task, material.data, material.teacher, student, student.context)
    data, found = fitting(student, constraints, material.data, readings, config.drop_misfits)
    written = labels.examples if labels else []
    long = misfits(student, constraints, "labels", written, [replace(readings[0], splits=("labels",))])
    if labels and long:
        kept = set(without("labels", written, long, config.drop_misfits))
        train = tuple(label for label, e in zip(labels.train, written, strict=True) if e in kept)
        learned = labels.report.learned - len(long)
        labels = replace(labels, train=train, report=labels.report.model_copy(update={"learned": learned}))
    if gone := [*early, *found, *long]:
        say(f"left out {len(gone):,} example{'s' * (len(gone) != 1)}. " + explain(gone).replace("\n", " "))
    return replace(material, data=data, labels=labels, left_out=len(gone))
