"""Examples that cannot be learned from as they are: counted before anything is trained, and left out on request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.constrain.constraints import Constraints
from core.constrain.engines.constraint import check_answer
from core.errors import DataError, MisfitError, SchemaError
from core.models.language_model import LanguageModel
from core.tasks.task import Dataset, Example

SPLITS = ("train", "dev", "test")
SHOWN = 80  # characters of an input


@dataclass(frozen=True)
class Misfit:
    """One example, counted from 1 among those of its split that are used. `length`: its tokens, where they are too
    many; else `reason` says why its schema refuses the answer."""

    split: str
    number: int
    input: str
    reason: str
    length: int = 0


def fitting(
    lm: LanguageModel,
    constraints: Constraints,
    data: Dataset,
    reader: Callable[[str], list[int]],
    leave_out: bool,
) -> tuple[Dataset, list[Misfit]]:
    """The data without its misfits, and these. Raises MisfitError if there are any and they are not to be left out,
    DataError if too little would be left. `reader` makes the prompt of an input."""
    if not constraints.conditioned:
        constraints.of("")  # a schema that cannot be compiled is no example's fault
    found = [m for split in SPLITS for m in _misfits(lm, constraints, split, data.split(split), reader)]
    if not found:
        return data, []
    if not leave_out:
        raise MisfitError(f"{explain(found, lm.context)}\nMend them, or leave them out: drop_misfits: true.")
    bad = {(m.split, m.number) for m in found}
    left = {s: tuple(e for n, e in enumerate(data.split(s), 1) if (s, n) not in bad) for s in SPLITS}
    if gone := [s for s in SPLITS if data.split(s) and not left[s]]:
        raise DataError(f"nothing of {gone[0]} is left without what does not fit. {explain(found, lm.context)}")
    return replace(data, train=left["train"], dev=left["dev"], test=left["test"]), found


def _misfits(
    lm: LanguageModel,
    constraints: Constraints,
    split: str,
    examples: Sequence[Example],
    reader: Callable[[str], list[int]],
) -> list[Misfit]:
    found = []
    for number, example in enumerate(examples, 1):
        try:
            check_answer(constraints.of(example.input), example.answer)
        except (SchemaError, DataError) as error:
            found.append(Misfit(split, number, example.input, str(error)))
            continue
        length = len(reader(example.input)) + len(lm.encode(example.answer)) + 1
        if length > lm.context:
            found.append(Misfit(split, number, example.input, f"it needs {length:,} tokens.", length))
    return found


def explain(found: Sequence[Misfit], context: int) -> str:
    """How many there are of each kind, the first of each, and what would mend it."""
    refused, long = [m for m in found if not m.length], [m for m in found if m.length]
    lines = []
    if refused:
        lines.append(f"The schema refuses {_count(refused, 'answer')}. The first: {_first(refused)}")
    if long:
        most = max(m.length for m in long)
        lines.append(
            f"The student reads at most {context:,} tokens: {_count(long, 'example')} longer. The first: "
            f"{_first(long)} All fit if you raise student.context to {most}."
        )
    return "\n".join(lines)


def _count(found: Sequence[Misfit], noun: str) -> str:
    where = ", ".join(f"{n:,} of {s}" for s in SPLITS if (n := sum(m.split == s for m in found)))
    verb = "" if noun == "answer" else " is" if len(found) == 1 else " are"
    return f"{len(found):,} {noun}{'s' * (len(found) != 1)} ({where}){verb}"


def _first(found: Sequence[Misfit]) -> str:
    m = found[0]
    return f"{m.split} example {m.number} ({m.input[:SHOWN]!r}): {m.reason}"
