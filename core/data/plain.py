"""Inputs without answers: a text file of one a line, or the column or field `text` of a CSV file or of JSON lines."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from core.data.files import read_text
from core.errors import DataError

Numbered = Iterator[tuple[int, str]]


def read(path: Path) -> list[str]:
    """All inputs of a file that ends in one of SUFFIXES, each on one line. Raises DataError with the line's number."""
    found = []
    for line, text in READERS[path.suffix.lower()](read_text(path), path.name):
        try:
            text.encode()
        except UnicodeEncodeError as error:  # half a surrogate pair passes as JSON, but no tokenizer can read it
            raise DataError(f"{path.name}, line {line}: not valid Unicode. Write the text anew.") from error
        if words := " ".join(text.split()):
            found.append(words)
    if not found:
        raise DataError(f"{path.name} holds no input: give one a line.")
    return found


def _lines(content: str, name: str) -> Numbered:
    yield from enumerate(content.split("\n"), 1)


def _csv(content: str, name: str) -> Numbered:
    rows = csv.DictReader(io.StringIO(content, newline=""))
    try:
        if "text" not in (rows.fieldnames or ()):
            raise DataError(f'{name} has no column "text": name the one with the inputs so, in the first line.')
        for row in rows:
            yield rows.line_num, row["text"] or ""
    except csv.Error as error:
        raise DataError(f"{name}, line {rows.line_num}: not valid CSV ({error}).") from error


def _json_lines(content: str, name: str) -> Numbered:
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{name}, line {number}: not valid JSON ({error}). Write one object a line.") from error
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise DataError(f'{name}, line {number}: not an object with a "text". Put the input there.')
        yield number, row["text"]


READERS: dict[str, Callable[[str, str], Numbered]] = {".txt": _lines, ".csv": _csv, ".jsonl": _json_lines}
SUFFIXES = tuple(READERS)
