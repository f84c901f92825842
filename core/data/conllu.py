"""Reads CoNLL-U: sentences of words with their universal part-of-speech tags.

Multiword tokens (`3-4`) and empty nodes (`5.1`) are not words of the tree: they are checked for
form and left out, as the format says. Tokenising raw text is not done here.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import conllu

from core.data.plain import read_text
from core.errors import DataError

Upos = Literal[
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM",
    "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
]  # fmt: skip
UPOS: tuple[str, ...] = get_args(Upos)
FIELDS = 10
READ = (0, 1, 3)  # id, form and UPOS
_WORD = re.compile(r"[1-9][0-9]{0,8}")
_RANGE = re.compile(r"([1-9][0-9]{0,8})-([1-9][0-9]{0,8})")
_EMPTY = re.compile(r"(0|[1-9][0-9]{0,8})\.[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Sentence:
    """Words and their UPOS tags, of equal length."""

    id: str
    words: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words joined by blanks: what a model reads."""
        return " ".join(self.words)


def read(path: Path) -> list[Sentence]:
    """All sentences of a file. Raises DataError with line number and reason."""
    return parse(read_text(path), path.name)


def parse(text: str, source: str = "text") -> list[Sentence]:
    """All sentences of a CoNLL-U text. Raises DataError with line number and reason."""
    sentences = []
    for first_line, block in _blocks(text):
        _check(block, first_line, source)
        sentences.append(_sentence(block, f"{source}:{first_line}"))
    if not sentences:
        raise DataError(f"{source} holds no sentence: give a CoNLL-U file with at least one.")
    return sentences


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    block: list[str] = []
    start = 1
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip("\r")
        if line.strip():
            start = start if block else number
            block.append(line)
        elif any(not row.startswith("#") for row in block):
            yield start, block
            block = []
    if any(not row.startswith("#") for row in block):
        yield start, block


def _check(block: list[str], first_line: int, source: str) -> None:
    """Refuses what the format does not allow, naming the line."""
    expected, last_covered = 1, 0
    for number, line in enumerate(block, first_line):
        if line.startswith("#"):
            continue

        def fail(reason: str, number: int = number) -> None:
            raise DataError(f"{source}, line {number}: {reason}")

        fields = line.split("\t")
        if len(fields) != FIELDS:
            fail(f"{len(fields)} tab-separated fields where CoNLL-U has {FIELDS}.")
        if _EMPTY.fullmatch(fields[0]):
            continue
        if span := _RANGE.fullmatch(fields[0]):
            low, high = int(span[1]), int(span[2])
            if low != expected or high <= low or low <= last_covered:
                fail(f"multiword token {fields[0]} must start at the next word ({expected}) and span two or more.")
            last_covered = high
            continue
        if not _WORD.fullmatch(fields[0]) or int(fields[0]) != expected:
            fail(f"word id {fields[0]!r} where {expected} was expected.")
        if not fields[1] or fields[1] != fields[1].strip():
            fail("the word form is empty or has blanks at its ends.")
        if fields[3] not in UPOS:
            fail(f"{fields[3]!r} is not a universal part-of-speech tag: use one of {', '.join(UPOS)}.")
        expected += 1
    if expected == 1:
        raise DataError(f"{source}, line {first_line}: a sentence without words.")
    if last_covered >= expected:
        raise DataError(f"{source}, line {first_line}: a multiword token reaches past the last word.")


def _sentence(block: list[str], fallback_id: str) -> Sentence:
    """The parser gets comments and what is read of the words: it would stop at a strange head, take two blanks for a
    tab, and columns for what a comment calls them."""
    comments = [line for line in block if line.startswith("#") and "global.columns" not in line]
    words = [fields for line in block if _WORD.fullmatch((fields := line.split("\t"))[0])]
    rows = ["\t".join(fields[i].replace(" ", "\u00a0") for i in READ) for fields in words]
    tree = conllu.parse("\n".join([*comments, *rows, "", ""]), fields=("id", "form", "upos"))[0]
    return Sentence(
        id=str(tree.metadata.get("sent_id") or fallback_id),
        words=tuple(token["form"] for token in tree),
        tags=tuple(token["upos"] for token in tree),
    )


def tag_counts(sentences: Iterable[Sentence]) -> dict[str, Counter[str]]:
    """Word in lower case -> how often it carries each tag: what a person reads to find mistagged words."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for sentence in sentences:
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            counts[word.lower()][tag] += 1
    return counts
