"""Answers side by side: what each model said of each part of an example, and where it was wrong."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import pandas as pd
import streamlit as st

from core.tasks import Task
from core.tasks.task import Part

RIGHT, WRONG = "✓", "✗"
DIFFERENT = "≠"
NOT_VALID = "not valid"
ABSENT = "–"


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


def verdict(task: Task, gold: Sequence[Part] | None, output: str | None) -> str:
    """An answer in one cell: right, in how many parts wrong, or not valid."""
    if output is None or gold is None:
        return ABSENT
    found = parts(task, output)
    if found is None:
        return f"{WRONG} {NOT_VALID}"
    wrong = len(wrong_places(gold, found))
    return f"{WRONG} {wrong} of {len(gold)}" if wrong else RIGHT


def side_by_side(task: Task, gold_answer: str, outputs: Mapping[str, str | None]) -> None:
    """One example: a line a word or field, a column a model. Answers that are not valid follow as they are."""
    gold = parts(task, gold_answer)
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
