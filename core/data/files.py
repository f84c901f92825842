"""Reads text files of the user."""

import stat
from pathlib import Path

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
