"""Dropout in models that have none, where GPT-2 has it: hooks alone, so that what is saved is a model as any other."""

from functools import partial
from typing import Any

import torch

from core.errors import ConfigError


def add(model: Any, share: float) -> None:
    """Leaves out a `share` of the embeddings, and of what attention and MLP of each layer add to them, at each step of
    training. Raises ConfigError for a model that does not name those parts as Llama does."""
    if not share:
        return
    layers = getattr(model.base_model, "layers", ())
    if not layers or not all(hasattr(layer, part) for layer in layers for part in ("self_attn", "mlp")):
        raise ConfigError(f"dropout has no place in {type(model).__name__}: set student.dropout to 0.")
    parts = [model.get_input_embeddings()]
    for layer in layers:
        parts += [layer.self_attn, layer.mlp]
    for part in parts:
        part.register_forward_hook(partial(_drop, share))


def _drop(share: float, part: torch.nn.Module, _: Any, output: Any) -> Any:
    first, *rest = output if isinstance(output, tuple) else (output,)
    dropped = torch.nn.functional.dropout(first, share, part.training)
    return (dropped, *rest) if isinstance(output, tuple) else dropped
