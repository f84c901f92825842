"""Background jobs: runs that were started here, one after the other, in a thread.

Knows nothing of the screen; the screen keeps one `Jobs` and reads the run folders.
"""

import threading
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from core.distill.config import RunConfig
from core.errors import RunError
from core.paths import RUNS
from core.runs import folder as run_folders
from core.runs.folder import RunFolder, Status


@dataclass(eq=False)
class _Job:
    """A run, and its lock, which this process holds until it is done."""

    folder: RunFolder
    held: ExitStack
    stop: threading.Event = field(default_factory=threading.Event)


class Jobs:
    """A queue and the one thread that works through it."""

    def __init__(self, root: Path = RUNS) -> None:
        self.root = root
        self._jobs: dict[str, _Job] = {}
        self._waiting: deque[_Job] = deque()
        self._changed = threading.Condition()
        threading.Thread(target=self._work, name="jobs", daemon=True).start()

    def start(self, config: RunConfig) -> RunFolder:
        """Creates the run's folder and queues it."""
        return self._submit(run_folders.create(config, self.root))

    def resume(self, name: str) -> RunFolder:
        """Queues a run to go on from its last checkpoint. Raises RunError if it is not to be resumed."""
        return self._submit(run_folders.resumable(name, self.root))

    def stop(self, name: str) -> None:
        """Takes a run out of the queue at once, or asks it to save a checkpoint and stop. Raises RunError if it was not
        started here."""
        with self._changed:
            job = self._jobs.get(name)
            if job is None:
                raise RunError(f"the run {name!r} was not started by this server: stop it where it was started.")
            if job not in self._waiting:
                job.stop.set()
                return
            self._waiting.remove(job)
            del self._jobs[name]
        with job.held:
            job.folder.write_status(job.folder.status().model_copy(update={"state": "stopped"}))

    def is_stopping(self, name: str) -> bool:
        with self._changed:
            return name in self._jobs and self._jobs[name].stop.is_set()

    def names(self) -> tuple[str, ...]:
        """Runs under way here, the working one first."""
        with self._changed:
            return tuple(self._jobs)

    def _submit(self, folder: RunFolder) -> RunFolder:
        with ExitStack() as held:
            held.enter_context(folder.lock())
            folder.write_status(folder.status().model_copy(update={"state": "queued", "phase": "", "error": None}))
            job = _Job(folder, held.pop_all())
        with self._changed:
            self._jobs[folder.name] = job
            self._waiting.append(job)
            self._changed.notify()
        return folder

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                job = self._waiting.popleft()
            try:
                from core.runs.execute import execute

                execute(job.folder, job.stop.is_set)
            except Exception as error:  # such as a library that cannot be imported: the queue goes on
                self._note(job.folder, error)
            finally:
                with self._changed:
                    del self._jobs[job.folder.name]
                job.held.close()

    @staticmethod
    def _note(folder: RunFolder, error: Exception) -> None:
        try:
            folder.write_status(Status(state="failed", error=f"{type(error).__name__}: {error}"))
        except OSError:
            return
