"""One run from configuration to report: the only place that knows the order of things."""

import gc
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import torch

from core.constrain.constraints import Constraints
from core.constrain.masks import MaskStore
from core.data.sample import spread
from core.distill.config import RunConfig
from core.distill.sequences import TokenSequence, tokenise, used_tokens
from core.distill.teacher import LiveTeacher, SignalSource
from core.distill.train import Trainer
from core.errors import DataError, StillroomError
from core.evaluate.pressure import refused_mass
from core.evaluate.report import Report, ReportExample
from core.evaluate.score import evaluate, machine
from core.models import checkpoint as model_files
from core.models import prompting, students, teachers
from core.models.language_model import LanguageModel
from core.runs import checkpoint
from core.runs.folder import RunFolder, Status, device_lock
from core.tasks import TASKS, Dataset, Example, Task

Stop = Callable[[], bool]


class _Stopped(Exception):
    """The user asked the run to stop."""


def execute(
    folder: RunFolder, should_stop: Stop = lambda: False, say: Callable[[str], None] = lambda line: None
) -> Status:
    """Works on a run until it is finished, stopped or failed; goes on from its last checkpoint.

    The caller holds the folder's lock. Waits while another run, of any process, has the device. Never
    raises for what goes wrong inside the run: the returned and written status says it.
    """
    run = _Run(folder, should_stop, say)
    try:
        run.update(state="queued", phase="waiting for the run before it")
        with device_lock(folder.path.parent, should_stop) as granted:
            if not granted:
                raise _Stopped
            run.work()
        run.update(state="finished", phase="", progress=1.0)
    except _Stopped:
        run.update(state="stopped", phase="")
    except StillroomError as error:
        run.update(state="failed", phase="", error=str(error))
    except Exception as error:  # whatever it is, the screen shows it
        run.update(state="failed", phase="", error=_explain(error), traceback=traceback.format_exc())
    _out_of_the_collectors_sight()
    folder.log(run.outcome())
    say(run.outcome())
    return run.status


def _out_of_the_collectors_sight() -> None:
    """Frees what is dead and spares what lives from every later collection. The interface collects after each
    rerun, and walking a corpus of tokens several times a second halves the speed of training."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _explain(error: Exception) -> str:
    text = str(error) or type(error).__name__
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "allocate memory" in text:
        return "out of memory: lower the batch size, the student's width or depth, or the context."
    if isinstance(error, OSError) and error.errno == 28:
        return "the disk is full: free some space and resume."
    return f"{type(error).__name__}: {text}"


class _Run:
    def __init__(self, folder: RunFolder, should_stop: Stop, say: Callable[[str], None]) -> None:
        self.folder, self.should_stop, self.say = folder, should_stop, say
        before = folder.status()
        self.held_out: list[TokenSequence] = []
        fresh = {"state": "running", "started": before.started or time.time(), "error": None, "traceback": None}
        self.status = before.model_copy(update=fresh)

    def outcome(self) -> str:
        return f"{self.folder.name}: {self.status.state}" + (f": {self.status.error}" if self.status.error else "")

    def update(self, **changes: object) -> None:
        self.status = self.status.model_copy(update=changes)
        self.folder.write_status(self.status)

    def phase(self, text: str) -> None:
        if self.should_stop():
            raise _Stopped
        self.update(state="running", phase=text, error=None, traceback=None)
        self.folder.log(text)
        self.say(text)

    def work(self) -> None:
        self.phase("reading the data")
        config = self.folder.config()
        task = TASKS[config.task]
        data = task.load(config.data)
        if not data.train or not data.test:
            raise DataError(f"the dataset {data.name!r} has no examples to train on or to test on.")
        data = needed(config, data)
        self.phase(f"loading the teacher {config.teacher}")
        teacher = teachers.load(config.teacher)
        self.phase("building the student")
        student = students.build(config.student, teacher, used_tokens(teacher, task, data.train), config.seed)
        trainer = self.trainer(config, task, data, teacher, student)
        if not self.folder.untrained.exists() and config.student.kind != "adapter":
            model_files.save(student, self.folder.untrained, torch.bfloat16)
        if last := checkpoint.latest(self.folder):
            checkpoint.restore(last, trainer)
            self.folder.log(f"resumed from {last.name}")
        self.folder.keep_metrics_until(trainer.progress.step)
        self.update(step=trainer.progress.step, total=trainer.total, progress=trainer.done())
        _out_of_the_collectors_sight()
        self.train(config, task, data, teacher, student, trainer)
        self.phase("saving the student")
        model_files.save(student, self.folder.student, torch.bfloat16)
        self.report(config, task, data, teacher, student, trainer.progress.seconds)

    def trainer(
        self, config: RunConfig, task: Task, data: Dataset, teacher: LanguageModel, student: LanguageModel
    ) -> Trainer:
        self.phase(f"tokenising {len(data.train)} examples and computing their masks")
        store = MaskStore(student.tokens)
        reader = _as_reader(config, task, teacher, student)
        constraints = Constraints(task, student.tokens, config.conditioned)
        sequences = tokenise(student, constraints, data.train, store, reader)
        # What cannot be scored is said now, not after the training.
        self.held_out = tokenise(student, constraints, _held_out(config, data), store, reader)
        tokenise(student, constraints, data.test, MaskStore(student.tokens), reader)
        free = sum(row >= 0 for s in sequences for row in s.rows)
        answers = sum(len(s.answer) for s in sequences)
        self.folder.log(f"{answers:,} answer tokens, {free:,} of them free; {len(store):,} different masks")
        if all(stage.method == "gold" for stage in config.stages):
            return Trainer(config, student, sequences, store)
        old_ids = torch.tensor(students.old_ids(student, teacher))
        prompt = config.teacher_prompt()
        prompts = [prompting.render(teacher, task, prompt, e.input) for e in data.train]
        for sequence, ids in zip(sequences, prompts, strict=True):
            teacher.check_length(len(ids) + len(sequence.answer))
        source = SignalSource(
            LiveTeacher(teacher, old_ids), prompts, sequences, store, config.signals, config.seed, self.folder.signals
        )
        return Trainer(config, student, sequences, store, source)

    def train(
        self,
        config: RunConfig,
        task: Task,
        data: Dataset,
        teacher: LanguageModel,
        student: LanguageModel,
        trainer: Trainer,
    ) -> None:
        self.phase("training")
        held_out = _held_out(config, data)
        for record in trainer:
            self.folder.add_metrics(asdict(record))
            self.update(step=record.step, total=record.total, progress=record.progress)
            if record.step % config.validate_every == 0:
                self.validate(config, task, held_out, teacher, student, trainer)
            if record.step % config.checkpoint_every == 0 or self.should_stop():
                checkpoint.save(self.folder, trainer)
            if self.should_stop():
                raise _Stopped
        checkpoint.save(self.folder, trainer)
        self.validate(config, task, held_out, teacher, student, trainer)

    def validate(
        self,
        config: RunConfig,
        task: Task,
        examples: Sequence[Example],
        teacher: LanguageModel,
        student: LanguageModel,
        trainer: Trainer,
    ) -> None:
        step = trainer.progress.step
        reader = _as_reader(config, task, teacher, student)
        found = evaluate(
            student, task, examples, reader, role="trained", megabytes=0, conditioned=config.conditioned,
            should_stop=self.should_stop,
        )  # fmt: skip
        if self.should_stop():
            return
        values = {name: score.value for name, score in found.scores.items()}
        answers = [(s.prompt, s.answer, s.rows) for s in self.held_out]
        values["refused_mass"] = refused_mass(student, answers, trainer.store)
        self.folder.add_metrics({"step": step, "validation": values})
        self.folder.log(f"step {step}: " + ", ".join(f"{k} {v:.3f}" for k, v in values.items()))
        self.say(f"step {step}: {task.metrics[0]} {values.get(task.metrics[0], 0):.3f}")

    def report(
        self,
        config: RunConfig,
        task: Task,
        data: Dataset,
        teacher: LanguageModel,
        student: LanguageModel,
        seconds: float,
    ) -> None:
        """Scores the student as it was saved, what it was before its first step, and its teacher."""
        if config.student.kind == "adapter":
            scored = [("trained", student, model_files.megabytes(self.folder.student))]
        else:
            folders = {"trained": self.folder.student, "untrained": self.folder.untrained}
            scored = [(k, model_files.load(f, k), model_files.megabytes(f)) for k, f in folders.items()]
            scored.append(("teacher", teacher, teacher.parameters * BYTES_OF_TEACHER / 1e6))
        models = []
        for role, lm, megabytes in scored:
            self.phase(f"scoring the {role} model" if role == "teacher" else f"scoring the {role} student")
            found = evaluate(
                lm,
                task,
                data.test,
                _as_reader(config, task, teacher, lm),
                role=role,
                megabytes=megabytes,
                conditioned=config.conditioned,
                free=FREE_EXAMPLES if role == "trained" else 0,
                should_stop=self.should_stop,
            )
            if self.should_stop():
                raise _Stopped
            models.append(found)
        self.folder.write_report(
            Report(
                task=task.name,
                data=data.name,
                machine=machine(),
                seconds=seconds,
                leaks=len(replace(data, dev=()).leaks()),
                examples=tuple(ReportExample(input=e.input, gold=e.answer) for e in data.test),
                models=tuple(models),
            )
        )


def _held_out(config: RunConfig, data: Dataset) -> Sequence[Example]:
    return spread(data.dev or data.test, config.validation_examples)


def needed(config: RunConfig, data: Dataset) -> Dataset:
    """The examples that the stages and the report ask for."""
    wanted = [stage.examples for stage in config.stages]
    most = None if None in wanted else max(w for w in wanted if w)
    return replace(data, train=tuple(spread(data.train, most)), test=tuple(spread(data.test, config.report_examples)))


BYTES_OF_TEACHER = 2  # as it is stored, in bf16
FREE_EXAMPLES = 4  # without the constraint there is no fast-forward: a few show what the mask does


def _as_reader(config: RunConfig, task: Task, teacher: LanguageModel, lm: LanguageModel) -> Callable[[str], list[int]]:
    """How `lm` reads an input: a teacher, and a teacher with a new adapter, with the prompt; a student without."""
    if lm is teacher or config.student.kind == "adapter":
        prompt = config.teacher_prompt()
        return lambda text: prompting.render(lm, task, prompt, text)
    return lm.student_prompt
