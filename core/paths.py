"""Where things are on disk. `STILLROOM_HOME` moves everything that is made at run time."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
HOME = Path(os.environ.get("STILLROOM_HOME", ROOT))
MODELS = HOME / "models"
RUNS = HOME / "runs"
CACHE = HOME / "cache"
PROMPTS = HOME / "prompts"
DEMO_RUN = ASSETS / "demo_run"
ADAPTERS = ASSETS / "adapters"


def without_place(name: str) -> str:
    """A name that may be a path from the root, as it may leave this machine: by its last part."""
    path = Path(name)
    return path.name if path.root else name


def put_in_place(made: Path, place: Path) -> None:
    """Renames the folder `made` to `place`. One that is there is deleted only after that."""
    aside = place.with_name(place.name + ".old")
    shutil.rmtree(aside, ignore_errors=True)
    if place.exists():
        place.rename(aside)
    made.rename(place)
    shutil.rmtree(aside, ignore_errors=True)
