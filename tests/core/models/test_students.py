import pytest
import torch

from core.errors import ConfigError, ModelError
from core.models import checkpoint, students
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


@pytest.mark.parametrize("start", ["pca", "random"])
def test_from_scratch(teacher, start):
    config = StudentConfig(kind="scratch", width=32, depth=2, heads=4, embeddings=start, **SMALL)
    student = students.build(config, teacher, [], seed=0)
    again = students.build(config, teacher, [], seed=0)
    assert student.parameters == sum(p.numel() for p in again.model.parameters())
    assert all(torch.equal(a, b) for a, b in zip(student.model.parameters(), again.model.parameters()))
    assert student.context == 256 and len(student.tokens) == 400


def test_pca_keeps_neighbours(teacher):
    config = StudentConfig(kind="scratch", width=16, depth=1, heads=2, **SMALL)
    student = students.build(config, teacher, [], seed=0)
    table = teacher.model.get_input_embeddings().weight[students.old_ids(student, teacher)].detach()
    table = table - table.mean(0)
    small = student.model.get_input_embeddings().weight.detach()
    correlation = torch.corrcoef(torch.stack([(table @ table.T).flatten(), (small @ small.T).flatten()]))[0, 1]
    assert correlation > 0.8


def test_an_adapter_starts_as_the_teacher_and_trains_alone(teacher_folder):
    from core.models import teachers

    base = teachers.load(str(teacher_folder), torch.float32)
    ids = torch.tensor([base.encode("She left .")])
    before = base.head(base.hidden(input_ids=ids).last_hidden_state)
    student = students.build(StudentConfig(kind="adapter", lora_rank=2, lora_layers=1), base, [], seed=0)
    assert torch.allclose(student.head(student.hidden(input_ids=ids).last_hidden_state), before, atol=1e-5)
    trained = [name for name, p in student.model.named_parameters() if p.requires_grad]
    assert trained and all("lora_" in name and ".layers.2." in name for name in trained)


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
    assert checkpoint.megabytes(tmp_path) == pytest.approx(student.parameters * 2 / 1e6, abs=0.01)  # tied weights once


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
    with pytest.raises(ConfigError, match="leave one to learn"):
        students.build(StudentConfig(kind="cut", layers=(0, 2), frozen=2, **SMALL), teacher, [], seed=0)
