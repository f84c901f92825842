"""A student cut from a model: some of its layers, some of its width, its embeddings."""

from collections.abc import Sequence
from typing import Any

import torch

from core.errors import ConfigError
from core.models import dropout, width
from core.models.student_config import StudentConfig


def build(
    config: StudentConfig, source: Any, table: torch.Tensor, bos: int, eos: int, sample: Sequence[Sequence[int]]
) -> Any:
    """The chosen part of `source` with the embeddings `table` (V, d), which stay frozen: few sentences move them
    astray. `bos`, `eos` and `sample`, a few inputs, are ids of the table. Raises ConfigError for what cannot be cut
    from it.
    """
    if not source.config.tie_word_embeddings:
        raise ConfigError("a student can be cut from a teacher with tied embeddings only: choose one from scratch.")
    model = _layers(config, source, table, bos, eos)
    if config.cut_width:
        model = width.narrow(model, config.cut_width, sample)
    model.get_input_embeddings().weight.requires_grad_(False)
    for layer in model.base_model.layers[: config.frozen]:
        layer.requires_grad_(False)
    dropout.add(model, config.dropout_share)
    return model


def _layers(config: StudentConfig, source: Any, table: torch.Tensor, bos: int, eos: int) -> Any:
    impossible = ConfigError(f"layers cannot be cut from {type(source).__name__}: choose a student from scratch.")
    if not hasattr(source.base_model, "layers"):
        raise impossible
    depth = len(source.base_model.layers)
    if wrong := [i for i in config.layers if i >= depth]:
        raise ConfigError(
            f"the teacher has layers 0 to {depth - 1}: {wrong} cannot be cut from it, change student.layers."
        )
    shape = type(source.config).from_dict(source.config.to_dict())
    for name, value in shape.to_dict().items():  # layer_types, no_rope_layers: what a config says of each layer
        if isinstance(value, list) and len(value) == depth:
            setattr(shape, name, [value[i] for i in config.layers])
    shape.num_hidden_layers = len(config.layers)
    shape.vocab_size = len(table)
    shape.bos_token_id, shape.eos_token_id, shape.pad_token_id = bos, eos, None  # the source's are of its own table
    shape.max_position_embeddings = config.context
    model = type(source)(shape).float()
    try:
        model.base_model.load_state_dict(_weights(source, config.layers, table))
    except RuntimeError as error:  # its layers share more than their embeddings
        raise impossible from error
    return model


def _weights(source: Any, layers: Sequence[int], table: torch.Tensor) -> dict[str, torch.Tensor]:
    """What the backbone of a cut holds: the chosen layers under their new numbers, `table`, and all else as it is."""
    embeddings = source.get_input_embeddings().weight
    found = {name: table if p is embeddings else p for name, p in source.base_model.state_dict(keep_vars=True).items()}
    kept = {name: p.detach().float() for name, p in found.items() if not name.startswith("layers.")}
    for new, old in enumerate(layers):
        own = source.base_model.layers[old].state_dict(prefix=f"layers.{new}.")
        kept |= {name: p.float() for name, p in own.items()}
    return kept
