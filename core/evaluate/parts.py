"""Scores of what an answer says, part by part: of each field, or of each tag with what it was taken for."""

from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from core.evaluate.ratio import Score, ratio
from core.tasks.task import Example, Part, Task

NOTHING = ""  # in a confusion: no such part in the answer, or none in gold

Pair = tuple[str, str]  # what gold says, and what the answer says


class TagScore(BaseModel):
    """One tag. `recall.total` is its support, `precision.total` how often it was given. F1 is a ratio of sums too:
    twice the hits, of both totals together."""

    model_config = ConfigDict(frozen=True)
    precision: Score
    recall: Score
    f1: Score


class PartScores(BaseModel):
    """Of a task with tags: `tags`, and `confusion[gold][answer]`, how often. Of any other: `fields`, by name."""

    model_config = ConfigDict(frozen=True)
    fields: dict[str, Score] = {}
    tags: dict[str, TagScore] = {}
    confusion: dict[str, dict[str, int]] = {}


def part_scores(task: Task, examples: Iterable[Example], outputs: Iterable[str]) -> PartScores:
    """Of the examples that have an output; an answer that is not valid says nothing. Intervals take the example as
    the unit (see `ratio`)."""
    pairs = [(_parts(task, e.answer), _parts(task, output)) for e, output in zip(examples, outputs, strict=False)]
    return _by_tag(task.tags, pairs) if task.tags else _by_field(pairs)


def _parts(task: Task, answer: str) -> tuple[Part, ...]:
    found = task.parse(answer)
    return () if found is None else task.parts(found)


def _by_field(pairs: Sequence[tuple[tuple[Part, ...], tuple[Part, ...]]]) -> PartScores:
    names = dict.fromkeys(name for gold, _ in pairs for name, _ in gold)
    hits = {
        name: [(int(dict(gold)[name] == dict(found).get(name)), 1) for gold, found in pairs if name in dict(gold)]
        for name in names
    }
    return PartScores(fields={name: ratio(counts) for name, counts in hits.items()})


def _by_tag(tags: Sequence[str], pairs: Sequence[tuple[tuple[Part, ...], tuple[Part, ...]]]) -> PartScores:
    examples = [Counter(_aligned(gold, found)) for gold, found in pairs]
    total = sum(examples, Counter[Pair]())
    confusion: dict[str, dict[str, int]] = {}
    for (gold, found), count in sorted(total.items()):
        confusion.setdefault(gold, {})[found] = count
    seen = {tag for pair in total for tag in pair}
    return PartScores(tags={tag: _tag_score(tag, examples) for tag in tags if tag in seen}, confusion=confusion)


def _aligned(gold: Sequence[Part], found: Sequence[Part]) -> list[Pair]:
    """By place, as the score counts: a part about another word than gold's is one too few and one too many."""
    pairs: list[Pair] = []
    for i in range(max(len(gold), len(found))):
        if i < len(gold) and i < len(found) and gold[i][0] == found[i][0]:
            pairs.append((gold[i][1], found[i][1]))
        else:
            pairs += [(part[1], NOTHING) for part in gold[i : i + 1]] + [(NOTHING, p[1]) for p in found[i : i + 1]]
    return pairs


def _tag_score(tag: str, examples: Sequence[Counter[Pair]]) -> TagScore:
    hits = [pairs[tag, tag] for pairs in examples]
    support = [sum(n for (gold, _), n in pairs.items() if gold == tag) for pairs in examples]
    given = [sum(n for (_, found), n in pairs.items() if found == tag) for pairs in examples]
    return TagScore(
        precision=ratio(zip(hits, given, strict=True)),
        recall=ratio(zip(hits, support, strict=True)),
        f1=ratio((2 * h, s + g) for h, s, g in zip(hits, support, given, strict=True)),
    )
