"""One script a question; each prints one JSON object as its last line. Two are none: `server.py` is a real server and a
browser, `canonical.py` spells other people's instances, both for those, and for the tests, that need them."""

import os
from pathlib import Path

from core.paths import HOME

DATA = Path(os.environ.get("STILLROOM_DATA", HOME / "data"))  # what is too large to be bundled
