"""Dropout where a model has none: in training alone, and not in what is saved."""

import pytest
import torch

from core.errors import ConfigError
from core.models import checkpoint, dropout, students
from core.models.student_config import StudentConfig


def read(lm):
    return lm.model.model(torch.tensor([lm.encode("Go !")])).last_hidden_state


@pytest.mark.parametrize("width", [None, 16])
def test_a_cut_leaves_out_other_parts_at_each_step_and_is_saved_without(teacher, width, tmp_path):
    config = StudentConfig(kind="cut", layers=(0, 2), vocabulary=300, cut_width=width, dropout=0.3)
    ids = teacher.encode("She left early .")
    student = students.build(config, teacher, ids, seed=0, sample=[ids])
    student.model.train()
    assert not torch.equal(read(student), read(student))
    student.model.eval()
    expected = read(student)
    checkpoint.save(student, tmp_path)
    again = checkpoint.load(tmp_path, "again")
    again.model.train()
    assert torch.allclose(read(again), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "share"),
    [
        (StudentConfig(kind="cut"), 0.0),
        (StudentConfig(kind="cut", dropout=0.2), 0.2),
        (StudentConfig(kind="scratch"), 0.1),
        (StudentConfig(kind="scratch", dropout=0.0), 0.0),
    ],
)
def test_what_is_not_said_depends_on_the_kind(config, share):
    assert config.dropout_share == share


def test_a_model_without_such_parts_is_refused(tokenizer):
    from transformers import GPT2Config, GPT2LMHeadModel

    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=64))
    dropout.add(gpt2, 0.0)
    with pytest.raises(ConfigError, match=r"dropout has no place in GPT2LMHeadModel: set student\.dropout to 0"):
        dropout.add(gpt2, 0.1)
