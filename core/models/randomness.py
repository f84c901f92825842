"""What all threads of a process share where models are made and trained: torch's own generator, from which dropout and
first weights are drawn, and what transformers (5.23) changes for the whole process while it loads a model.

That is torch's default dtype, and whether weights are tied: two loads at a time leave both changed for good, and no
model can be loaded any more."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_drawing = threading.RLock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, this thread alone draws, and what it draws follows from `seed`; it alone loads or makes models. Others
    wait: a run that trains must not learn otherwise because somebody looks at a preview meanwhile."""
    with _drawing:
        torch.manual_seed(seed)
        yield
