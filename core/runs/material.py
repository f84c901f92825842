"""What a run works on: data, teacher and student, read in the order in which mistakes cost least."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch

from core.constrain.constraints import Constraints
from core.constrain.masks import MaskStore
from core.data.sample import spread
from core.distill import processes, schedule
from core.distill.config import RunConfig
from core.distill.fitting import SPLITS, Misfit, Reading, explain, fitting, misfits, without
from core.distill.label_signals import LabelSignals, said_of
from core.distill.on_policy import OnPolicy
from core.distill.sequences import TokenSequence, tokenise, used_tokens
from core.distill.teacher import LiveTeacher, SignalSource
from core.distill.train import Labelled, Trainer
from core.errors import ConfigError, DataError, ModelError, SchemaError
from core.models import api, existing, prompting, students, teachers
from core.models.api import LIKELIEST, ApiTeacher
from core.models.language_model import LanguageModel
from core.runs.folder import RunFolder
from core.runs.labelling import Labels, Teacher
from core.tasks import TASKS, Dataset, Example, Task
from core.tasks.task import shortest

Say = Callable[[str], None]
Stop = Callable[[], bool]
Label = Callable[[RunConfig, Task, Dataset, Teacher, LanguageModel], Labels | None]
SAMPLE = 32  # examples that show what matters in a model whose width is cut


@dataclass(frozen=True)
class Material:
    """`base` is the model that the student is made from: the teacher, or another that the configuration names. Where
    the student is an adapter on its own teacher, all three are one model in memory. `labels` are the teacher's
    answers, where a stage learns them. `left_out` examples did not fit and are not in `data` any more. `ungraded`: how
    many examples of a split had no gold answer; what the teacher wrote stands there, the schema's shortest answer if it
    was not asked."""

    config: RunConfig
    task: Task
    data: Dataset
    teacher: Teacher
    base: LanguageModel
    student: LanguageModel
    labels: Labels | None = None
    left_out: int = 0
    ungraded: dict[str, int] = field(default_factory=dict)

    @property
    def held_out(self) -> Sequence[Example]:
        """The examples of each validation."""
        return spread(self.data.dev, self.config.validation_examples)

    def reader(self, lm: LanguageModel) -> Callable[[str], list[int]]:
        """How `lm` reads an input: a teacher, and a student that is to, with the prompt; other students without."""
        return _reader(self.config, self.task, lm, lm is self.teacher or self.config.student.prompted)


def _reader(config: RunConfig, task: Task, lm: LanguageModel, prompted: bool) -> Callable[[str], list[int]]:
    if not prompted:
        return lm.student_prompt
    prompt = config.teacher_prompt()
    return lambda text: prompting.render(lm, task, prompt, text)


def gather(config: RunConfig, say: Say = lambda line: None, label: Label | None = None) -> Material:
    """Raises DataError for data that cannot be learned from, ModelError for models that cannot be had. Without
    `label` the teacher is not asked for labels: that may take long, and cost money."""
    say("reading the data")
    task = TASKS[config.task]
    data = task.load(config.data)
    if not data.train or not data.test:
        raise DataError(f"the dataset {data.name!r} has no examples to train on or to test on.")
    data = needed(config, data)
    check(config, len(data.train))
    check_gold(config, data)
    if config.student.model and any(stage.needs_scores for stage in config.stages):
        names = teachers.tokenizer(config.student.model).get_vocab()
        students.check_known(names, teachers.tokenizer(config.teacher))
    teacher, base = _models(config, say)
    early: list[Misfit] = []
    if label and (config.labelled or data.without_gold):  # nobody is asked about what will not be learned
        context = base.context if config.student.kind == "existing" else config.student.context
        readings = _readings(config, task, data, teacher, base, context)
        constraints = Constraints(task, base.tokens, config.conditioned)
        data, early = fitting(base, constraints, data, readings, config.drop_misfits)
    labels = processes.by_main(lambda: label(config, task, data, teacher, base)) if label else None
    ungraded = {s: n for s in SPLITS if (n := sum(not e.answer for e in data.split(s)))}
    if ungraded:
        data = _answered(task, data, labels)
        check(config, len(data.train))
    say("building the student")
    used = used_tokens(base, task, (*data.train, *_as_examples(labels)))
    student = students.build(config.student, base, used, config.seed, _sample(config, base, data))
    if base is teacher and config.student.is_adapter:
        teacher = base = replace(student, name=base.name, without_adapter=True, prompts={})
    if config.gradient_checkpointing:
        students.checkpoint_activations(student)
    return _fitted(Material(config, task, data, teacher, base, student, labels, ungraded=ungraded), early, say)


def _models(config: RunConfig, say: Say) -> tuple[Teacher, LanguageModel]:
    """The teacher, and the model that the student is made from."""
    if api.is_address(config.teacher):
        assert config.student.model is not None  # RunConfig sees to it
        say(f"loading {config.student.model}")
        return api.parse(config.teacher), _base(config, None)
    say(f"loading the teacher {config.teacher}")
    teacher = teachers.load(config.teacher)
    return teacher, _base(config, teacher)


def _base(config: RunConfig, teacher: LanguageModel | None) -> LanguageModel:
    """The teacher itself, unless another model is named, or the student needs its own weights: to change them, or in
    another precision."""
    student = config.student
    name = student.model or config.teacher
    if teacher and name == config.teacher and student.tuning != "full" and student.precision == "full":
        return teacher
    return teachers.load(name, torch.float32 if student.tuning == "full" else None, student.precision)


def _sample(config: RunConfig, base: LanguageModel, data: Dataset) -> list[list[int]]:
    """A few inputs and answers as a student will read them, for a cut in width."""
    if not config.student.cut_width:
        return []
    chosen = spread(data.train, SAMPLE)
    whole = [[*base.student_prompt(e.input), *base.encode(e.answer), base.eos] for e in chosen]
    return [ids[: config.student.context] for ids in whole]


def _as_examples(labels: Labels | None) -> list[Example]:
    return [Example(label.input, label.answer) for label in labels.train] if labels else []


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
    constraints = Constraints(material.task, student.tokens, config.conditioned)
    readings = _readings(config, material.task, material.data, material.teacher, student, student.context)
    data, found = fitting(student, constraints, material.data, readings, config.drop_misfits)
    written = _as_examples(labels)
    long = misfits(student, constraints, "labels", written, [replace(readings[0], splits=("labels",))])
    if labels and long:
        kept = set(without("labels", written, long, config.drop_misfits))
        train = tuple(label for label, e in zip(labels.train, written, strict=True) if e in kept)
        learned = labels.report.learned - len(long)
        labels = replace(labels, train=train, report=labels.report.model_copy(update={"learned": learned}))
    if gone := [*early, *found, *long]:
        say(f"left out {len(gone):,} example{'s' * (len(gone) != 1)}. " + explain(gone).replace("\n", " "))
    return replace(material, data=data, labels=labels, left_out=len(gone))


def needed(config: RunConfig, data: Dataset) -> Dataset:
    """The examples that the stages, the validations and the report ask for. Of held-out examples those with a gold
    answer, if there are any: models are scored by one measure."""
    wanted = [stage.examples for stage in config.stages]
    most = None if None in wanted else max(w for w in wanted if w)
    return replace(
        data,
        train=tuple(spread(data.train, most)),
        dev=tuple(spread(_graded(data.dev), config.validation_examples)),
        test=tuple(spread(_graded(data.test), config.report_examples)),
    )


def _graded(examples: Sequence[Example]) -> Sequence[Example]:
    return [e for e in examples if e.answer] or examples


def _answered(task: Task, data: Dataset, labels: Labels | None) -> Dataset:
    """The data with what its teacher answered in the place of gold that is not known, without what the schema
    refuses. Raises DataError if nothing of a split is left."""

    def answer(text: str) -> str:
        return labels.answers.get(text, "") if labels else shortest(task.template(text))

    every = {s: [e if e.answer else replace(e, answer=answer(e.input)) for e in data.split(s)] for s in SPLITS}
    left = {s: tuple(e for e in examples if e.answer) for s, examples in every.items()}
    if gone := [s for s in SPLITS if data.split(s) and not left[s]]:
        raise DataError(
            f"the data has no gold answers in {gone[0]}, and the schema refuses all that the teacher wrote: give it "
            "worked examples and the schema in its prompt, take another teacher, or add gold answers."
        )
    return replace(data, train=left["train"], dev=left["dev"], test=left["test"])


def check(config: RunConfig, examples: int) -> None:
    """Raises ConfigError for what a configuration asks of so many examples in vain."""
    for number, stage in enumerate(config.stages, 1):
        there = min(stage.examples or examples, examples)
        if config.batch_size > there:
            raise ConfigError(f"stage {number} has {there} examples: lower batch_size, which is {config.batch_size}.")
    if config.batch_tokens:
        return  # how many steps there are is known when the examples have been read
    steps = planned_steps(config, [0] * examples)
    if config.student.kind == "existing" and config.student.tuning == "adalora":
        existing.check_steps(sum(steps))
    validations = steps[-1] // config.validate_every
    if config.patience and validations < config.patience:
        raise ConfigError(
            f"patience {config.patience} cannot wear out: the last stage has {steps[-1]} steps and so {validations} "
            "validations: lower patience or validate_every."
        )


def planned_steps(config: RunConfig, lengths: Sequence[int]) -> list[int]:
    """Steps of each stage on examples of so many tokens, which count only under a limit of tokens a batch."""
    return [schedule.steps(config, stage, lengths) for stage in config.stages]


def check_gold(config: RunConfig, data: Dataset) -> None:
    """Raises DataError for a stage that learns gold answers which the data does not have."""
    for number, stage in enumerate(config.stages, 1):
        chosen = spread(data.train, stage.examples)
        missing = sum(not e.answer for e in chosen)
        if missing and (stage.method == "gold" or (stage.needs_scores and stage.gold_weight)):
            wants = "the method 'gold'" if stage.method == "gold" else f"gold_weight {stage.gold_weight:g}"
            raise DataError(
                f"stage {number}: {wants} learns the data's own answers, which {missing:,} of {len(chosen):,} training "
                f"examples of {data.name!r} do not have: take the method 'pseudo_labels', 'task' or 'logits', where "
                "the teacher writes them, with gold_weight 0, or add the answers."
            )


def prepare(material: Material, folder: RunFolder) -> tuple[Trainer, list[TokenSequence]]:
    """The trainer, and the held-out examples as token sequences."""
    config, task, data, student = material.config, material.task, material.data, material.student
    store = MaskStore(student.tokens)
    reader = material.reader(student)
    constraints = Constraints(task, student.tokens, config.conditioned)
    learns_data = any(stage.method != "pseudo_labels" for stage in config.stages)
    sequences = tokenise(student, constraints, data.train if learns_data else (), store, reader)
    answers = tokenise(student, constraints, _as_examples(material.labels), store, reader)
    labelled = _labelled(material, answers, folder)
    held_out = tokenise(student, constraints, material.held_out, store, reader)
    free = sum(row >= 0 for s in (*sequences, *answers) for row in s.rows)
    tokens = sum(len(s.answer) for s in (*sequences, *answers))
    folder.log(f"{tokens:,} answer tokens, {free:,} of them free; {len(store):,} different masks")
    source = _source(material, sequences, store, folder)
    on_policy = _on_policy(material, constraints, source)
    return Trainer(config, student, sequences, store, source, labelled, on_policy), held_out


def _on_policy(material: Material, constraints: Constraints, source: SignalSource | None) -> OnPolicy | None:
    """The student's own samples, or None where no stage asks for them."""
    sampling = [stage for stage in material.config.stages if stage.on_policy]
    if not sampling or source is None:
        return None
    room = [min(source.room(stage, i) for stage in sampling) for i in range(len(material.data.train))]
    inputs = [example.input for example in material.data.train]
    return OnPolicy(material.student, constraints, inputs, room, material.config.seed)


def _labelled(material: Material, sequences: list[TokenSequence], folder: RunFolder) -> Labelled | None:
    """What the stages learn of the teacher's answers, or None where they learn nothing of them. Raises ModelError if
    no log-probabilities are about the student's own tokens."""
    labels = material.labels
    lossy = [stage for stage in material.config.labelled if stage.labels == "logprobs"]
    if not labels or not lossy:
        return Labelled(sequences) if labels else None
    hard = all(stage.constraint == "hard" for stage in lossy)
    kept, said, reasons = [], [], []
    for label, sequence in zip(labels.train, sequences, strict=True):
        try:
            said.append(said_of(label, sequence, material.student.tokens, hard))
            kept.append(sequence)
        except SchemaError as error:
            reasons.append(f"to {label.input[:60]!r}: {error}")
    if not kept:
        raise ModelError(
            f"the log-probabilities of the API are of no use to this student; the first, {reasons[0]} "
            "Learn the labels' text, or take a student with the teacher's tokenizer."
        )
    folder.log(f"{len(kept)} answers with the log-probabilities of the {LIKELIEST} likeliest tokens: lossy")
    if reasons:
        folder.log(f"{len(reasons)} answers are left out for their tokens; the first, {reasons[0]}")
    return Labelled(kept, LabelSignals(said))


def _source(
    material: Material, sequences: list[TokenSequence], store: MaskStore, folder: RunFolder
) -> SignalSource | None:
    """The teacher's signals, or None where no stage asks for them."""
    config, teacher = material.config, material.teacher
    if isinstance(teacher, ApiTeacher) or not any(stage.needs_scores for stage in config.stages):
        return None
    old_ids = torch.tensor(students.old_ids(material.student, teacher))
    prompt = config.teacher_prompt()
    prompts = [prompting.render(teacher, material.task, prompt, e.input) for e in material.data.train]
    live = LiveTeacher(teacher, old_ids)
    process = processes.number()
    return SignalSource(live, prompts, sequences, store, config.signals, config.seed, folder.signals, process)
