"""Examples as token sequences: prompt, answer, which positions are free, and what was allowed there."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from core.constrain.constraints import Constraints
from core.constrain.engines.constraint import check_answer
from core.constrain.masks import MaskStore
from core.errors import ConfigError, DataError, SchemaError
from core.models.language_model import LanguageModel
from core.tasks.task import Example, Task

NOISE = 6  # tokens that a length is blurred by: sorted by length alone, the batches of every epoch would be the same


@dataclass(frozen=True)
class TokenSequence:
    """`prompt` and `answer` ids, eos ending the answer. `rows[i]` is the mask of answer token i in the
    MaskStore, FORCED where the schema dictated it."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def tokenise(
    lm: LanguageModel,
    constraints: Constraints,
    examples: Iterable[Example],
    store: MaskStore,
    reader: Callable[[str], list[int]],
) -> list[TokenSequence]:
    """Sequences as `lm` reads them; `reader` makes the prompt of an input.

    Raises DataError for an answer its schema refuses, or a sequence longer than the model reads.
    """
    sequences = []
    for number, example in enumerate(examples, 1):
        constraint = constraints.of(example.input)
        prompt = reader(example.input)
        answer = [*lm.encode(example.answer), lm.eos]
        if len(prompt) + len(answer) > lm.context:
            raise DataError(
                f"example {number} needs {len(prompt) + len(answer):,} tokens and the student reads at most "
                f"{lm.context:,}: raise student.context or leave out {example.input[:60]!r}."
            )
        try:
            check_answer(constraint, example.answer)
            rows = store.positions(constraint, answer, lm.encode)
        except SchemaError as error:
            raise DataError(f"example {number} ({example.input[:60]!r}): {error}") from error
        sequences.append(TokenSequence(tuple(prompt), tuple(answer), tuple(rows.tolist())))
    return sequences


def length(lm: LanguageModel, example: Example, reader: Callable[[str], list[int]]) -> int:
    """Tokens of the sequence that `tokenise` makes of an example."""
    return len(reader(example.input)) + len(lm.encode(example.answer)) + 1


def used_tokens(lm: LanguageModel, task: Task, examples: Sequence[Example], min_count: int = 1) -> set[int]:
    """Ids of a tokenizer that the data needs at least so many times, and those that the schema's fixed words need."""
    counts: Counter[int] = Counter()
    for example in examples:
        counts.update(lm.student_prompt(example.input))
        counts.update(lm.encode(example.answer))
    used = {lm.eos, *(token for token, count in counts.items() if count >= min_count)}
    used.update(token for text in _schema_words(task) for token in lm.encode(text))
    return used


def _schema_words(task: Task) -> set[str]:
    """Texts of the schema: field names, and the values of its enumerations."""
    found: set[str] = set()

    def visit(node: object) -> None:
        if isinstance(node, dict):
            found.update(map(str, node.get("enum", ())))
            found.update(map(str, node.get("properties", {})))
            for child in node.values():
                visit(child)
        elif isinstance(node, list):
            for child in node:
                visit(child)

    visit(task.output.model_json_schema())
    return found


def batches(lengths: Sequence[int], size: int, seed: int, tokens: int | None = None) -> list[list[int]]:
    """Indices in shuffled batches of similar length; the same for the same seed, and for every seed as many.

    A batch holds at most `size` sequences and, filled up to its longest, at most `tokens` tokens. Raises ConfigError
    for a sequence that is longer than that.
    """
    random = np.random.default_rng(seed)
    noisy = np.asarray(lengths) + random.uniform(0, NOISE, len(lengths))
    order = np.argsort(noisy, kind="stable").tolist()
    groups, begin = [], 0
    for count in batch_sizes(lengths, size, tokens):
        groups.append(order[begin : begin + count])
        begin += count
    random.shuffle(groups)
    return groups


def batch_sizes(lengths: Sequence[int], size: int, tokens: int | None) -> list[int]:
    """How many sequences each of `batches` holds, before they are shuffled. Noise puts no sequence into the place of
    one that is shorter by more than itself, so that these sizes are right for every epoch."""
    longest = max(lengths, default=0)
    if tokens and longest > tokens:
        raise ConfigError(f"the longest sequence has {longest:,} tokens: batch_tokens {tokens:,} is less, raise it.")
    sizes = [0] if lengths else []
    for length in sorted(lengths):
        reach = min(length + NOISE, longest)
        if sizes[-1] == size or (tokens and reach * (sizes[-1] + 1) > tokens):
            sizes.append(0)
        sizes[-1] += 1
    return sizes


def parts(group: Sequence[int], passes: int, process: int, processes: int) -> list[Sequence[int]]:
    """What one of the processes does of a batch, in at most so many passes: as many passes for every process, so that
    a small batch leaves some empty-handed."""
    passes = min(passes, -(-len(group) // processes))
    pieces = passes * processes
    edges = [i * len(group) // pieces for i in range(pieces + 1)]
    return [group[edges[i] : edges[i + 1]] for i in range(process, pieces, processes)]
