"""Answers side by side: what each model said of each part of an example, and where it was wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd
import streamlit as st

from core.tasks import TASKS, Task
from core.tasks.task import Part
from ui.compare.comparison import Entry, ScoredRun, read_report
from ui.titles import MASKED

RIGHT, WRONG = "✓", "✗"
DIFFERENT = "≠"
NOT_VALID = "not valid"
ABSENT = "–"
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


@lru_cache(maxsize=8192)
def parts(task: Task, answer: str) -> tuple[Part, ...] | None:
    """A valid answer in its parts: words with tags, or fields with values. None if it is not valid."""
    found = task.parse(answer)
    return None if found is None else task.parts(found)


def wrong_places(gold: Sequence[Part], found: Sequence[Part] | None) -> frozenset[int]:
    """Where an answer departs from gold: by place, as the score counts."""
    if found is None:
        return frozenset(range(max(len(gold), 1)))
    length = max(len(gold), len(found))
    return frozenset(i for i in range(length) if i >= len(gold) or i >= len(found) or gold[i] != found[i])


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
            return "teacher" in marks and bool(mine - theirs)
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


def verdict(task: Task, gold: Sequence[Part] | None, output: str | None) -> str:
    """An answer in one cell: right, in how many parts wrong, or not valid."""
    if output is None or gold is None:
        return ABSENT
    found = parts(task, output)
    if found is None:
        return f"{WRONG} {NOT_VALID}"
    wrong = len(wrong_places(gold, found))
    return f"{WRONG} {wrong} of {len(gold)}" if wrong else RIGHT


def side_by_side(task: Task, example: Shared, outputs: Mapping[str, str | None]) -> None:
    """One example: a line a word or field, a column a model. Answers that are not valid follow as they are."""
    gold = parts(task, example.gold)
    if gold is None:
        st.warning("The gold answer of this example is not valid: answers are shown as they are.")
        raw(outputs)
        return
    answers_table(task, gold, outputs, "Gold", WRONG)
    raw({label: o for label, o in outputs.items() if o is not None and parts(task, o) is None})


def answers_table(
    task: Task, reference: Sequence[Part], outputs: Mapping[str, str | None], title: str | None, sign: str
) -> None:
    """Parts of the answers beside those of `reference`, which gets a column if it has a `title`; what departs
    from it carries `sign`."""
    frame = pd.DataFrame(columns_of(task, reference, outputs, title, sign))
    style = frame.style.map(_tint, subset=list(outputs)) if outputs else frame
    st.dataframe(style, hide_index=True, width="stretch", height=38 + 35 * max(len(frame), 1))


def columns_of(
    task: Task, reference: Sequence[Part], outputs: Mapping[str, str | None], title: str | None, sign: str
) -> dict[str, list[str]]:
    """The table of `answers_table`, its columns by their heads."""
    columns = {label: _column(task, reference, output, sign) for label, output in outputs.items()}
    length = max((len(c) for c in columns.values()), default=0)
    length = max(length, len(reference))
    table = {task.part_label: _fill([name for name, _ in reference], length)}
    if title:
        table[title] = _fill([value for _, value in reference], length)
    return table | {label: _fill(column, length) for label, column in columns.items()}


def _column(task: Task, reference: Sequence[Part], output: str | None, sign: str) -> list[str]:
    if output is None:
        return [ABSENT] * len(reference)
    found = parts(task, output)
    if found is None:
        return [f"{sign} {NOT_VALID}"] * len(reference)
    wrong = wrong_places(reference, found)
    cells = []
    for i in range(max(len(reference), len(found))):
        if i >= len(found):
            cells.append(f"{sign} missing")
            continue
        name, value = found[i]
        moved = i >= len(reference) or name != reference[i][0]
        cells.append((f"{sign} " if i in wrong else "") + (f"{name} / {value}" if moved else value))
    return cells


def _fill(cells: list[str], length: int) -> list[str]:
    return cells + [ABSENT] * (length - len(cells))


def _tint(cell: str) -> str:
    marked = cell.startswith((f"{WRONG} ", f"{DIFFERENT} "))
    return "background-color: rgba(213, 94, 0, 0.18)" if marked else ""


def raw(outputs: Mapping[str, str | None]) -> None:
    """Answers as they are: text, never markup."""
    for label, output in outputs.items():
        st.text(label)
        st.code(output or "(empty)", language=None, wrap_lines=True)
