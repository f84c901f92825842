"""Where things are on disk. `STILLROOM_HOME` moves everything that is made at run time."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
HOME = Path(os.environ.get("STILLROOM_HOME", ROOT))
MODELS = HOME / "models"
RUNS = HOME / "runs"
CACHE = HOME / "cache"
PROMPTS = HOME / "prompts"
UPLOADS = HOME / "uploads"
DEMO_RUN = ASSETS / "demo_run"
ADAPTERS = ASSETS / "adapters"


def without_place(name: str) -> str:
    """A model's name as it may leave this machine: of a path the last part. `org/name` is the hub's."""
    path = Path(name)
    return path.name if path.root or name.startswith(("~", ".")) else name


def write_whole(path: Path, content: str | bytes) -> None:
    """Replaces a file whole, so that nobody ever reads half of it."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.new")
    try:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def whole_folder(place: Path) -> Iterator[Path]:
    """A new folder to fill, which is renamed to `place` at the end. One that is there is deleted only after that, and
    put back if it fails. For one writer at a time."""
    made = place.with_name(place.name + ".partial")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    try:
        yield made
        recover(place)
        if place.exists():
            place.rename(_aside(place))
        made.rename(place)
    finally:
        recover(place)
        shutil.rmtree(made, ignore_errors=True)


def recover(place: Path) -> None:
    """Ends what a kill cut short in `whole_folder`: the old folder comes back or, where the new one is there, goes. For
    the writer of `place` alone."""
    if not place.exists() and _aside(place).exists():
        _aside(place).rename(place)
    shutil.rmtree(_aside(place), ignore_errors=True)


def _aside(place: Path) -> Path:
    return place.with_name(place.name + ".old")
