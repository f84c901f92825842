"""Students from scratch, in both shapes."""

import pytest
import torch

from core.distill import config as run_config
from core.errors import ConfigError
from core.models import checkpoint, scratch, students
from core.models.student_config import StudentConfig

SMALL = {"vocabulary": 400, "context": 256}


def config(**values):
    return StudentConfig(kind="scratch", **{"width": 32, "depth": 2, "heads": 4, **SMALL, **values})


@pytest.mark.parametrize("shape", ["gpt2", "llama"])
@pytest.mark.parametrize("start", ["pca", "random"])
def test_any_size_and_the_same_for_the_same_seed(teacher, shape, start, tmp_path):
    student = students.build(config(shape=shape, embeddings=start), teacher, [], seed=0)
    again = students.build(config(shape=shape, embeddings=start), teacher, [], seed=0)
    assert student.model.config.model_type == shape
    assert all(torch.equal(a, b) for a, b in zip(student.model.parameters(), again.model.parameters(), strict=True))
    assert student.context == 256 and len(student.tokens) == 400
    assert student.model.get_output_embeddings().weight is student.model.get_input_embeddings().weight
    checkpoint.save(student, tmp_path)
    loaded, ids = checkpoint.load(tmp_path, "again"), torch.tensor([student.encode("Go !")])
    student.model.eval()
    expected = student.head(student.hidden(input_ids=ids).last_hidden_state)
    assert torch.allclose(loaded.head(loaded.hidden(input_ids=ids).last_hidden_state), expected, atol=1e-5)


@pytest.mark.parametrize("shape", ["gpt2", "llama"])
def test_pca_keeps_neighbours(teacher, shape):
    student = students.build(config(shape=shape, width=16, depth=1, heads=2), teacher, [], seed=0)
    table = teacher.model.get_input_embeddings().weight[students.old_ids(student, teacher)].detach()
    table = table - table.mean(0)
    small = student.model.get_input_embeddings().weight.detach()
    correlation = torch.corrcoef(torch.stack([(table @ table.T).flatten(), (small @ small.T).flatten()]))[0, 1]
    assert correlation > 0.8


def test_a_llama_has_what_makes_it_one(teacher):
    student = students.build(config(shape="llama", width=24, heads=6), teacher, [], seed=0)
    names = {name for name, _ in student.model.named_parameters()}
    assert "model.layers.1.mlp.gate_proj.weight" in names and not any("bias" in name for name in names)
    assert student.model.config.intermediate_size == 64
    assert not any("position" in name for name in names)


@pytest.mark.parametrize("shape", ["gpt2", "llama"])
def test_dropout_is_for_training_only_and_not_saved(teacher, shape, tmp_path):
    ids = torch.tensor([teacher.encode("Go !")])

    def read(lm):
        return lm.model.model(ids).last_hidden_state if shape == "llama" else lm.model.transformer(ids)[0]

    for share in (0.0, 0.3):
        student = students.build(config(shape=shape, dropout=share), teacher, [], seed=0)
        ids = torch.tensor([student.encode("Go !")])
        student.model.train()
        assert torch.equal(read(student), read(student)) == (share == 0.0)
        student.model.eval()
        expected = read(student)
        assert torch.equal(expected, read(student))
        checkpoint.save(student, tmp_path)
        assert torch.allclose(read(checkpoint.load(tmp_path, "again")), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("width: 100, heads: 7", "width 100 is not a multiple of heads 7"),
        ("width: 60, heads: 4, shape: llama", "an even number wide: width 60 with heads 4 gives 15"),
        ("tuning: full", "tuning 'full' is for the kind 'existing', this one is 'scratch'"),
        ("precision: nf4", "precision 'nf4' is for"),
        ("prompted: true", "prompted true is for"),
    ],
)
def test_contradictions_are_refused_by_name(text, message):
    with pytest.raises(ConfigError, match=message):
        run_config.read_yaml(f"student: {{kind: scratch, {text}}}")


def test_more_width_than_the_teacher_has_starts_at_random_only(teacher):
    with pytest.raises(ConfigError, match=r"embeddings are 32 wide.*embeddings 'random'"):
        students.build(config(width=64), teacher, [], seed=0)
    assert students.build(config(width=64, embeddings="random"), teacher, [], seed=0).model.config.hidden_size == 64


def test_fewer_tokens_than_dimensions_give_no_start(teacher):
    with pytest.raises(ConfigError, match=r"are 700 wide for 20 tokens and give no start.*width 32"):
        scratch.build(config(width=32), torch.zeros(20, 700), bos=0, eos=0)
