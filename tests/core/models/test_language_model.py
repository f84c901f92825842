"""The head here is the model's own, also where an architecture changes its logits."""

import pytest
import torch
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
)

from core.models.language_model import LanguageModel

SIZE = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "initializer_range": 0.5, "pad_token_id": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "config"),
    [
        (Gemma2ForCausalLM, Gemma2Config(**SIZE, vocab_size=700, head_dim=8, final_logit_softcapping=2.0)),
        (GraniteForCausalLM, GraniteConfig(**SIZE, vocab_size=700, logits_scaling=8.0)),
        (CohereForCausalLM, CohereConfig(**SIZE, vocab_size=700, logit_scale=0.25)),
    ],
    ids=["Gemma 2", "Granite", "Cohere"],
)
def test_logits_are_scaled_as_the_model_scales_them(tokenizer, model, config):
    torch.manual_seed(0)
    lm = LanguageModel.of("scaled", model(config).eval(), tokenizer)
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        expected = lm.model(ids).logits
        found = lm.head(lm.hidden(input_ids=ids).last_hidden_state)
    assert torch.allclose(found, expected[..., : len(lm.tokens)], atol=1e-4)
