"""Where things are on disk. `STILLROOM_HOME` moves everything that is made at run time."""

import os
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
