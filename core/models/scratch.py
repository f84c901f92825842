"""A student from scratch: GPT-2- or Llama-shaped, of any width and depth, its embeddings tied."""

from typing import Any

import torch

from core.errors import ConfigError
from core.models import dropout
from core.models.student_config import StudentConfig

LLAMA_MLP = 8 / 3  # neurons a dimension: with a gate, as many weights as the usual 4 without one (Shazeer 2020)
SPREAD = 0.04  # standard deviation of the embeddings by PCA: GPT-2 draws its own with 0.02; chosen, not measured


def build(config: StudentConfig, table: torch.Tensor, bos: int, eos: int) -> Any:
    """A model over the teacher's embeddings `table` (V, d), which it starts from if `config` says so. `bos` and `eos`
    are ids of the table.

    Raises ConfigError where they have fewer directions than it has dimensions.
    """
    if config.embeddings == "pca" and config.width > min(table.shape):
        raise ConfigError(
            f"the teacher's embeddings are {table.shape[1]} wide for {len(table):,} tokens and give no start to a "
            f"student of width {config.width}: lower the width, or take embeddings 'random'."
        )
    model = (_llama if config.shape == "llama" else _gpt2)(config, len(table), bos, eos)
    if config.embeddings == "pca":
        model.get_input_embeddings().weight.data.copy_(_principal_components(table, config.width))
    return model


def _gpt2(config: StudentConfig, vocabulary: int, bos: int, eos: int) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocabulary,
            n_embd=config.width,
            n_layer=config.depth,
            n_head=config.heads,
            n_positions=config.context,
            resid_pdrop=config.dropout_share,
            embd_pdrop=config.dropout_share,
            attn_pdrop=0.0,
            bos_token_id=bos,
            eos_token_id=eos,
        )
    )


def _llama(config: StudentConfig, vocabulary: int, bos: int, eos: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=config.width,
            intermediate_size=round(LLAMA_MLP * config.width / 8) * 8,
            num_hidden_layers=config.depth,
            num_attention_heads=config.heads,
            max_position_embeddings=config.context,
            tie_word_embeddings=True,
            bos_token_id=bos,
            eos_token_id=eos,
        )
    )
    dropout.add(model, config.dropout_share)
    return model


def _principal_components(table: torch.Tensor, width: int) -> torch.Tensor:
    """The teacher's embeddings (V, d) seen along their first `width` directions."""
    centred = table - table.mean(0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    projected = centred @ directions[:width].T
    return projected / projected.std() * SPREAD
