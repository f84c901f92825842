"""Models on disk: safetensors and a tokenizer, nothing that is executed when read."""

import shutil
from pathlib import Path
from typing import Any

import torch

from core.errors import ModelError
from core.models.language_model import LanguageModel, device, leave_one_core


def save(lm: LanguageModel, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Writes weights (in `dtype` if given) and tokenizer, all or nothing; an adapter is written alone."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    lm.model.save_pretrained(partial, state_dict=_as_dtype(weights(lm), dtype))
    lm.tokenizer.save_pretrained(partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _as_dtype(state: dict[str, torch.Tensor], dtype: torch.dtype | None) -> dict[str, torch.Tensor]:
    """Tied weights stay one tensor, so that they are written once."""
    converted: dict[int, torch.Tensor] = {}
    for tensor in state.values():
        converted.setdefault(tensor.data_ptr(), tensor.to(dtype) if dtype and tensor.is_floating_point() else tensor)
    return {name: converted[tensor.data_ptr()] for name, tensor in state.items()}


def weights(lm: LanguageModel) -> dict[str, torch.Tensor]:
    if hasattr(lm.model, "peft_config"):
        from peft import get_peft_model_state_dict

        return get_peft_model_state_dict(lm.model)
    return lm.model.state_dict()


def load(folder: Path, name: str) -> LanguageModel:
    """A student that `save` wrote, in fp32. Raises ModelError that says what is missing."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not (folder / "config.json").exists():
        raise ModelError(f"{folder} holds no student: the run has not saved one yet.")
    leave_one_core()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    except Exception as error:  # transformers raises many kinds
        raise ModelError(f"the student in {folder} cannot be loaded: {error}") from error
    return LanguageModel.of(name, model.to(device()).eval(), tokenizer)


def megabytes(folder: Path) -> float:
    """Size of the weights on disk, in MB (10^6 bytes)."""
    return sum(f.stat().st_size for f in folder.glob("*.safetensors")) / 1e6
