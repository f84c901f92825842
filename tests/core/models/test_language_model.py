"""The head here is the model's own, also where an architecture adds to its logits or scales them."""

import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPTJConfig,
    GPTJForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    MptConfig,
    MptForCausalLM,
    PhiConfig,
    PhiForCausalLM,
)

from core.errors import ModelError
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
        (PhiForCausalLM, PhiConfig(**SIZE, vocab_size=710)),
        (GPTJForCausalLM, GPTJConfig(vocab_size=710, n_embd=32, n_layer=2, n_head=4, n_positions=64, rotary_dim=4)),
    ],
    ids=["Gemma 2", "Granite", "Cohere", "Phi", "GPT-J"],
)
def test_logits_are_those_of_the_model(tokenizer, model, config):
    torch.manual_seed(0)
    lm = LanguageModel.of("own", model(config).eval(), tokenizer)
    ids, rows = torch.tensor([[5, 6, 7, 8]]), torch.tensor([3, 699, 40])
    with torch.inference_mode():
        if (bias := lm.model.get_output_embeddings().bias) is not None:
            bias.normal_()
        expected = lm.model(ids).logits
        hidden = lm.hidden(input_ids=ids).last_hidden_state
        assert torch.allclose(lm.head(hidden), expected[..., : len(lm.tokens)], atol=1e-4)
        assert torch.allclose(lm.head(hidden, rows), expected[..., rows], atol=1e-4)


def test_the_length_of_a_sequence_has_many_names(tokenizer):
    mpt = MptForCausalLM(MptConfig(vocab_size=700, d_model=32, n_heads=4, n_layers=1, max_seq_len=96))
    assert LanguageModel.of("MPT", mpt, tokenizer).context == 96
    bloom = BloomConfig(vocab_size=700, hidden_size=32, n_layer=1, n_head=4)
    with pytest.raises(ModelError, match="Bloom: its config does not say how many tokens it reads"):
        LanguageModel.of("Bloom", BloomForCausalLM(bloom), tokenizer)
    bloom.seq_length = 128
    assert LanguageModel.of("Bloom", BloomForCausalLM(bloom), tokenizer).context == 128
