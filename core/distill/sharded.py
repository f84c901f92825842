"""Weights and moments that processes hold in shards (FSDP2; DeepSpeed stage 2), whole again and back.

There the student that is trained is a copy; the student itself stays whole on every process, to be validated and
saved, and `gather` gives it the copy's weights. Alone, or under DDP, the two are one and nothing here does anything.
"""

import copy
from dataclasses import replace
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType

from core.errors import ConfigError
from core.models import existing
from core.models.language_model import LanguageModel

MOMENTS = ("exp_avg", "exp_avg_sq")


def trained(student: LanguageModel, accelerator: Accelerator) -> LanguageModel:
    """The student to train: a copy where its state will be split. Raises ConfigError for AdaLoRA, which must see its
    matrices and their gradients whole to share their ranks out."""
    if not _is_cut(accelerator):
        return student
    if existing.has_ranks(student.model):
        raise ConfigError(
            "AdaLoRA needs its matrices and their gradients whole, and this launch splits them: take tuning 'lora', or "
            "launch with assets/accelerate/multi_gpu.yaml."
        )
    return replace(student, model=copy.deepcopy(student.model))


@torch.no_grad()
def gather(module: Any, student: LanguageModel, accelerator: Accelerator) -> None:
    """Gives `student` the weights of the trained copy. Every process must come here."""
    for whole, shard in _pairs(module, student, accelerator):
        if accelerator.distributed_type == DistributedType.DEEPSPEED:
            from deepspeed.utils import safe_get_full_fp32_param

            whole.copy_(safe_get_full_fp32_param(shard))
        else:
            whole.copy_(_whole(shard))


@torch.no_grad()
def scatter(student: LanguageModel, module: Any, accelerator: Accelerator) -> None:
    """Gives the trained copy the weights of `student`."""
    for whole, shard in _pairs(module, student, accelerator):
        if accelerator.distributed_type == DistributedType.DEEPSPEED:
            from deepspeed.utils import safe_set_full_fp32_param

            safe_set_full_fp32_param(shard, whole)
        shard.copy_(_like(whole, shard))


def moments(optimizer: Any, accelerator: Accelerator) -> dict[str, torch.Tensor]:
    """What Adam remembers of the trained parameter number i, under `i.name`. Every process must come here.

    Nothing under DeepSpeed, which takes none back before its first step: a run resumed there starts them anew.
    """
    if accelerator.distributed_type == DistributedType.DEEPSPEED:
        return {}
    state = optimizer.state_dict()["state"]
    return {f"{i}.{k}": _whole(v) for i, entry in state.items() for k, v in entry.items()}


def restore_moments(optimizer: Any, tensors: dict[str, torch.Tensor]) -> None:
    if not tensors:
        return
    parameters = optimizer.param_groups[0]["params"]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        number, key = name.split(".", 1)
        state.setdefault(int(number), {})[key] = _like(value, parameters[int(number)]) if key in MOMENTS else value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _is_cut(accelerator: Accelerator) -> bool:
    return accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED)


def _pairs(module: Any, student: LanguageModel, accelerator: Accelerator) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Each trained parameter: the student's, and the copy's."""
    if not _is_cut(accelerator):
        return []
    copied = dict(accelerator.unwrap_model(module).model.named_parameters())
    return [(p, copied[name]) for name, p in student.model.named_parameters() if p.requires_grad]


def _whole(tensor: Any) -> torch.Tensor:
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def _like(whole: torch.Tensor, shard: Any) -> torch.Tensor:
    """This process's part of a whole tensor, cut as `shard` is."""
    if not hasattr(shard, "full_tensor"):
        return whole
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(whole.to(shard.device), shard.device_mesh, shard.placements)
