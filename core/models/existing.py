"""A model as it is, tuned: by LoRA (Hu et al. 2021), AdaLoRA (Zhang et al. 2023) or all its weights."""

from collections.abc import Callable
from typing import Any

import torch
from transformers.pytorch_utils import Conv1D

from core.errors import ConfigError
from core.models.language_model import LanguageModel
from core.models.student_config import StudentConfig

ADAPTER = "default"  # as peft names the only one
KEPT = ("ipt", "exp_avg_ipt", "exp_avg_unc")  # what AdaLoRA's allocator remembers of each of its matrices
PATTERN = "rank_pattern"
FEWEST_STEPS = 10  # a tenth of them before ranks fall, a quarter after


def build(config: StudentConfig, base: LanguageModel) -> Any:
    """The model of `base`, ready to be tuned: with matrices beside its frozen weights, or all of it in fp32.

    Raises ConfigError for matrices that it does not have.
    """
    if config.tuning == "full":
        return base.model.float().requires_grad_(True)
    from peft import AdaLoraConfig, LoraConfig, get_peft_model

    common: dict[str, Any] = {
        "lora_alpha": config.lora_alpha or 2 * config.lora_rank,
        "lora_dropout": config.lora_dropout,
        "target_modules": _targets(config, base),
        "layers_to_transform": _last_layers(config, base),
        "task_type": "CAUSAL_LM",
    }
    if config.tuning == "lora":
        settings = LoraConfig(r=config.lora_rank, **common)
    else:  # half as much again to choose from, as in the paper; the steps are known later: see `share_ranks`
        more = config.lora_rank + (config.lora_rank + 1) // 2
        settings = AdaLoraConfig(init_r=more, target_r=config.lora_rank, total_step=FEWEST_STEPS, **common)
    model = get_peft_model(base.model, settings)
    model.peft_config[ADAPTER].base_model_name_or_path = base.name
    return model


def _targets(config: StudentConfig, base: LanguageModel) -> list[str]:
    linear = (torch.nn.Linear, Conv1D)
    known = {name.split(".")[-1] for name, m in base.model.base_model.named_modules() if isinstance(m, linear)}
    if unknown := [name for name in config.target_modules if name not in known]:
        raise ConfigError(f"{base.name} has no matrices named {unknown[0]!r}: it has {', '.join(sorted(known))}.")
    return sorted(config.target_modules or known)


def _last_layers(config: StudentConfig, base: LanguageModel) -> list[int]:
    depth = base.model.config.num_hidden_layers
    return list(range(max(0, depth - (config.lora_layers or depth)), depth))


def share_ranks(model: Any, optimizer: torch.optim.Optimizer, total: int, step: Callable[[], int]) -> None:
    """Lets AdaLoRA share its ranks out as `optimizer` steps: `total` steps in all, of which `step()` is the next,
    counted from 1. Any other model is left alone. Raises ConfigError where the steps are too few.

    What pulls its matrices towards orthogonal ones joins their gradients just before each step, after any clipping
    and however many batches the gradients were gathered from.
    """
    if not has_ranks(model):
        return
    check_steps(total)
    settings = model.peft_config[ADAPTER]
    settings.total_step, settings.tinit, settings.tfinal = total, total // 10, total // 4
    pairs = [(name, p) for name, p in model.named_parameters() if "lora_A" in name or "lora_B" in name]
    weight = settings.orth_reg_weight / len(pairs)

    def before(*_: object) -> None:
        for name, parameter in pairs:
            if parameter.grad is not None:
                parameter.grad += weight * _towards_orthogonal(parameter.detach(), "lora_A" in name)

    optimizer.register_step_pre_hook(before)
    optimizer.register_step_post_hook(lambda *_: model.base_model.update_and_allocate(step()))


def check_steps(total: int) -> None:
    """Raises ConfigError for too few steps to share ranks out in."""
    if total < FEWEST_STEPS:
        raise ConfigError(
            f"AdaLoRA shares its ranks out in {FEWEST_STEPS} steps at least, and the stages make {total}: "
            "raise epochs or examples, lower batch_size, or take tuning 'lora'."
        )


def _towards_orthogonal(matrix: torch.Tensor, rows: bool) -> torch.Tensor:
    """Gradient of ‖M Mᵀ − 1‖ (Frobenius), M being the matrix or, unless `rows`, its transpose."""
    m = matrix if rows else matrix.T
    off = m @ m.T - torch.eye(len(m), device=m.device, dtype=m.dtype)
    gradient = 2 * (off @ m) / off.norm().clamp(min=1e-12)
    return gradient if rows else gradient.T


def ranks(model: Any) -> dict[str, torch.Tensor]:
    """What AdaLoRA remembers between steps beside its weights; of any other model nothing."""
    if not has_ranks(model):
        return {}
    kept = {kind: getattr(model.base_model.rankallocator, kind) for kind in KEPT}
    pattern = model.peft_config[ADAPTER].rank_pattern or {}
    kept[PATTERN] = {name: torch.tensor(ones) for name, ones in pattern.items()}
    return {f"{kind}/{name}": tensor for kind, found in kept.items() for name, tensor in found.items()}


def restore_ranks(model: Any, tensors: dict[str, torch.Tensor]) -> None:
    """Puts back what `ranks` gave; other tensors are left alone."""
    if not has_ranks(model):
        return
    found: dict[str, dict[str, torch.Tensor]] = {kind: {} for kind in (*KEPT, PATTERN)}
    for key, tensor in tensors.items():
        kind, slash, name = key.partition("/")
        if slash:
            found[kind][name] = tensor.to(model.device)
    model.peft_config[ADAPTER].rank_pattern = {k: v.tolist() for k, v in found.pop(PATTERN).items()} or None
    vars(model.base_model.rankallocator).update(found)


def has_ranks(model: Any) -> bool:
    """Whether it is tuned by AdaLoRA."""
    settings = getattr(model, "peft_config", {}).get(ADAPTER)
    return settings is not None and settings.peft_type == "ADALORA"
