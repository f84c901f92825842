"""Cuts in width: nothing lost where nothing matters, nothing changed where nothing is cut."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from core.errors import ConfigError
from core.models import checkpoint, students, width
from core.models.student_config import StudentConfig

SAMPLE = [[5, 9, 120, 33, 8], [77, 300, 12, 6]]
SIZE = {
    "vocab_size": 400, "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 6,
    "num_key_value_heads": 3, "head_dim": 8, "tie_word_embeddings": True, "initializer_range": 0.3,
    "pad_token_id": None,
}  # fmt: skip


def padded(make, config, **values):
    """A model a third of which does nothing: dimensions that nobody writes, heads and neurons that nobody reads."""
    torch.manual_seed(3)
    model = make(config(**SIZE, **values)).eval()
    alive = torch.randperm(48)[:32]
    dead = torch.tensor([i for i in range(48) if i not in alive])
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() == 1:
                p.uniform_(0.5, 1.5)
        model.model.embed_tokens.weight[:, dead] = 0
        for layer in model.model.layers:
            for last in (layer.self_attn.o_proj, layer.mlp.down_proj):
                last.weight[dead] = 0
            group = torch.randint(3, ()).item()
            layer.self_attn.o_proj.weight[:, group * 16 : (group + 1) * 16] = 0
            layer.mlp.down_proj.weight[:, torch.randperm(96)[:32]] = 0
        for norm in width._norms(model):  # the mean square is over more dimensions than there will be
            norm.variance_epsilon = 0.0
    return model


@pytest.mark.parametrize(
    ("make", "config", "values"),
    [(LlamaForCausalLM, LlamaConfig, {}), (Qwen3ForCausalLM, Qwen3Config, {"attention_bias": False})],
)
def test_what_does_nothing_is_what_goes(make, config, values):
    model = padded(make, config, **values)
    small = width.narrow(model, 32, SAMPLE).eval()
    shape = small.config
    assert (shape.hidden_size, shape.intermediate_size) == (32, 64)
    assert (shape.num_attention_heads, shape.num_key_value_heads, shape.head_dim) == (4, 2, 8)
    with torch.no_grad():
        for norm in width._norms(small):  # of 32 dimensions the mean square is larger by half than of 48
            norm.weight *= (48 / 32) ** 0.5
            norm.variance_epsilon = 0.0
        ids = torch.tensor([[5, 9, 250, 33, 8, 14]])
        assert torch.allclose(small(ids).logits, model(ids).logits, atol=1e-4)


def test_a_width_at_which_nothing_goes_is_the_same_model(teacher):
    settings = {"kind": "cut", "layers": (0, 1, 2), "vocabulary": len(teacher.tokens), "context": 256}
    whole = students.build(StudentConfig(**settings), teacher, [], seed=0, sample=SAMPLE)
    same = students.build(StudentConfig(**settings, cut_width=32), teacher, [], seed=0, sample=SAMPLE)
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), same.model.parameters(), strict=True))


def test_all_of_it_selected_is_the_same_model(teacher):
    """The way that a narrower model takes, with nothing to leave out."""
    model = teacher.model
    same = width._sliced(model, 32, width._observe(model, SAMPLE))
    state = same.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_a_narrow_student_learns_and_is_saved(teacher, tmp_path):
    config = StudentConfig(kind="cut", layers=(0, 2), frozen=1, vocabulary=400, context=256, cut_width=16)
    used = sorted({i for ids in SAMPLE for i in ids})
    student = students.build(config, teacher, used, seed=0, sample=SAMPLE)
    assert student.model.config.hidden_size == 16 and len(student.tokens) == 400
    assert not student.model.get_input_embeddings().weight.requires_grad
    assert [all(p.requires_grad for p in layer.parameters()) for layer in student.model.model.layers] == [False, True]
    ids = torch.tensor([student.encode("She left .")])
    student.head(student.hidden(input_ids=ids).last_hidden_state).square().sum().backward()
    assert student.model.model.layers[1].mlp.up_proj.weight.grad.abs().sum() > 0
    checkpoint.save(student, tmp_path)
    again = checkpoint.load(tmp_path, "again")
    found = again.head(again.hidden(input_ids=ids).last_hidden_state)
    assert torch.allclose(found, student.head(student.hidden(input_ids=ids).last_hidden_state), atol=1e-5)


@pytest.mark.parametrize(("wanted", "message"), [(64, "is 32 wide: it cannot be cut to 64"), (17, "a multiple of 2")])
def test_widths_that_cannot_be_had(teacher, wanted, message):
    config = StudentConfig(kind="cut", layers=(0,), vocabulary=400, context=256, cut_width=wanted)
    with pytest.raises(ConfigError, match=message):
        students.build(config, teacher, [5], seed=0, sample=[[5]])


def test_other_families_are_refused_by_name():
    from transformers import Gemma2Config, Gemma2ForCausalLM

    model = Gemma2ForCausalLM(Gemma2Config(**SIZE))
    with pytest.raises(ConfigError, match="width of a gemma2 model cannot be cut, only of llama"):
        width.narrow(model, 32, SAMPLE)


def test_nothing_to_go_by(teacher):
    config = StudentConfig(kind="cut", layers=(0,), vocabulary=400, context=256, cut_width=16)
    with pytest.raises(ConfigError, match="needs a few inputs"):
        students.build(config, teacher, [5], seed=0)
