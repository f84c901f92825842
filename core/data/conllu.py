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

from core.data.files import read_text
from core.errors import DataError

Upos = Literal[
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM",
    "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
]  # fmt: skip
UPOS: tuple[str, ...] = get_args(Upos)
FIELDS = 10
_ID = re.compile(r"#\s*sent_id\s*=\s*(.*\S)\s*")
_WORD = re.compile(r"[1-9][0-9]{0,8}")
_RANGE = re.compile(r"([1-9][0-9]{0,8})-([1-9][0-9]{0,8})")
_EMPTY = re.compile(r"(0|[1-9][0-9]{0,8})\.[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Sentence:
    """Words and their UPOS tags, of equal length."""

    id: str
    words: tuple[str, ...]
    tags: tuple[str, ...]


def read(path: Path) -> list[Sentence]:
    """All sentences of a file. Raises DataError with line number and reason."""
    return parse(read_text(path), path.name)


def parse(text: str, source: str = "text") -> list[Sentence]:
    """All sentences of a CoNLL-U text. Raises DataError with line number and reason."""
    sentences = [_sentence(block, source) for block in _blocks(text)]
    if not sentences:
        raise DataError(f"{source} holds no sentence: give a CoNLL-U file with at least one.")
    return sentences


def _blocks(text: str) -> Iterator[list[tuple[int, str]]]:
    """The lines of each sentence, comments included, with their numbers."""
    block: list[tuple[int, str]] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if line.strip():
            block.append((number, line.rstrip("\r")))
        elif any(not row.startswith("#") for _, row in block):
            yield block
            block = []


def _sentence(block: list[tuple[int, str]], source: str) -> Sentence:
    """Raises DataError, naming the line, for what the format does not allow."""
    name, last_covered = f"{source}:{block[0][0]}", 0
    words: list[str] = []
    tags: list[str] = []
    for number, line in block:

        def fail(reason: str, number: int = number) -> None:
            raise DataError(f"{source}, line {number}: {reason}")

        if line.startswith("#"):
            found = _ID.fullmatch(line)
            name = found[1] if found else name
            continue
        fields, expected = line.split("\t"), len(words) + 1
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
        words.append(fields[1])
        tags.append(fields[3])
    if not words:
        raise DataError(f"{source}, line {block[0][0]}: a sentence without words.")
    if last_covered > len(words):
        raise DataError(f"{source}, line {block[0][0]}: a multiword token reaches past the last word.")
    return Sentence(name, tuple(words), tuple(tags))


def tag_counts(sentences: Iterable[Sentence]) -> dict[str, Counter[str]]:
    """Word in lower case -> how often it carries each tag: what a person reads to find mistagged words."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for sentence in sentences:
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            counts[word.lower()][tag] += 1
    return counts
