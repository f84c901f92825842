"""How much memory training takes: by a formula, by one measured step, and what this machine has."""

import os
import re
import time
import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from core.distill.train import Trainer
from core.models.language_model import LanguageModel

ADAM_STATES = 2
LAYER_VALUES = 17
VALUE_BYTES = 4  # in bf16 too: autocast keeps sums and norms in fp32, and what it casts beside them
_LAYER = re.compile(r"\.(?:layers|h)\.(\d+)\.")


@dataclass(frozen=True)
class MeasuredStep:
    """`megabytes`: weights, and the most that one step needed besides them at any moment, the optimiser's moments
    included. `seconds` is what the step took once those existed."""

    megabytes: float
    seconds: float


def estimate(student: LanguageModel, batch: int, length: int, checkpointing: bool = False) -> float:
    """MB by formula: weights as they are stored, gradients and Adam's two moments of those that are trained, and what
    the backward pass needs of `batch` sequences of `length` tokens."""
    parameters = list(student.model.parameters())
    states = sum(p.nbytes for p in parameters)
    states += sum(p.nbytes for p in parameters if p.requires_grad) * (1 + ADAM_STATES)
    values = batch * length * _kept(student, checkpointing)
    return (states + values * VALUE_BYTES) / 1e6


def _kept(student: LanguageModel, checkpointing: bool) -> int:
    """Values a token that are kept for the backward pass: of a layer, 17 times the hidden size (Korthikanti et al.
    2022, without the attention matrix), from the first layer on in which something is trained; with gradient
    checkpointing the input of every layer, and the rest of one at a time.

    What bitsandbytes multiplies in int8 it keeps itself (0.50, `MatMul8bitLt`), where checkpointing does not reach:
    the inputs of attention, of its output, and of both halves of the MLP.
    """
    config = student.model.config
    if not checkpointing:
        return LAYER_VALUES * config.hidden_size * _reached(student)
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    is_int8 = any(type(p).__name__ == "Int8Params" for p in student.model.parameters())
    held = 3 * config.hidden_size + inner if is_int8 else 0
    return LAYER_VALUES * config.hidden_size + (config.hidden_size + held) * config.num_hidden_layers


def _reached(student: LanguageModel) -> int:
    """How many layers gradients go through: the last ones, down to the first in which something is trained."""
    depth = student.model.config.num_hidden_layers
    if student.model.get_input_embeddings().weight.requires_grad:
        return depth
    trained = (_LAYER.search(name) for name, p in student.model.named_parameters() if p.requires_grad)
    return depth - min((int(found[1]) for found in trained if found), default=0)


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
    """Where training takes place, in words, and how many MB are free there: on a GPU also those that torch has taken
    and uses for nothing."""
    if torch.cuda.is_available():
        kept = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        return "on the GPU", (torch.cuda.mem_get_info()[0] + kept) / 1e6
    try:
        with open("/proc/meminfo") as file:
            kilobytes = next(float(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    except OSError:  # not Linux: all there is
        kilobytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024
    return "in this machine's memory", kilobytes * 1024 / 1e6
