"""Models on disk: safetensors and a tokenizer, nothing that is executed when read."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from core.errors import ModelError
from core.models import existing, randomness, teachers
from core.models.device import device, leave_one_core
from core.models.language_model import LanguageModel
from core.models.weights import ADAPTER_CONFIG, ADAPTER_WEIGHTS, adapter_settings, damaged_adapter
from core.paths import whole_folder

BASE = "base.json"  # beside an adapter: what its own config has no word for, the precision of the model below it


def save(lm: LanguageModel, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Writes weights (in `dtype` if given) and tokenizer, all or nothing; an adapter is written alone."""
    is_adapter = hasattr(lm.model, "peft_config")
    # peft would ask the hub whether the base's embeddings are its own: no adapter here trains any.
    alone = {"save_embedding_layers": False} if is_adapter else {}
    with whole_folder(folder) as partial:
        lm.model.save_pretrained(partial, state_dict=_as_dtype(weights(lm), dtype), **alone)
        lm.tokenizer.save_pretrained(partial)
        if is_adapter:
            (partial / BASE).write_text(json.dumps({"precision": teachers.precision_of(lm.model)}))


def _as_dtype(state: dict[str, torch.Tensor], dtype: torch.dtype | None) -> dict[str, torch.Tensor]:
    """Tied weights stay one tensor, so that they are written once."""
    converted: dict[int, torch.Tensor] = {}
    for tensor in state.values():
        converted.setdefault(tensor.data_ptr(), tensor.to(dtype) if dtype and tensor.is_floating_point() else tensor)
    return {name: converted[tensor.data_ptr()] for name, tensor in state.items()}


def weights(lm: LanguageModel) -> dict[str, torch.Tensor]:
    """What a student is saved as: all it has, or its adapter."""
    if hasattr(lm.model, "peft_config"):
        return {name: p.detach() for name, p in lm.model.named_parameters() if "lora_" in name}
    return lm.model.state_dict()


def trained(lm: LanguageModel) -> dict[str, torch.Tensor]:
    """What training changes, to go on from later."""
    parameters = {name: p for name, p in lm.model.named_parameters() if p.requires_grad}
    return parameters | existing.ranks(lm.model)


def restore(lm: LanguageModel, tensors: dict[str, torch.Tensor]) -> None:
    """Puts back what `trained` gave."""
    lm.model.load_state_dict(tensors, strict=False)
    existing.restore_ranks(lm.model, tensors)


def load(folder: Path, name: str) -> LanguageModel:
    """A student that `save` wrote, in fp32; an adapter on the model that it was made for, in that one's precision.
    Raises ModelError that says what is missing."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not folder.is_dir():
        raise ModelError(f"there is no folder {folder}: give the path of a student's folder.")
    if (folder / ADAPTER_CONFIG).exists():
        return _load_adapter(folder, name)
    if not (folder / "config.json").exists():
        raise ModelError(f"{folder} holds no student: the run has not saved one yet.")
    leave_one_core()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        with randomness.seeded(0):
            model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    except Exception as error:  # transformers raises many kinds
        raise ModelError(f"the student in {folder} cannot be loaded: {error}") from error
    return LanguageModel.of(name, model.to(device()).eval(), tokenizer)


def _load_adapter(folder: Path, name: str) -> LanguageModel:
    from peft import PeftModel

    try:
        base = adapter_settings(folder)["base_model_name_or_path"]
        precision = json.loads((folder / BASE).read_text())["precision"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged_adapter(folder) from error
    if not (folder / ADAPTER_WEIGHTS).exists():  # peft would read a pickle
        raise ModelError(f"{folder} holds no {ADAPTER_WEIGHTS}: save the adapter as safetensors.")
    lm = teachers.load(base, torch.float32, precision)
    try:
        with randomness.seeded(0):  # its matrices are drawn before they are read
            return replace(lm, name=name, model=PeftModel.from_pretrained(lm.model, str(folder)).eval())
    except Exception as error:  # peft raises many kinds
        raise ModelError(f"the adapter in {folder} cannot be loaded: {error}") from error
