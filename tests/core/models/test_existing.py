"""Existing models: what is trained, in which precision, and that it can be saved, loaded and gone on with."""

import json
import logging

import pytest
import torch

from core.errors import ConfigError, ModelError
from core.models import checkpoint, existing, students, teachers
from core.models.student_config import StudentConfig

TEXT = "She left early ."


def config(**values):
    return StudentConfig(kind="existing", **values)


def tuned(tuning):
    return config(tuning=tuning, **({} if tuning == "full" else {"lora_rank": 2}))


@pytest.fixture
def base(teacher_folder):
    """A model of its own for each test: tuning changes it."""
    return teachers.load(str(teacher_folder), torch.float32)


def logits(lm):
    lm.model.eval()
    with torch.no_grad():
        return lm.head(lm.hidden(input_ids=torch.tensor([lm.encode(TEXT)])).last_hidden_state)


def trained(lm):
    return [name for name, p in lm.model.named_parameters() if p.requires_grad]


def steps(lm, count, optimizer=None, rate=1e-2):
    """A few steps towards anything."""
    optimizer = optimizer or torch.optim.AdamW([p for p in lm.model.parameters() if p.requires_grad], lr=rate)
    lm.model.train()
    ids = torch.tensor([lm.encode(TEXT)])
    for _ in range(count):
        found = lm.head(lm.hidden(input_ids=ids).last_hidden_state)[:, :-1]
        torch.nn.functional.cross_entropy(found.flatten(0, 1), ids[:, 1:].flatten()).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


@pytest.mark.parametrize("tuning", ["lora", "adalora"])
def test_an_adapter_starts_as_its_base_and_trains_alone(base, tuning):
    before = logits(base)
    student = students.build(config(tuning=tuning, lora_rank=2, lora_layers=1), base, [], seed=0)
    assert torch.allclose(logits(student), before, atol=1e-4)
    assert trained(student) and all("lora_" in name and ".layers.2." in name for name in trained(student))


def test_full_tuning_trains_all(base):
    student = students.build(config(tuning="full"), base, [], seed=0)
    assert len(trained(student)) == len(list(student.model.parameters()))


def test_the_sources_settings_can_be_had(base):
    """S1.5 and S2.3: r 8, alpha 8, dropout, matrices by name."""
    values = {"lora_rank": 8, "lora_alpha": 8, "lora_dropout": 0.05, "target_modules": ("q_proj", "v_proj")}
    settings = students.build(config(**values), base, [], seed=0).model.peft_config["default"]
    assert (settings.r, settings.lora_alpha, settings.lora_dropout) == (8, 8, 0.05)
    assert settings.target_modules == {"q_proj", "v_proj"}


def test_alpha_is_twice_the_rank_unless_given(base):
    assert students.build(config(lora_rank=3), base, [], seed=0).model.peft_config["default"].lora_alpha == 6


def test_matrices_that_do_not_exist_are_named(base):
    with pytest.raises(ConfigError, match="no matrices named 'qproj': it has down_proj, gate_proj"):
        students.build(config(target_modules=("q_proj", "qproj")), base, [], seed=0)


def test_a_gpt2_can_be_tuned_too(tokenizer):
    from transformers import GPT2Config, GPT2LMHeadModel

    from core.models.language_model import LanguageModel

    shape = GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=2, n_head=2, n_positions=64)
    gpt2 = LanguageModel.of("gpt2", GPT2LMHeadModel(shape).eval(), tokenizer)
    student = students.build(config(lora_rank=2, lora_layers=1), gpt2, [], seed=0)
    assert {name.split(".")[-4] for name in trained(student)} >= {"c_attn", "c_fc"}
    assert all(".h.1." in name for name in trained(student))


@pytest.mark.parametrize("precision", ["int8", "nf4"])
@pytest.mark.parametrize("tuning", ["lora", "adalora"])
def test_quantised_bases_are_small_quiet_and_learn(wider_folder, precision, tuning, caplog):
    full = teachers.load(str(wider_folder), torch.float32)
    with caplog.at_level(logging.INFO):
        base = teachers.load(str(wider_folder), torch.float32, precision)
        layer = base.model.model.layers[0].mlp.up_proj.weight
        assert layer.element_size() * layer.numel() <= (2 if precision == "int8" else 1) * 128 * 64 / 2
        assert base.parameters == full.parameters
        before = logits(base)
        least = 0.99 if precision == "int8" else 0.8  # its weights are random and large: four bits tell
        assert torch.nn.functional.cosine_similarity(before.flatten(), logits(full).flatten(), 0) > least
        student = students.build(config(precision=precision, tuning=tuning, lora_rank=2), base, [], seed=0)
        assert all("lora_" in name for name in trained(student))
        steps(student, 3)
    assert not torch.allclose(logits(student), before, atol=1e-3)
    assert not [r for r in caplog.records if r.name.startswith("bitsandbytes")]


def test_rows_that_its_blocks_do_not_divide_are_refused(teacher_folder):
    with pytest.raises(ModelError, match=r"has layers 32 wide: on a CPU nf4 takes multiples of 64\. Take int8 instead"):
        teachers.load(str(teacher_folder), precision="nf4")


def test_gradients_come_through_a_base_that_has_answered(wider_folder):
    """As they do not where bitsandbytes has packed its weights anew for a CPU that computes in bf16."""
    base = teachers.load(str(wider_folder), torch.bfloat16, "nf4")
    student = students.build(config(precision="nf4", lora_rank=2), base, [], seed=0)
    logits(student)
    student.model.train()
    student.head(student.hidden(input_ids=torch.tensor([[5, 6, 7]])).last_hidden_state).sum().backward()
    first = next(p for name, p in student.model.named_parameters() if "layers.0" in name and "lora_B" in name)
    assert first.grad is not None and first.grad.abs().sum() > 0


def test_a_quantised_base_takes_no_merged_adapter():
    with pytest.raises(ModelError, match="cannot be merged into nf4 weights: take 'smollm2'"):
        teachers.load("smollm2+pos", precision="nf4")


@pytest.mark.parametrize("tuning", ["lora", "adalora", "full"])
def test_saved_and_loaded(base, teacher_folder, tmp_path, tuning):
    student = students.build(tuned(tuning), base, [], seed=0)
    before = logits(student)
    optimizer = torch.optim.AdamW([p for p in student.model.parameters() if p.requires_grad], lr=1e-2)
    done = []
    existing.share_ranks(student.model, optimizer, 12, lambda: len(done))
    for _ in range(12):
        done.append(1)
        steps(student, 1, optimizer)
    after = logits(student)
    checkpoint.save(student, tmp_path)
    loaded = checkpoint.load(tmp_path, "again")
    assert loaded.name == "again" and not torch.allclose(after, before, atol=1e-2)
    assert torch.allclose(logits(loaded), after, atol=1e-4)
    if tuning == "full":
        assert (tmp_path / "model.safetensors").exists()
    else:
        assert not (tmp_path / "model.safetensors").exists()
        settings = json.loads((tmp_path / "adapter_config.json").read_text())
        assert settings["base_model_name_or_path"] == str(teacher_folder)


@pytest.mark.parametrize("precision", ["int8", "nf4"])
def test_an_adapter_comes_back_on_a_base_as_it_was(wider_folder, tmp_path, precision):
    base = teachers.load(str(wider_folder), torch.float32, precision)
    student = students.build(config(precision=precision, lora_rank=2), base, [], seed=0)
    steps(student, 3)
    checkpoint.save(student, tmp_path)
    loaded = checkpoint.load(tmp_path, "again")
    assert teachers.precision_of(loaded.model) == precision
    assert torch.allclose(logits(loaded), logits(student), atol=1e-4)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("adapter_config.json", "{"),
        ("adapter_config.json", "[]"),
        ("adapter_config.json", "{}"),
        ("adapter_config.json", '{"base_model_name_or_path": 3}'),
        ("base.json", "[]"),
    ],
)
def test_a_damaged_adapter_says_so(base, tmp_path, file, content):
    checkpoint.save(students.build(config(lora_rank=2), base, [], seed=0), tmp_path)
    (tmp_path / file).write_text(content)
    with pytest.raises(ModelError, match="is damaged"):
        checkpoint.load(tmp_path, "broken")


def test_an_adapter_that_is_no_safetensors_is_not_read(base, tmp_path):
    """peft would read the pickle in its place."""
    checkpoint.save(students.build(config(lora_rank=2), base, [], seed=0), tmp_path)
    (tmp_path / "adapter_model.safetensors").rename(tmp_path / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"holds no adapter_model\.safetensors"):
        checkpoint.load(tmp_path, "pickled")


def test_adalora_ends_at_its_rank_and_its_matrices_turn_orthogonal(base):
    student = students.build(config(tuning="adalora", lora_rank=2), base, [], seed=0)
    model = student.model
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    done = []
    existing.share_ranks(model, optimizer, 40, lambda: len(done))

    def state():
        values = {n: p.detach() for n, p in model.named_parameters() if "lora_E" in n}
        off = sum(
            (p @ p.T - torch.eye(len(p))).norm() for n, p in model.named_parameters() if "lora_A" in n and len(p) > 1
        )
        return sum(int((e != 0).sum()) for e in values.values()), float(off), len(values)

    steps(student, 1)
    at_first, off_at_first, modules = state()
    for _ in range(40):
        done.append(1)
        steps(student, 1, optimizer)
    at_last, off_at_last, _ = state()
    assert at_first == 3 * modules and at_last <= 2 * modules
    assert off_at_last < off_at_first


def test_adalora_needs_some_steps(base):
    student = students.build(config(tuning="adalora", lora_rank=2), base, [], seed=0)
    optimizer = torch.optim.SGD(student.model.parameters(), lr=0.1)
    with pytest.raises(ConfigError, match="in 10 steps at least, and the stages make 4"):
        existing.share_ranks(student.model, optimizer, 4, lambda: 1)


def test_the_orthogonal_pull_is_the_papers_gradient():
    torch.manual_seed(0)
    for shape, rows in (((3, 8), True), ((8, 3), False)):
        matrix = torch.randn(shape, requires_grad=True)
        m = matrix if rows else matrix.T
        (m @ m.T - torch.eye(3)).norm().backward()
        assert torch.allclose(existing._towards_orthogonal(matrix.detach(), rows), matrix.grad, atol=1e-5)


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize("kind", ["existing", "cut", "scratch"])
def test_gradient_checkpointing_changes_nothing(teacher, teacher_folder, kind, tuning):
    found = []
    for on in (False, True):
        if kind == "existing":
            own = teachers.load(str(teacher_folder), torch.float32)
            student = students.build(tuned(tuning), own, [], seed=0)
        else:
            shape = {"cut": {"layers": (0, 1), "frozen": 1}, "scratch": {"width": 32, "depth": 2, "heads": 4}}[kind]
            student = students.build(StudentConfig(kind=kind, vocabulary=400, **shape), teacher, [], seed=0)
        if on:
            students.checkpoint_activations(student)
        student.model.train()
        torch.manual_seed(0)
        ids = torch.tensor([student.encode(TEXT)])
        hidden = student.hidden(input_ids=ids, use_cache=False).last_hidden_state
        loss = student.head(hidden)[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).mean()
        loss.backward()
        grads = {n: p.grad for n, p in student.model.named_parameters() if p.requires_grad}
        assert all(g is not None for g in grads.values())
        found.append((loss.item(), grads))
    (first, before), (second, after) = found
    assert first == second and before.keys() == after.keys()
    assert all(torch.allclose(before[n], after[n], atol=1e-7) for n in before)
