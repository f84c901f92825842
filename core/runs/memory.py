"""How much memory training takes: by a formula, by one measured step, and what this machine has."""

import os
import time
import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from core.distill.train import Trainer
from core.models.language_model import LanguageModel

BYTES = 4  # training is in fp32
ADAM_STATES = 2


@dataclass(frozen=True)
class MeasuredStep:
    """`megabytes`: weights, and the most that one step needed besides them at any moment, the optimiser's moments
    included. `seconds` is what the step took once those existed."""

    megabytes: float
    seconds: float


def estimate(student: LanguageModel, batch: int, length: int) -> float:
    """MB by formula: weights, gradients, Adam's two moments, and about 34 values of the hidden size kept a token and
    layer for the backward pass (Korthikanti et al. 2022, without the attention matrix). `length` is in tokens."""
    config = student.model.config
    trainable = sum(p.numel() for p in student.model.parameters() if p.requires_grad)
    states = student.parameters + trainable * (1 + ADAM_STATES)
    activations = 34 * batch * length * config.num_hidden_layers * config.hidden_size / 2
    return (states + activations) * BYTES / 1e6


def measure(trainer: Trainer) -> MeasuredStep:
    """Takes two steps and looks. The trainer's student has learned from them afterwards."""
    weights = sum(p.nbytes for p in trainer.student.model.parameters())
    steps = iter(trainer)
    with _Allocations() as allocations:
        next(steps)
        allocations.peak = allocations.now
        began = time.perf_counter()
        next(steps)
        seconds = time.perf_counter() - began
    return MeasuredStep((weights + allocations.peak) / 1e6, seconds)


class _Allocations(TorchDispatchMode):
    """Bytes of the tensors that were made in this thread since and still live, and the most there were at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: weakref.WeakSet[Any] = weakref.WeakSet()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        given = {t.untyped_storage().data_ptr() for t in args if isinstance(t, torch.Tensor)}
        tree_map_only(torch.Tensor, lambda tensor: self._see(tensor.untyped_storage(), given), found)
        return found

    def _see(self, storage: Any, given: set[int]) -> None:
        if storage.data_ptr() in given or storage in self._known:
            return
        self._known.add(storage)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, storage.nbytes())

    def _forget(self, size: int) -> None:
        self.now -= size


def available() -> tuple[str, float]:
    """Where training takes place, in words, and how many MB are free there."""
    if torch.cuda.is_available():
        return "on the GPU", torch.cuda.mem_get_info()[0] / 1e6
    try:
        with open("/proc/meminfo") as file:
            kilobytes = next(float(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    except OSError:  # not Linux: all there is
        kilobytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024
    return "in this machine's memory", kilobytes * 1024 / 1e6
