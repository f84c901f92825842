"""Reads text files of the user."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import DataError


def locate(path: str) -> Path:
    """A path as it was typed. Raises DataError for the home of nobody."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise DataError(f"cannot read {path[:80]!r}: there is no such home folder. Check the path.") from error


def read_text(path: Path) -> str:
    """All of a UTF-8 file. Raises DataError that says why it cannot be read; a device or a pipe, which may have no end,
    is not even opened."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"cannot read {path.name[:80]}: it is a folder, a device or a pipe. Give a file's path.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not UTF-8 (byte {error.start}): save it as UTF-8.") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot read {path.name[:80]}: {reason}. Check the path.") from error


def json_lines(content: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of the file `name`, one a line, and their lines' numbers. Raises DataError that names the line."""
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:  # half a surrogate pair passes as JSON, but no tokenizer can read it
            raise DataError(f"{name}, line {number}: not valid Unicode. Write the text anew.") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{name}, line {number}: not valid JSON ({error}). Write one object a line.") from error
        if not isinstance(row, dict):
            raise DataError(f"{name}, line {number}: not a JSON object. Write one object a line.")
        yield number, row
