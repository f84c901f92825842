"""Examples that cannot be learned from as they are: counted before anything is trained, and left out on request."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.constrain.constraints import Constraints
from core.constrain.engines.constraint import check_answer
from core.distill.sequences import length
from core.errors import DataError, MisfitError, SchemaError
from core.models.language_model import LanguageModel
from core.spelling import shortest
from core.tasks.task import SPLITS, Dataset, Example

SHOWN = 80  # characters of an input
MENDED = {
    "student": "All fit if you raise student.context to {most}.",
    "teacher": "Its prompt counts: give it fewer worked examples, or take a teacher that reads more.",
}


@dataclass(frozen=True)
class Reading:
    """`who` reads the examples of `splits`, each with its answer: "student" or "teacher". `prompt` makes what stands
    before the answer; both together may have `context` tokens."""

    who: str
    prompt: Callable[[str], list[int]]
    context: int
    splits: tuple[str, ...] = SPLITS


@dataclass(frozen=True)
class Misfit:
    """One example, counted from 1 among those of its split that are used. `length`: its tokens, where they are too
    many for its `reading`; else `reason` says why its schema refuses the answer."""

    split: str
    number: int
    input: str
    reason: str
    length: int = 0
    reading: Reading | None = None


def fitting(
    lm: LanguageModel,
    constraints: Constraints,
    data: Dataset,
    readings: Sequence[Reading],
    leave_out: bool,
) -> tuple[Dataset, list[Misfit]]:
    """The data without its misfits, and these. Raises MisfitError if there are any and they are not to be left out,
    DataError if too little would be left. `lm` spells answers; the schema's shortest stands for one that is not
    known."""
    found = [m for split in SPLITS for m in misfits(lm, constraints, split, data.split(split), readings)]
    left = {split: without(split, data.split(split), found, leave_out) for split in SPLITS}
    return Dataset(data.name, **left) if found else data, found


def misfits(
    lm: LanguageModel,
    constraints: Constraints,
    split: str,
    examples: Sequence[Example],
    readings: Sequence[Reading],
) -> list[Misfit]:
    """Those of one split, each with its first reason."""
    if not constraints.conditioned:
        constraints.of("")  # a schema that cannot be compiled is no example's fault
    found = []
    for number, example in enumerate(examples, 1):
        try:
            known = replace(example, answer=example.answer or shortest(constraints.task.template(example.input)))
            check_answer(constraints.of(example.input), known.answer)
        except (SchemaError, DataError) as error:
            found.append(Misfit(split, number, example.input, str(error)))
            continue
        needs = ((r, length(lm, known, r.prompt)) for r in readings if split in r.splits)
        if long := next(((r, tokens) for r, tokens in needs if tokens > r.context), None):
            reading, tokens = long
            found.append(Misfit(split, number, example.input, f"it needs {tokens:,} tokens.", tokens, reading))
    return found


def without(split: str, examples: Sequence[Example], found: Sequence[Misfit], leave_out: bool) -> tuple[Example, ...]:
    """A split's examples without what was `found` of it. Raises as `fitting` does."""
    if not leave_out and found:
        raise MisfitError(f"{explain(found)}\nMend them, or leave them out: drop_misfits: true.")
    bad = {m.number for m in found if m.split == split}
    left = tuple(e for n, e in enumerate(examples, 1) if n not in bad)
    if examples and not left:
        raise DataError(f"nothing of {split} is left without what does not fit. {explain(found)}")
    return left


def explain(found: Sequence[Misfit]) -> str:
    """How many there are of each kind, the first of each, and what would mend it."""
    lines = []
    if refused := [m for m in found if not m.reading]:
        lines.append(f"The schema refuses {_count(refused, 'answer')}. The first: {_first(refused)}")
    contexts = {m.reading.who: m.reading.context for m in found if m.reading}
    for who, context in contexts.items():
        long = [m for m in found if m.reading and m.reading.who == who]
        mended = MENDED[who].format(most=max(m.length for m in long))
        lines.append(
            f"The {who} reads at most {context:,} tokens: {_count(long, 'example')} longer. The first: "
            f"{_first(long)} {mended}"
        )
    return "\n".join(lines)


def _count(found: Sequence[Misfit], noun: str) -> str:
    where = ", ".join(f"{n:,} of {split}" for split, n in Counter(m.split for m in found).items())
    verb = "" if noun == "answer" else " is" if len(found) == 1 else " are"
    return f"{len(found):,} {noun}{'s' * (len(found) != 1)} ({where}){verb}"


def _first(found: Sequence[Misfit]) -> str:
    m = found[0]
    return f"{m.split} example {m.number} ({m.input[:SHOWN]!r}): {m.reason}"
