"""Inputs without answers: a text file of one a line, or the column or field `text` of a CSV file or of JSON lines."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

from core.data.files import json_lines, read_text
from core.errors import DataError


def read(path: Path) -> list[str]:
    """All inputs of a file that ends in one of SUFFIXES, each on one line. Raises DataError with the line's number."""
    texts = READERS[path.suffix.lower()](read_text(path), path.name)
    found = [words for text in texts if (words := " ".join(text.split()))]
    if not found:
        raise DataError(f"{path.name} holds no input: give one a line.")
    return found


def _lines(content: str, name: str) -> Iterator[str]:
    yield from content.split("\n")


def _csv(content: str, name: str) -> Iterator[str]:
    """Strictly: a text that goes on at a comma, or a quote that never ends, would be cut or swallow what follows."""
    rows = csv.DictReader(io.StringIO(content, newline=""), strict=True)
    try:
        if "text" not in (rows.fieldnames or ()):
            raise DataError(f'{name} has no column "text": name the one with the inputs so, in the first line.')
        for row in rows:
            if any(row.get(None, ())):
                raise DataError(f"{name}, line {rows.line_num}: more fields than columns. Put texts in quotes.")
            yield row["text"] or ""
    except csv.Error as error:
        raise DataError(f"{name}, line {rows.reader.line_num}: not valid CSV ({error}).") from error


def _json_lines(content: str, name: str) -> Iterator[str]:
    for number, row in json_lines(content, name):
        if not isinstance(row.get("text"), str):
            raise DataError(f'{name}, line {number}: not an object with a "text". Put the input there.')
        yield row["text"]


READERS: dict[str, Callable[[str, str], Iterator[str]]] = {".txt": _lines, ".csv": _csv, ".jsonl": _json_lines}
SUFFIXES = tuple(READERS)
