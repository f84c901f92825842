"""What the Compare page compares: finished runs with a report, and their models."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.distill.config import RunConfig
from core.errors import RunError, StillroomError
from core.evaluate.report import ModelReport, Report
from core.runs import folder as run_folders
from core.runs.folder import RunFolder
from core.tasks import TASKS, Task
from ui.titles import ROLES


@dataclass(frozen=True)
class ScoredRun:
    """A finished run and its report. `path` and `stamp` name this version of the report."""

    folder: RunFolder
    report: Report
    path: str
    stamp: int

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def task(self) -> Task:
        return TASKS[self.report.task]

    def config(self) -> RunConfig:
        """Raises RunError if it is missing or damaged."""
        return self.folder.config()

    def saves_adapter(self) -> bool:
        """False also where the configuration cannot tell."""
        try:
            return self.config().student.is_adapter
        except RunError:
            return False


@dataclass(frozen=True)
class Entry:
    """One model of one run. `label` is unique among the models of the chosen runs, and `number` its place among them:
    it keeps its colour whatever else is shown."""

    label: str
    role: str
    run: ScoredRun
    model: ModelReport
    number: int = 0

    @property
    def id(self) -> str:
        """What a link calls it."""
        return f"{self.run.name}/{self.role}"

    @property
    def is_adapter(self) -> bool:
        """Whether what was saved of it is an adapter, which needs its whole base model beside it."""
        return self.role == "trained" and self.run.saves_adapter()

    @property
    def megabytes(self) -> float | None:
        """On disk, of a model that stands alone; None where that is not known, or makes no model."""
        return None if self.is_adapter else self.model.megabytes or None

    @property
    def cost(self) -> float | None:
        """What 1,000 answers cost, in the currency of the prices that the run was told; None where there are none."""
        labels = self.run.report.labels
        if self.role != "teacher" or labels is None or labels.cost is None or not labels.asked:
            return None
        return 1000 * labels.cost / labels.asked


def scored_runs() -> tuple[dict[str, ScoredRun], list[str]]:
    """Finished runs by name, the newest first and the demo run last; and what is wrong with the rest."""
    runs: dict[str, ScoredRun] = {}
    problems = []
    for folder in run_folders.all_runs():
        path = folder.path / "report.json"
        if folder.name in runs or not path.exists() or folder.status().state != "finished":
            continue
        try:
            stamp = path.stat().st_mtime_ns
            runs[folder.name] = ScoredRun(folder, read_report(str(folder.path), stamp), str(folder.path), stamp)
        except StillroomError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f"the report of {folder.name!r} cannot be read: {error.strerror}.")
    return runs, problems


@st.cache_data(max_entries=64, show_spinner=False)
def read_report(path: str, stamp: int) -> Report:
    """Raises RunError if the report is damaged or about something this version does not know."""
    folder = RunFolder(Path(path))
    report = folder.report()
    if report is None:
        raise RunError(f"the report of {folder.name!r} is gone: run it again.")
    if report.task not in TASKS:
        raise RunError(f"the report of {folder.name!r} is about an unknown task, {report.task!r}.")
    if not report.models or not report.examples:
        raise RunError(f"the report of {folder.name!r} is empty: run it again.")
    return report


def entries(runs: Sequence[ScoredRun]) -> list[Entry]:
    """Every model of the runs: teacher, untrained, trained. Several runs: their names are in the labels."""
    found: list[Entry] = []
    order = list(ROLES)
    for run in runs:
        for model in sorted(run.report.models, key=lambda m: order.index(m.role) if m.role in order else len(order)):
            role = ROLES.get(model.role, model.role)
            label = f"{role} · {run.name}" if len(runs) > 1 else role
            found.append(Entry(label, model.role, run, model, len(found)))
    return found
