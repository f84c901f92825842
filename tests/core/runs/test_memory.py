"""What a step takes: the measurement against what is known, and where it goes."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from core.constrain.constraints import Constraints
from core.constrain.masks import MaskStore
from core.distill.config import RunConfig, Stage
from core.distill.sequences import tokenise, used_tokens
from core.distill.train import Trainer
from core.models import checkpoint, students, teachers
from core.models.language_model import LanguageModel
from core.models.student_config import StudentConfig
from core.runs import memory
from core.runs.memory import _Allocations
from core.tasks import POS

EXAMPLES = POS.load(None).train[:8]


def measured(teacher, batch: int) -> tuple[memory.MeasuredStep, Trainer]:
    config = RunConfig(stages=(Stage(method="gold", epochs=2),), batch_size=batch)
    shape = StudentConfig(kind="scratch", width=96, depth=2, heads=4, embeddings="random", context=512)
    student = students.build(shape, teacher, used_tokens(teacher, POS, EXAMPLES), seed=0)
    store = MaskStore(student.tokens)
    constraints = Constraints(POS, student.tokens, True)
    trainer = Trainer(
        config, student, tokenise(student, constraints, EXAMPLES, store, student.student_prompt), store, None
    )
    return memory.measure(trainer), trainer


def test_a_step_takes_at_least_its_weights_gradients_and_moments_and_more_for_more_text(teacher):
    small, trainer = measured(teacher, batch=1)
    states = 4 * 4 * trainer.student.parameters / 1e6
    assert small.megabytes > states
    assert measured(teacher, batch=4)[0].megabytes > small.megabytes
    assert small.seconds > 0


def test_allocations_count_what_lives_and_remember_the_most():
    kept = torch.ones(1000)
    with _Allocations() as seen:
        first = kept * 2  # 4,000 bytes
        second = torch.zeros(2000)  # 8,000
        view = second[:10]
        kept.add_(1)
        assert seen.now == 12_000
        del second
        assert seen.now == 12_000  # the view keeps it
        del view
        assert seen.now == 4_000
        del first
    assert (seen.now, seen.peak) == (0, 12_000)


def test_the_formula_counts_frozen_weights_once(teacher):
    free = students.build(StudentConfig(kind="cut", layers=(0, 1)), teacher, [], seed=0)
    frozen = students.build(StudentConfig(kind="cut", layers=(0, 1), frozen=1), teacher, [], seed=0)
    layer = sum(p.numel() for p in frozen.model.base_model.layers[0].parameters())
    difference = memory.estimate(free, 1, 0) - memory.estimate(frozen, 1, 0)
    assert difference == pytest.approx(3 * 4 * layer / 1e6)


@pytest.fixture(scope="module")
def larger(tokenizer, tmp_path_factory):
    """A Llama of six layers, on disk."""
    shape = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=384, num_hidden_layers=6, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("larger") / "model"
    checkpoint.save(LanguageModel.of("larger", LlamaForCausalLM(shape), tokenizer), folder)
    return str(folder)


def tuned(folder: str, checkpointing: bool = False, **values) -> LanguageModel:
    shape = StudentConfig(kind="existing", **values)
    student = students.build(shape, teachers.load(folder, torch.float32, shape.precision), [], seed=0)
    if checkpointing:
        students.checkpoint_activations(student)
    return student


@pytest.mark.parametrize(
    ("batch", "checkpointing", "values"),
    [
        (4, False, {"tuning": "full"}),
        (4, True, {"tuning": "full"}),
        (4, False, {"lora_layers": 2, "precision": "nf4"}),
        (4, True, {"lora_layers": 2, "precision": "nf4"}),
        (1, False, {"precision": "int8"}),
        (1, True, {"precision": "int8"}),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_formula_comes_near_what_a_step_takes(larger, batch, checkpointing, values, precision, monkeypatch):
    """It leaves the attention matrix out, which a batch with padding has."""
    monkeypatch.setenv("STILLROOM_PRECISION", precision)
    student = tuned(larger, checkpointing, **values)
    long = sorted(POS.load(None).train, key=lambda e: -len(e.input))[: 2 * batch]
    store = MaskStore(student.tokens)
    sequences = tokenise(student, Constraints(POS, student.tokens, True), long, store, student.student_prompt)
    config = RunConfig(stages=(Stage(method="gold", epochs=2),), batch_size=batch, gradient_checkpointing=checkpointing)
    expected = memory.estimate(student, batch, max(map(len, sequences)), checkpointing)
    found = memory.measure(Trainer(config, student, sequences, store)).megabytes
    assert 0.6 * found < expected < 1.2 * found


def test_the_formula_counts_weights_as_they_are_stored(larger):
    full, int8, nf4 = (memory.estimate(tuned(larger, precision=p), 1, 0) for p in ("full", "int8", "nf4"))
    quantised = 6 * (128 * (128 + 64 + 64 + 128) + 3 * 128 * 384) / 1e6  # numbers in the layers' matrices
    assert full - int8 == pytest.approx(3 * quantised) and full - nf4 == pytest.approx(3.5 * quantised)


def test_what_torch_keeps_for_later_is_free_on_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (5_000_000, 24_000_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 9_000_000)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 2_000_000)
    assert memory.available() == ("on the GPU", 12.0)
