import copy
from dataclasses import replace

import pytest
import torch
from transformers import (
    Gemma3nForCausalLM,
    Gemma3nTextConfig,
    Lfm2Config,
    Lfm2ForCausalLM,
    SmolLM3Config,
    SmolLM3ForCausalLM,
)

from core.errors import ConfigError, ModelError
from core.models import checkpoint, students, weights
from core.models.language_model import LanguageModel
from core.models.student_config import StudentConfig

SMALL = {"vocabulary": 400, "context": 256}


def test_a_cut_of_all_layers_is_the_teacher(teacher):
    config = StudentConfig(kind="cut", layers=(0, 1, 2), vocabulary=len(teacher.tokens), context=256)
    student = students.build(config, teacher, [], seed=0)
    old = torch.tensor(students.old_ids(student, teacher))
    ids = torch.tensor([student.encode("She left early .")])
    mine = student.head(student.hidden(input_ids=ids).last_hidden_state)
    theirs = teacher.head(teacher.hidden(input_ids=old[ids]).last_hidden_state)[..., old]
    assert torch.allclose(mine, theirs, atol=1e-5)
    assert not student.model.get_input_embeddings().weight.requires_grad


def test_layers_that_do_not_exist(teacher):
    with pytest.raises(ConfigError, match=r"layers 0 to 2: \[3\] cannot be cut"):
        students.build(StudentConfig(kind="cut", layers=(0, 3), **SMALL), teacher, [], seed=0)


def test_saved_and_loaded(teacher, tmp_path):
    student = students.build(StudentConfig(kind="cut", layers=(0,), **SMALL), teacher, [], seed=0)
    checkpoint.save(student, tmp_path, torch.bfloat16)
    loaded = checkpoint.load(tmp_path, "again")
    ids = torch.tensor([student.encode("Go !")])
    assert torch.allclose(
        student.head(student.hidden(input_ids=ids).last_hidden_state),
        loaded.head(loaded.hidden(input_ids=ids).last_hidden_state),
        atol=0.3,
    )
    assert weights.megabytes(tmp_path) == pytest.approx(student.parameters * 2 / 1e6, abs=0.01)  # tied weights once


def test_nothing_saved_yet(tmp_path):
    with pytest.raises(ModelError, match="has not saved one"):
        checkpoint.load(tmp_path, "none")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be loaded"):
        checkpoint.load(tmp_path, "broken")


def test_frozen_layers_stay_as_they_are(teacher):
    student = students.build(StudentConfig(kind="cut", layers=(0, 2), frozen=1, **SMALL), teacher, [], seed=0)
    first, second = student.model.base_model.layers
    assert not any(p.requires_grad for p in first.parameters())
    assert all(p.requires_grad for p in second.parameters())


def test_a_cut_ends_where_its_own_tokenizer_ends(teacher):
    """The teacher's special tokens have other numbers: transformers.generate goes by the model's."""
    config = type(teacher.model.config).from_dict(teacher.model.config.to_dict())
    config.eos_token_id, config.bos_token_id, config.pad_token_id = 641, 640, 642
    own = replace(teacher, model=type(teacher.model)(config))
    student = students.build(StudentConfig(kind="cut", layers=(0,), **SMALL), own, [], seed=0)
    for found in (student.model.config, student.model.generation_config):
        assert (found.bos_token_id, found.eos_token_id, found.pad_token_id) == (student.eos, student.eos, None)


SIZE = {
    "vocab_size": 700, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "tie_word_embeddings": True, "initializer_range": 0.3, "pad_token_id": None,
}  # fmt: skip


def shortened(model, layers):
    """The model itself with these of its layers alone, in their own numbers."""
    left = copy.deepcopy(model)
    left.base_model.layers = torch.nn.ModuleList(left.base_model.layers[i] for i in layers)
    left.config.num_hidden_layers = left.base_model.config.num_hidden_layers = len(layers)
    for name in ("layer_types", "no_rope_layers"):
        if values := getattr(left.config, name, None):
            setattr(left.config, name, [values[i] for i in layers])
    return left


@pytest.mark.parametrize(
    ("make", "config", "layers"),
    [
        (SmolLM3ForCausalLM, SmolLM3Config(**SIZE), (0, 3)),
        (Lfm2ForCausalLM, Lfm2Config(**SIZE, layer_types=["conv", "full_attention"] * 2), (0, 3)),
    ],
    ids=["SmolLM3", "LFM2"],
)
def test_what_a_config_says_of_each_layer_is_cut_with_them(tokenizer, make, config, layers):
    """SmolLM3's fourth layer knows no positions; LFM2's are of two kinds, and its last norm has a name of its own."""
    torch.manual_seed(0)
    own = LanguageModel.of("own", make(config).eval(), tokenizer)
    shape = StudentConfig(kind="cut", layers=layers, vocabulary=700, context=256)
    student = students.build(shape, own, [], seed=0)
    student.model.eval()
    old = torch.tensor(students.old_ids(student, own))
    ids = torch.tensor([student.encode("She left early .")])
    with torch.no_grad():
        expected = shortened(own.model, layers)(old[ids], use_cache=False).logits[..., old]
        assert torch.allclose(student.model(ids, use_cache=False).logits, expected, atol=1e-4)
    if make is SmolLM3ForCausalLM:
        kept = [layer.self_attn.use_rope for layer in student.model.model.layers]
        assert kept == [own.model.model.layers[i].self_attn.use_rope for i in layers] == [1, 0]


def test_layers_that_share_more_than_their_embeddings_are_refused(tokenizer):
    shape = Gemma3nTextConfig(
        **{**SIZE, "pad_token_id": 0}, head_dim=8, vocab_size_per_layer_input=700, hidden_size_per_layer_input=8,
        num_kv_shared_layers=0, laurel_rank=4, layer_types=["full_attention"] * 4,
        activation_sparsity_pattern=[0.0] * 4,
    )  # fmt: skip
    own = LanguageModel.of("own", Gemma3nForCausalLM(shape), tokenizer)
    with pytest.raises(ConfigError, match="layers cannot be cut from Gemma3nForCausalLM: choose a student from scr"):
        students.build(StudentConfig(kind="cut", layers=(0, 3), vocabulary=700, context=256), own, [], seed=0)


def test_the_end_of_text_is_the_teachers_own(teacher, tokenizer):
    """An instruct model ends with <|im_end|>, its base with <|endoftext|>: both have both."""
    other = copy.deepcopy(tokenizer)
    other.eos_token = "<|control|>"
    ends_otherwise = LanguageModel.of("instruct", teacher.model, other)
    assert (teacher.eos, ends_otherwise.eos) == (0, 1)
    for student, guide in ((teacher, ends_otherwise), (ends_otherwise, teacher)):
        found = students.old_ids(student, guide)
        assert found[student.eos] == guide.eos and found[guide.eos] == student.eos
        assert found[2:] == list(range(2, 700)) and sorted(found) == list(range(700))
    assert students.old_ids(teacher, teacher) == list(range(700))
