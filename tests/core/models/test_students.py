from dataclasses import replace

import pytest
import torch

from core.errors import ConfigError, ModelError
from core.models import checkpoint, students, weights
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
