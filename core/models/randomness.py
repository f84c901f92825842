"""Torch's own generator, which all threads of a process share: dropout and first weights draw from it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_drawing = threading.RLock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, this thread alone draws, and what it draws follows from `seed`. Others wait: a run that trains must not
    learn otherwise because somebody looks at a preview meanwhile."""
    with _drawing:
        torch.manual_seed(seed)
        yield
