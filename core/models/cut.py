"""A student cut from a model: some of its layers, some of its width, its embeddings."""

from collections.abc import Sequence
from typing import Any

import torch

from core.errors import ConfigError
from core.models import width
from core.models.student_config import StudentConfig


def build(config: StudentConfig, source: Any, table: torch.Tensor, eos: int, sample: Sequence[Sequence[int]]) -> Any:
    """The chosen part of `source` with the embeddings `table` (V, d), which stay frozen: few sentences move them
    astray. `eos` and `sample`, a few inputs, are ids of the table. Raises ConfigError for what cannot be cut from it.
    """
    if not source.config.tie_word_embeddings:
        raise ConfigError("a student can be cut from a teacher with tied embeddings only: choose one from scratch.")
    model = _layers(config, source, table, eos)
    if config.cut_width:
        model = width.narrow(model, config.cut_width, sample)
    model.get_input_embeddings().weight.requires_grad_(False)
    for layer in model.base_model.layers[: config.frozen]:
        layer.requires_grad_(False)
    return model


def _layers(config: StudentConfig, source: Any, table: torch.Tensor, eos: int) -> Any:
    layers = getattr(source.base_model, "layers", None)
    if layers is None:
        raise ConfigError(f"layers cannot be cut from {type(source).__name__}: choose a student from scratch.")
    depth = len(layers)
    if wrong := [i for i in config.layers if i >= depth]:
        raise ConfigError(
            f"the teacher has layers 0 to {depth - 1}: {wrong} cannot be cut from it, change student.layers."
        )
    shape = type(source.config).from_dict(source.config.to_dict())
    shape.num_hidden_layers = len(config.layers)
    shape.vocab_size = len(table)
    shape.bos_token_id, shape.eos_token_id, shape.pad_token_id = eos, eos, None  # the source's are of its own table
    shape.max_position_embeddings = config.context
    if getattr(shape, "layer_types", None):
        shape.layer_types = [shape.layer_types[i] for i in config.layers]
    model = type(source)(shape).float()
    for new, old in enumerate(config.layers):
        model.base_model.layers[new].load_state_dict({k: v.float() for k, v in layers[old].state_dict().items()})
    model.base_model.norm.load_state_dict({k: v.float() for k, v in source.base_model.norm.state_dict().items()})
    model.get_input_embeddings().weight.data.copy_(table)
    return model
