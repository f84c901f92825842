"""One run from configuration to report: the only place that knows the order of things."""

import errno
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import asdict
from pathlib import Path

import torch

from core import collector
from core.distill import processes
from core.distill.config import RunConfig
from core.distill.schedule import judge
from core.distill.sequences import TokenSequence
from core.distill.train import Trainer
from core.errors import StillroomError
from core.models import checkpoint as model_files
from core.models.language_model import LanguageModel
from core.runs import checkpoint, scoring
from core.runs.folder import RunFolder, Status, device_lock
from core.runs.labelling import Labeller, Labels, Teacher
from core.runs.material import Material, Stop, gather
from core.runs.training import prepare
from core.tasks import Dataset, Task

NO_SPACE = f"os error {errno.ENOSPC}"  # how safetensors, which raises no OSError, spells it
NO_MEMORY = ("allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


class _Stopped(Exception):
    """The user asked the run to stop."""


def execute(
    folder: RunFolder, should_stop: Stop = lambda: False, say: Callable[[str], None] = lambda line: None
) -> Status:
    """Works on a run until it is finished, stopped or failed; goes on from its last checkpoint.

    The caller holds the folder's lock. Waits while another run has the device. Never raises for what goes wrong
    inside the run: the returned and written status says it, the returned one also where the disk is too full to write.
    Of several processes (`accelerate launch`) the main one's folder `writes`, and its `should_stop` counts.
    """
    run = _Run(folder, should_stop, say)
    try:
        turn = device_lock(folder.path.parent, should_stop, run.must_wait) if folder.writes else nullcontext(True)
        with turn as granted:
            if not processes.share(granted):
                raise _Stopped
            run.work()
        run.update(state="finished", phase="", progress=1.0)
    except _Stopped:
        run.end(state="stopped")
    except StillroomError as error:
        run.end(state="failed", error=str(error), failure=type(error).__name__)
    except Exception as error:  # whatever it is, the screen shows it
        run.end(state="failed", error=_explain(error), traceback=traceback.format_exc())
    collector.freeze()
    with suppress(RuntimeError):  # a GPU that has failed says so again
        torch.cuda.empty_cache()  # for other processes
    with suppress(OSError):
        folder.log(run.outcome())
    say(run.outcome())
    return run.status


def _explain(error: Exception) -> str:
    text = str(error) or type(error).__name__
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(said in text for said in NO_MEMORY):
        return (
            "out of memory: raise accumulate or set gradient_checkpointing in config.yaml and resume; or start anew "
            "with a smaller batch_size, student or context."
        )
    if (isinstance(error, OSError) and error.errno == errno.ENOSPC) or NO_SPACE in text:
        return "the disk is full: free some space and resume."
    return f"{type(error).__name__}: {text}"


class _Run:
    """A run under way: its status, and what is told to its folder and to whoever listens."""

    def __init__(self, folder: RunFolder, should_stop: Stop, say: Callable[[str], None]) -> None:
        self.folder, self.say = folder, say
        self.alone = False  # the main process works while the others wait for what comes of it
        self.should_stop = lambda: should_stop() if self.alone else processes.share(should_stop())
        # While an answer is written the processes do not talk to each other; several stop after it.
        self.should_stop_scoring: Stop = should_stop if processes.count() == 1 else lambda: False
        before = folder.status()
        fresh = {"state": "running", "started": before.started or time.time()}
        clean = {"error": None, "failure": None, "traceback": None}
        self.status = before.model_copy(update=fresh | clean)

    def outcome(self) -> str:
        return f"{self.folder.name}: {self.status.state}" + (f": {self.status.error}" if self.status.error else "")

    def update(self, **changes: object) -> None:
        self.status = self.status.model_copy(update=changes)
        self.folder.write_status(self.status)

    def end(self, **outcome: object) -> None:
        """How the run ended without being finished, known even where it cannot be written."""
        self.status = self.status.model_copy(update={"phase": "", **outcome})
        with suppress(OSError):
            self.folder.write_status(self.status)

    def must_wait(self) -> None:
        """Another run has the device."""
        text = "waiting for the run that trains here now"
        self.update(state="queued", phase=text)
        self.say(text)

    def note(self, text: str) -> None:
        """What the run is doing, for the screen alone."""
        if self.should_stop():
            raise _Stopped
        if text != self.status.phase or self.status.state != "running":
            self.update(state="running", phase=text, error=None, traceback=None)

    def phase(self, text: str) -> None:
        """As `note`, and in the log and the shell too."""
        self.note(text)
        self.folder.log(text)
        self.say(text)

    def work(self) -> None:
        """From the data to the report; raises _Stopped, and whatever goes wrong."""
        checkpoint.tidy(self.folder)
        material = gather(self.folder.config(), self.phase, self.label)
        self.phase(f"tokenising {len(material.data.train)} examples and computing their masks")
        trainer, held_out = prepare(material, self.folder)
        last = checkpoint.latest(self.folder)
        if last is None:
            self.folder.forget_students()
        if not self.folder.untrained.exists() and material.config.student.kind != "existing":
            self.save(material.student, self.folder.untrained)
        if last is not None:
            checkpoint.restore(last, trainer, material.held_out_content)
            self.folder.log(f"resumed from {last.name}")
        self.folder.keep_metrics_until(trainer.progress.step)
        self.update(step=trainer.progress.step, total=trainer.total, progress=trainer.done())
        collector.freeze()
        self.train(material, trainer, held_out)
        self.phase("saving the student")
        trainer.gather()
        if material.config.keep == "best" and (best := checkpoint.best(self.folder)):
            checkpoint.load_weights(best, material.student)
            self.folder.log(f"the student has the weights of {best.name}")
        self.save(material.student, self.folder.student)
        processes.wait_for_all()
        report = scoring.report(material, self.folder, trainer.progress.seconds, self.phase, self.should_stop_scoring)
        if report is None:
            raise _Stopped
        self.folder.write_report(report)

    def label(
        self, config: RunConfig, task: Task, data: Dataset, teacher: Teacher, reader: LanguageModel
    ) -> Labels | None:
        """As `Labeller`, which the main process does alone."""
        self.alone = True
        try:
            labeller = Labeller(self.folder, self.phase, self.note, self.should_stop)
            return labeller(config, task, data, teacher, reader)
        finally:
            self.alone = False

    def train(self, material: Material, trainer: Trainer, held_out: list[TokenSequence]) -> None:
        self.phase("training")
        config = material.config
        trainer.stage_ended = lambda number: self.keep_stage(material, trainer, number)
        if trainer.progress.step % config.validate_every == 0:  # a stop may have cut it short
            self.validate(material, trainer, held_out)
        for record in trainer:
            self.folder.add_metrics(asdict(record))
            self.update(step=record.step, total=record.total, progress=record.progress)
            if record.step % config.validate_every == 0:
                self.validate(material, trainer, held_out)
            stopping = self.should_stop()
            if record.step % config.checkpoint_every == 0 or stopping:
                checkpoint.save(self.folder, trainer, material.held_out_content)
            if stopping:
                raise _Stopped
        self.validate(material, trainer, held_out)
        # It knows of this validation: a stop while scoring repeats none.
        checkpoint.save(self.folder, trainer, material.held_out_content)

    def validate(self, material: Material, trainer: Trainer, held_out: list[TokenSequence]) -> None:
        """Scores the student as it is now, once a step."""
        step, headline = trainer.progress.step, material.task.metrics[0]
        if step == trainer.progress.validated:
            return
        trainer.gather()
        values = scoring.validate(material, held_out, trainer.store, self.should_stop_scoring)
        if values is None:
            return
        value = processes.share(values.get(headline, 0.0))
        if judge(trainer.config, trainer.progress, value) and material.config.keep == "best":
            checkpoint.save_best(self.folder, trainer, value)
        self.folder.add_metrics({"step": step, "validation": values})
        self.folder.log(f"step {step}: " + ", ".join(f"{k} {v:.3f}" for k, v in values.items()))
        self.say(f"step {step}: {headline} {value:.3f}")

    def keep_stage(self, material: Material, trainer: Trainer, number: int) -> None:
        """Saves the student between two stages, to be looked at beside what the next one makes of it."""
        trainer.gather()
        self.save(material.student, self.folder.stages / str(number))

    def save(self, student: LanguageModel, place: Path) -> None:
        if self.folder.writes:
            place.parent.mkdir(exist_ok=True)
            model_files.save(student, place, torch.bfloat16)
