"""The run folder: all that is known of a run, on disk. The screen only reads it.

`config.yaml`, `status.json`, `metrics.jsonl`, `log.txt`, `checkpoints/`, `signals/`, `labels.jsonl`, `student/`,
`untrained/`, `stages/`, `report.json`, `lock`. Files are replaced whole; a folder cut short by a kill can always be
read. A run that is being worked on holds a lock on that file, which the kernel lets go of when its process dies.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from core.distill import config as run_config
from core.distill.config import RunConfig
from core.errors import ConfigError, RunError
from core.evaluate.report import Report
from core.paths import DEMO_RUN, RUNS, write_whole

State = Literal["queued", "running", "stopped", "interrupted", "finished", "failed"]
OPEN: tuple[State, ...] = ("queued", "running")
RESUMABLE: tuple[State, ...] = ("stopped", "interrupted", "failed")
PATIENCE = 2.0  # seconds


class Status(BaseModel):
    """Where a run stands. `phase` is what it is doing, in words; times are seconds since the epoch. `failure` is the
    type of the error that ended it."""

    model_config = ConfigDict(frozen=True)
    state: State
    phase: str = ""
    step: int = 0
    total: int = 0
    progress: float = 0.0
    started: float = 0.0
    updated: float = 0.0
    error: str | None = None
    failure: str | None = None
    traceback: str | None = None


class RunFolder:
    """One run on disk. Of several processes that work on it only the main one `writes`."""

    def __init__(self, path: Path, writes: bool = True) -> None:
        self.path, self.writes = path, writes

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def signals(self) -> Path:
        return self.path / "signals"

    @property
    def labels(self) -> Path:
        return self.path / "labels.jsonl"

    @property
    def student(self) -> Path:
        return self.path / "student"

    @property
    def untrained(self) -> Path:
        return self.path / "untrained"

    @property
    def stages(self) -> Path:
        """Where the student is kept as each stage but the last left it, by the stage's number from 1 on."""
        return self.path / "stages"

    def kept_stages(self) -> list[int]:
        """Numbers of the stages after which the student was kept."""
        try:
            folders = {weights.parent.name for weights in self.stages.glob("*/*.safetensors")}
        except OSError:  # it is being deleted
            return []
        return sorted(int(name) for name in folders if name.isdecimal())

    def forget_students(self) -> None:
        """Those that a start before this one left: its configuration may have been another."""
        if self.writes:
            for place in (self.untrained, self.stages):
                shutil.rmtree(place, ignore_errors=True)

    def config(self) -> RunConfig:
        """Raises RunError if the configuration is missing or damaged."""
        path = self.path / "config.yaml"
        try:
            return _read_config(path, _version(path))
        except ConfigError as error:
            raise RunError(f"the run {self.name!r} cannot be read: {error}") from error

    def status(self) -> Status:
        """The state as it is: a run that says it is running while nobody holds its lock was interrupted."""
        status = self._written_status()
        while status.state in OPEN and not self.is_locked():
            now = self._written_status()
            if now == status:  # else it came to its end, or was queued, between the two looks
                told = {"state": "interrupted", "phase": "the process ended before the run did"}
                return status.model_copy(update=told)
            status = now
        return status

    def _written_status(self) -> Status:
        try:
            return Status.model_validate_json((self.path / "status.json").read_bytes())
        except (OSError, ValidationError):
            return Status(state="interrupted", phase="its status was never written")

    def write_status(self, status: Status) -> None:
        if self.writes:
            now = status.model_copy(update={"updated": time.time()})
            write_whole(self.path / "status.json", now.model_dump_json(indent=1))

    def metrics(self) -> list[dict[str, Any]]:
        """All records, steps and validations; a last line cut short by a kill is left out."""
        try:
            lines = (self.path / "metrics.jsonl").read_text(errors="replace").splitlines()
        except OSError:
            return []
        records = []
        for line in lines:
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError:
                continue
        return records

    def keep_metrics_until(self, step: int) -> None:
        """Forgets records after `step`: a resumed run writes them again."""
        if not self.writes:
            return
        kept = [json.dumps(record) for record in self.metrics() if record.get("step", 0) <= step]
        write_whole(self.path / "metrics.jsonl", "".join(line + "\n" for line in kept))

    def add_metrics(self, record: dict[str, Any]) -> None:
        if not self.writes:
            return
        with (self.path / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")

    def log(self, line: str) -> None:
        if not self.writes:
            return
        with (self.path / "log.txt").open("a") as file:
            file.write(f"{time.strftime('%H:%M:%S')} {line}\n")

    def log_tail(self, lines: int = 12) -> str:
        try:
            return "\n".join((self.path / "log.txt").read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def report(self) -> Report | None:
        """Raises RunError if there is one and it is damaged."""
        try:
            return Report.model_validate_json((self.path / "report.json").read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise RunError(f"the report of {self.name!r} is damaged: run it again.") from error

    def write_report(self, report: Report) -> None:
        if self.writes:
            write_whole(self.path / "report.json", report.model_dump_json(indent=1))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the run. Raises RunError if somebody else does, and for longer than it takes to look at it or to leave
        it at its end."""
        self.path.mkdir(parents=True, exist_ok=True)
        end = time.monotonic() + PATIENCE
        with (self.path / "lock").open("w") as file:
            while not _locks(file):
                if time.monotonic() > end:
                    raise RunError(f"the run {self.name!r} is already being worked on: wait or stop it.")
                time.sleep(0.02)
            if not os.fstat(file.fileno()).st_nlink:  # who had it before deleted it with the folder
                raise RunError(f"the run {self.name!r} was deleted meanwhile.")
            yield

    def is_locked(self) -> bool:
        try:
            with (self.path / "lock").open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


def _locks(file: IO[str]) -> bool:
    """Locks a file, unless it is locked."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@lru_cache(maxsize=256)
def _read_config(path: Path, version: tuple[int, ...]) -> RunConfig:
    """Kept while the file is the same: the screen asks several times a second."""
    return run_config.read(path)


def _version(path: Path) -> tuple[int, ...]:
    """Of a file that is replaced whole; nothing while there is none."""
    try:
        about = path.stat()
    except OSError:
        return ()
    return about.st_ino, about.st_mtime_ns, about.st_size


@contextmanager
def device_lock(root: Path, should_stop: Callable[[], bool], must_wait: Callable[[], None]) -> Iterator[bool]:
    """Waits until no other run under `root` trains; `must_wait` is called once, if one does. Yields False if it was
    told to stop instead."""
    told = False
    with (root / ".device.lock").open("w") as file:
        while not should_stop():
            if _locks(file):
                yield True
                return
            if not told:
                must_wait()
                told = True
            time.sleep(0.2)
        yield False


def create(config: RunConfig, root: Path = RUNS) -> RunFolder:
    """A new folder named after the config, numbered if the name is taken."""
    root.mkdir(parents=True, exist_ok=True)
    for number in range(1, 10_000):
        path = root / (config.name if number == 1 else f"{config.name}-{number}")
        if path.name == DEMO_RUN.name:  # the run that ships has this name
            continue
        try:
            path.mkdir()
        except FileExistsError:
            continue
        try:
            write_whole(path / "config.yaml", run_config.to_yaml(config))
        except OSError:
            shutil.rmtree(path, ignore_errors=True)
            raise
        return RunFolder(path)
    raise RunError(f"there are too many runs named {config.name!r}: choose another name.")


def open_run(name: str, root: Path = RUNS) -> RunFolder:
    """Raises RunError if there is no such run. The name never leaves `root`."""
    if name == DEMO_RUN.name and DEMO_RUN.exists():
        return RunFolder(DEMO_RUN)
    if name in ("", ".", "..") or Path(name).name != name or not os.path.isdir(root / name):
        raise RunError(f"there is no run named {name!r}.")
    return RunFolder(root / name)


def resumable(name: str, root: Path = RUNS) -> RunFolder:
    """A run that can go on from its last checkpoint. Raises RunError if there is none of that name, if it is not to
    be resumed, or if its configuration cannot be read."""
    folder = open_run(name, root)
    if folder.path == DEMO_RUN:
        raise RunError("the demo run is finished and stays as it is: start one of your own.")
    state = folder.status().state
    if state not in RESUMABLE:
        raise RunError(f"the run {name!r} is {state}: only stopped, interrupted or failed runs resume.")
    folder.config()
    return folder


def all_runs(root: Path = RUNS, demo: bool = True) -> list[RunFolder]:
    """Every run, the newest first, then the demo run that ships."""
    paths = [p for p in root.iterdir() if p.is_dir()] if root.is_dir() else []
    runs = [RunFolder(p) for p in sorted(paths, key=_changed, reverse=True)]
    return [*runs, RunFolder(DEMO_RUN)] if demo and DEMO_RUN.exists() else runs


def _changed(path: Path) -> float:
    """When a run's configuration was written; 0 where there is none, as where it was deleted meanwhile."""
    try:
        return (path / "config.yaml").stat().st_mtime
    except OSError:
        return 0.0


def delete(folder: RunFolder) -> None:
    with folder.lock():
        shutil.rmtree(folder.path)
