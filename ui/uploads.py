"""Data of the user's own: uploaded files kept on disk, and paths on this machine.

Which data a task is worked on is kept in `st.session_state[CHOSEN]`, task name -> path; None is bundled.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import streamlit as st

from core.data import plain
from core.errors import DataError
from core.paths import UPLOADS, write_whole
from core.tasks import TASKS, Dataset, Task

CHOSEN = "datasets_chosen"  # of the Datasets page: its reset goes back to the bundled data


class Upload(Protocol):
    """What `st.file_uploader` returns, as far as it is used here."""

    name: str

    def getvalue(self) -> bytes: ...


def place(upload: Upload) -> Path:
    """Where an upload is kept: by its name in a folder named by its content, so that the same file twice is one."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(upload.name).name).lstrip(".")[-80:] or "data"
    safe = Path(safe).stem + Path(safe).suffix.lower()
    return UPLOADS / hashlib.sha256(upload.getvalue()).hexdigest()[:16] / safe


def save(upload: Upload, path: Path) -> None:
    """Keeps an upload in its place, if it is not there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_whole(path, upload.getvalue())


def suffixes(task: Task) -> list[str]:
    """How the names of files end that a task can read: in its own format, or inputs without answers."""
    return list(dict.fromkeys((task.suffix, *plain.SUFFIXES)))


def known(task: Task) -> list[tuple[str, str]]:
    """(label, path) of the uploads that this task may read, by name. Labels are unique."""
    kept = [file for suffix in suffixes(task) for file in UPLOADS.glob(f"*/*{suffix}")]
    files = sorted(kept, key=lambda file: (file.name, file.parent.name))
    names = [file.name for file in files]
    return [
        (file.name if names.count(file.name) == 1 else f"{file.name} ({file.parent.name[:4]})", str(file))
        for file in files
    ]


def is_upload(path: str) -> bool:
    return Path(path).parent.parent == UPLOADS


def remove(path: str) -> None:
    """Deletes an upload; a path outside the uploads is left alone."""
    if is_upload(path):
        Path(path).unlink(missing_ok=True)
        with suppress(OSError):  # another name of the same content may be there
            Path(path).parent.rmdir()


def choose(task: Task, path: str | None) -> None:
    st.session_state.setdefault(CHOSEN, {})[task.name] = path


def chosen(task: Task) -> str | None:
    return st.session_state.get(CHOSEN, {}).get(task.name)


def load(task: Task, path: str | None) -> Dataset:
    """The data, read once. Raises DataError."""
    with _readable(path):
        return _load(task.name, path, stamp(path))


@contextmanager
def _readable(path: str | None) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # such as a path that no file system takes
        raise DataError(f"{path!r} cannot be read: {error}. Check the path.") from error


@st.cache_resource(max_entries=8, show_spinner="Reading the data …")
def _load(task_name: str, path: str | None, version: float) -> Dataset:
    return TASKS[task_name].load(path)


def stamp(path: str | None) -> float:
    """Changes when the file, or a file of the folder, does. Raises DataError."""
    if path is None:
        return 0.0
    with _readable(path):
        place = Path(path).expanduser()
        files = [f for f in place.iterdir() if f.suffix in (".conllu", *plain.SUFFIXES)] if place.is_dir() else [place]
        return sum(file.stat().st_mtime for file in files if file.exists())
