"""The examples that the compared runs share, what each model answered, and filters by who was wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.tasks import TASKS
from ui.answers import parts, wrong_places
from ui.compare.comparison import Entry, ScoredRun, read_report
from ui.titles import MASKED

FILTERS = {
    "all": "All",
    "student": "Student wrong",
    "teacher": "Student wrong, teacher right",
    "both": "Both wrong",
    "untrained": "Untrained student wrong",
    "invalid": f"Invalid {MASKED[False].lower()}",
}
NEEDS: dict[str, set[str]] = {
    "student": {"trained"},
    "teacher": {"trained", "teacher"},
    "both": {"trained", "teacher"},
    "untrained": {"untrained"},
    "invalid": {"trained"},
}


@dataclass(frozen=True)
class Shared:
    """An example that all runs were scored on. `at[i]` is its place in the report of run i."""

    input: str
    gold: str
    at: tuple[int, ...]


@st.cache_data(max_entries=64, show_spinner=False)
def judged(path: str, stamp: int) -> dict[str, list[frozenset[int] | None]]:
    """For each role, where each answer of a run's report is wrong; None where there is no answer."""
    report = read_report(path, stamp)
    task = TASKS[report.task]
    gold = [parts(task, e.gold) for e in report.examples]
    return {
        m.role: [
            None if i >= len(m.outputs) or right is None else wrong_places(right, parts(task, m.outputs[i]))
            for i, right in enumerate(gold)
        ]
        for m in report.models
    }


def shared_examples(runs: Sequence[ScoredRun]) -> list[Shared]:
    """The examples that all runs were scored on, in the first one's order."""
    first, *others = runs
    places = [{(e.input, e.gold): i for i, e in reversed(list(enumerate(run.report.examples)))} for run in others]
    return [
        Shared(e.input, e.gold, (i, *(place[e.input, e.gold] for place in places)))
        for i, e in enumerate(first.report.examples)
        if all((e.input, e.gold) in place for place in places)
    ]


def filters(run: ScoredRun, examples: Sequence[Shared], place: int) -> dict[str, list[int]]:
    """The examples that each filter lets through; those that `run`, the `place`th of the chosen, has the models for."""
    roles = {m.role for m in run.report.models}
    names = [name for name in FILTERS if NEEDS.get(name, set()) <= roles]
    student = run.report.model("trained")
    if student and not student.free_outputs and "invalid" in names:
        names.remove("invalid")
    return {name: passing(run, examples, name, place) for name in names}


def passing(run: ScoredRun, examples: Sequence[Shared], name: str, place: int = 0) -> list[int]:
    """The examples that a filter lets through; it looks at the models of `run`, the `place`th of the chosen."""
    marks, student = judged(run.path, run.stamp), run.report.model("trained")

    def wrong(role: str, i: int) -> frozenset[int]:
        return (marks[role][i] or frozenset()) if role in marks else frozenset()

    def passes(i: int) -> bool:
        mine, theirs = wrong("trained", i), wrong("teacher", i)
        if name == "student":
            return bool(mine)
        if name == "teacher":
            return "teacher" in marks and bool(mine) and marks["teacher"][i] == frozenset()
        if name == "both":
            return bool(mine) and bool(theirs)
        if name == "invalid":
            free = student.free_outputs if student else ()
            return i < len(free) and run.task.parse(free[i]) is None
        return name == "all" or bool(wrong("untrained", i))

    return [i for i, example in enumerate(examples) if passes(example.at[place])]


def outputs_of(example: Shared, shown: Sequence[Entry], runs: Sequence[ScoredRun]) -> dict[str, str | None]:
    """What each model answered, by its label; None where the report has no answer."""
    found: dict[str, str | None] = {}
    for entry in shown:
        i = example.at[runs.index(entry.run)]
        found[entry.label] = entry.model.outputs[i] if i < len(entry.model.outputs) else None
    return found
