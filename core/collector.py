"""Python's garbage collector, kept from looking through what lives for long.

Streamlit collects after every rerun, in full, and so does a training now and then: with the heavy libraries and a
model loaded that takes a quarter of a second, in which no thread of the process does anything. What is frozen is not
looked through.
"""

import gc
import time

SLOW = 0.015  # seconds of a full collection

_began = 0.0


def keep_short() -> None:
    """From now on what survives a slow collection is spared the later ones: libraries that were imported late, models,
    tables. Calling it again changes nothing."""
    if _watch not in gc.callbacks:
        gc.callbacks.append(_watch)


def freeze() -> None:
    """Frees what is dead, also of what was frozen before, and spares what lives from every later collection. Takes up
    to a second: call it where that does not matter."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _watch(phase: str, info: dict[str, int]) -> None:
    global _began
    if info["generation"] < 2:
        return
    if phase == "start":
        _began = time.thread_time()
    elif time.thread_time() - _began > SLOW:
        gc.freeze()
