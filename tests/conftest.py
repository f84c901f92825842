"""Shared fixtures: a tiny tokenizer and tiny models, made here in a second, and the bundled teacher."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on a core that is shared collapse

import pytest
from hypothesis import settings
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from core.tasks import POS

settings.register_profile("shared cores", deadline=None)
settings.load_profile("shared cores")

EOS = "<|end|>"


@pytest.fixture(scope="session")
def tokenizer():
    """A byte-level BPE of 700 tokens, trained on the bundled sentences, with two special tokens."""
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=[EOS, "<|control|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [text for e in POS.load(None).train for text in (e.input, e.answer)]
    backend.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=EOS, additional_special_tokens=["<|control|>"])


@pytest.fixture(scope="session")
def teacher(tokenizer):
    """A random Llama of three layers."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from core.models.language_model import LanguageModel

    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        initializer_range=0.3,
    )
    return LanguageModel.of("tiny", LlamaForCausalLM(config).eval(), tokenizer)


@pytest.fixture(scope="session")
def teacher_folder(teacher, tmp_path_factory):
    """The tiny teacher on disk, as a user's own model would be."""
    from core.models import checkpoint

    folder = tmp_path_factory.mktemp("teacher")
    checkpoint.save(teacher, folder)
    return folder


@pytest.fixture(scope="session")
def bundled_teacher():
    from core.models import bundled, teachers

    if not bundled.is_prepared():
        pytest.skip("the bundled teacher is not prepared: run `make setup`")
    return teachers.load("smollm2")
