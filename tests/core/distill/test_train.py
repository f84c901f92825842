"""The training loop against plain references, on tiny models."""

import copy
import threading
from dataclasses import replace
from itertools import product

import pytest
import torch
from accelerate.state import AcceleratorState, GradientState
from tokenizers import processors
from torch._inductor import config as inductor

from core.constrain.constraints import Constraints
from core.constrain.masks import FORCED, MaskStore
from core.distill import losses
from core.distill.config import RunConfig, Stage, validate
from core.distill.positions import counted
from core.distill.sequences import tokenise, used_tokens
from core.distill.teacher import LiveTeacher, SignalSource
from core.distill.train import Trainer
from core.errors import ConfigError, DataError, RunError
from core.models import checkpoint, prompting, students
from core.models.language_model import LanguageModel
from core.models.student_config import StudentConfig
from core.tasks import POS, Example
from core.tasks.prompt import default_prompt

EXAMPLES = POS.load(None).train[:12]
PROMPT = default_prompt(POS)


def trainer(teacher, config: RunConfig, layers=(0, 2), vocabulary=500, folder=None) -> Trainer:
    shape = StudentConfig(kind="cut", layers=layers, vocabulary=vocabulary, context=512)
    student = students.build(shape, teacher, used_tokens(teacher, POS, EXAMPLES), seed=0)
    store = MaskStore(student.tokens)
    constraints = Constraints(POS, student.tokens, config.conditioned)
    sequences = tokenise(student, constraints, EXAMPLES, store, student.student_prompt)
    prompts = [prompting.render(teacher, POS, PROMPT, e.input) for e in EXAMPLES]
    live = LiveTeacher(teacher, torch.tensor(students.old_ids(student, teacher)))
    source = SignalSource(live, prompts, sequences, store, config.signals, config.seed, folder)
    return Trainer(config, student, sequences, store, source)


def config(**stage) -> RunConfig:
    return RunConfig(stages=(Stage(**stage),), batch_size=3, clip=1e9)


def dense_pair(t: Trainer, stage: Stage, k: int):
    """Student and teacher logits (answer, V) of one sequence, everything computed the plain way."""
    sequence = t.sequences[k]
    ids = torch.tensor([[*sequence.prompt, *sequence.answer]])
    start = len(sequence.prompt) - 1
    student = t.student.model(input_ids=ids).logits[0, start:-1].float()
    prompt = t.source.prompts[k]
    old = t.source.live.old_ids
    theirs = torch.tensor([[*prompt, *old[list(sequence.answer)].tolist()]])
    with torch.no_grad():
        teacher = t.source.live.teacher.model(input_ids=theirs).logits[0, len(prompt) - 1 : -1].float()[:, old]
    return student, teacher


@pytest.mark.parametrize(
    ("share", "constraint"),
    [pair for pair in product([0.0, 0.3, 1.0], ["none", "soft", "hard"]) if pair != (1.0, "soft")],
)
@pytest.mark.parametrize("conditioned", [True, False])
def test_loss_and_gradient_equal_the_dense_reference(teacher, share, constraint, conditioned):
    """`share` of the loss is gold's."""
    taught = {"method": "gold"} if share == 1 else {"method": "task", "gold_weight": share, "temperature": 2.0}
    stage = Stage(**taught, constraint=constraint, **({"penalty": 5.0} if constraint == "soft" else {}))
    t = trainer(teacher, RunConfig(stages=(stage,), conditioned=conditioned))
    group = [0, 1, 2]
    t.student.model.eval()
    loss, _, _ = t.loss(stage, [t.sequences[k] for k in group], group)
    loss.backward()
    name, parameter = next((n, p) for n, p in t.student.model.named_parameters() if "q_proj" in n)
    gradient = parameter.grad.clone()
    t.student.model.zero_grad()

    terms = []
    for k in group:
        sequence = t.sequences[k]
        student, signal = dense_pair(t, stage, k)
        gold = torch.tensor(sequence.answer)
        allowed = torch.zeros(student.shape, dtype=torch.bool)
        for i, row in enumerate(sequence.rows):
            if row == FORCED:
                allowed[i, gold[i]] = True
            else:
                allowed[i] = torch.from_numpy(t.store.allowed([row])[0])
        if constraint == "hard":
            student, signal = losses.restrict(student, allowed), losses.restrict(signal, allowed)
        elif constraint == "soft":
            signal = losses.lower(signal, allowed, 5.0)
        count = [i for i, row in enumerate(sequence.rows) if constraint != "hard" or row != FORCED]
        for i in count:
            one = student[i : i + 1]
            heat = stage.temperature
            pair = [(logits / heat).log_softmax(-1) for logits in (one, signal[i : i + 1])]
            of_gold = losses.cross_entropy(one, gold[i : i + 1])
            terms.append((1 - share) * losses.forward_kl(*pair) * heat**2 + share * of_gold)
    reference = torch.stack(terms).mean()
    reference.backward()
    assert loss.item() == pytest.approx(reference.item(), rel=1e-4)
    assert torch.allclose(gradient, dict(t.student.model.named_parameters())[name].grad, atol=1e-5)


def test_forced_positions_cost_nothing_under_a_hard_constraint(teacher):
    t = trainer(teacher, config(method="task", constraint="hard"))
    student, signal = dense_pair(t, t.config.stages[0], 0)
    for i, row in enumerate(t.sequences[0].rows):
        if row == FORCED:
            only = torch.zeros(1, student.shape[1], dtype=torch.bool)
            only[0, t.sequences[0].answer[i]] = True
            pair = losses.restrict(student[i : i + 1], only), losses.restrict(signal[i : i + 1], only)
            pair = [logits.log_softmax(-1) for logits in pair]
            assert losses.forward_kl(*pair).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("method", ["logits", "task"])
def test_identical_teacher_and_student_cost_nothing(teacher, method):
    t = trainer(teacher, config(method=method), layers=(0, 1, 2), vocabulary=len(teacher.tokens))
    if method == "task":  # the teacher must read the same prompt as well
        t.source.prompts = [[int(t.source.live.old_ids[i]) for i in s.prompt] for s in t.sequences]
    t.student.model.eval()
    loss, agreement, _ = t.loss(t.config.stages[0], list(t.sequences[:3]), [0, 1, 2])
    assert loss.item() == pytest.approx(0, abs=1e-5) and agreement == 1.0


def test_under_logits_the_teacher_begins_as_its_tokenizer_does(teacher, tokenizer):
    """Also where the student's text does not; where it does, there is one beginning."""
    t = trainer(teacher, config(method="logits", constraint="none"))
    stage, bare = t.config.stages[0], list(t.sequences[0].prompt)
    old = t.source.live.old_ids
    assert t.source._prompt(stage, 0) == old[bare].tolist()
    backend = copy.deepcopy(tokenizer)
    backend.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|control|> $A", special_tokens=[("<|control|>", 1)]
    )
    begins = LanguageModel.of("begins", copy.deepcopy(teacher.model), backend)
    begins.model.config.bos_token_id = 1
    before = t.source.live.logits([old[bare].tolist()], *asked(t, stage))
    t.source.live.teacher = begins
    begins.model.config.bos_token_id = 1
    assert t.source._prompt(stage, 0) == [1, *old[bare].tolist()]
    after = t.source.live.logits([t.source._prompt(stage, 0)], *asked(t, stage))
    ids = torch.tensor([[1, *old[[*bare, *t.sequences[0].answer]].tolist()]])
    with torch.no_grad():
        expected = teacher.model(ids).logits[0, 1:-1][:, old]
    assert torch.allclose(after, expected, atol=1e-4) and not torch.allclose(after, before, atol=1e-2)
    t.source.sequences = [replace(t.sequences[0], prompt=(old.tolist().index(1), *bare))]
    assert t.source._prompt(stage, 0) == [1, *old[bare].tolist()]


def asked(t: Trainer, stage: Stage):
    batch = [t.sequences[0]]
    return batch, counted(batch, stage), torch.arange(len(t.student.tokens))


def test_logits_counts_the_input_too(teacher):
    t = trainer(teacher, config(method="logits", constraint="none"))
    positions = counted([t.sequences[0]], t.config.stages[0])
    assert len(positions) == len(t.sequences[0]) - 1
    assert positions.gold.tolist() == [*t.sequences[0].prompt, *t.sequences[0].answer][1:]


def test_training_learns_and_stages_follow_each_other(teacher):
    stages = (Stage(method="task", learning_rate=3e-3), Stage(method="gold", epochs=12, learning_rate=3e-3))
    t = trainer(teacher, RunConfig(stages=stages, batch_size=4))
    records = list(t)
    assert len(records) == t.total == 3 + 36
    assert [r.method for r in records] == ["task"] * 3 + ["gold"] * 36
    gold = [r.loss for r in records if r.method == "gold"]
    assert sum(gold[-3:]) < 0.6 * sum(gold[:3])


def test_resumed_equals_uninterrupted(teacher):
    stages = (Stage(method="task", examples=6), Stage(method="gold", epochs=2))
    settings = RunConfig(stages=stages, batch_size=4, seed=5)
    whole = [r.loss for r in trainer(teacher, settings)]
    first = trainer(teacher, settings)
    steps = iter(first)
    losses_ = [next(steps).loss for _ in range(4)]
    tensors, progress = first.state()
    tensors = {k: v.clone() for k, v in tensors.items()}
    weights = {k: v.clone() for k, v in first.student.model.state_dict().items()}
    second = trainer(teacher, settings)
    second.student.model.load_state_dict(weights)
    second.restore(tensors, progress)
    losses_ += [r.loss for r in second]
    assert losses_ == pytest.approx(whole, rel=1e-5)


def scratch_trainer(teacher, config: RunConfig) -> Trainer:
    """Its student drops out, as GPT-2-shaped ones do."""
    shape = StudentConfig(kind="scratch", shape="gpt2", width=16, depth=1, heads=2, vocabulary=500, context=512)
    student = students.build(shape, teacher, used_tokens(teacher, POS, EXAMPLES), seed=0)
    store = MaskStore(student.tokens)
    constraints = Constraints(POS, student.tokens, True)
    sequences = tokenise(student, constraints, EXAMPLES, store, student.student_prompt)
    return Trainer(config, student, sequences, store)


def test_resumed_equals_uninterrupted_with_dropout_and_every_option(teacher):
    settings = RunConfig(
        stages=(Stage(method="gold", epochs=3),),
        batch_size=6,
        batch_tokens=1500,
        accumulate=3,
        schedule="cosine",
        patience=50,
        keep="best",
    )
    whole = [r.loss for r in scratch_trainer(teacher, settings)]
    first = scratch_trainer(teacher, settings)
    steps = iter(first)
    begun = [next(steps).loss for _ in range(len(whole) // 2)]
    weights = {k: v.clone() for k, v in first.student.model.state_dict().items()}
    tensors, progress = first.state()
    tensors = {k: v.clone() for k, v in tensors.items()}
    torch.manual_seed(99)  # what happened meanwhile must not matter
    second = scratch_trainer(teacher, settings)
    second.student.model.load_state_dict(weights)
    second.restore(tensors, progress)
    assert begun + [r.loss for r in second] == whole


def test_what_others_draw_meanwhile_changes_nothing(teacher, teacher_folder):
    """A preview builds a student and takes steps, a page loads one, both in threads of their own: dropout is the
    run's all the same."""
    settings = RunConfig(stages=(Stage(method="gold", epochs=6),), batch_size=3)
    whole = [r.loss for r in scratch_trainer(teacher, settings)]
    over, drawn = threading.Event(), []

    def draw_on():
        while not over.is_set():
            drawn.append(next(iter(scratch_trainer(teacher, settings))))
            checkpoint.load(teacher_folder, "another")

    other = threading.Thread(target=draw_on)
    other.start()
    try:
        beside = [r.loss for r in scratch_trainer(teacher, settings)]
    finally:
        over.set()
        other.join()
    assert beside == whole and drawn


def test_a_preview_in_the_middle_of_a_step_takes_none_away(teacher, monkeypatch):
    """Accelerate remembers for the whole process whether gradients are complete: they are not between the passes of
    another trainer."""
    settings = RunConfig(stages=(Stage(method="gold"),), batch_size=4)
    alone, beside = scratch_trainer(teacher, settings), scratch_trainer(teacher, settings)
    other = scratch_trainer(teacher, settings.model_copy(update={"accumulate": 2}))
    assert list(alone)
    begun, over, loss, clip = threading.Event(), threading.Event(), other.loss, beside.accelerator.clip_grad_norm_

    def slow(*batch):
        begun.set()
        assert over.wait(20)
        return loss(*batch)

    preview = threading.Thread(target=lambda: next(iter(other)))

    def interrupted(*norm):
        if not begun.is_set():
            preview.start()
            begun.wait(0.3)
        return clip(*norm)

    monkeypatch.setattr(other, "loss", slow)
    monkeypatch.setattr(beside.accelerator, "clip_grad_norm_", interrupted)
    steps = iter(beside)
    next(steps)
    over.set()
    preview.join()
    assert list(steps) and begun.is_set()
    assert all(torch.equal(a, b) for a, b in zip(alone.student.model.parameters(), beside.student.model.parameters()))


def test_a_new_accelerator_leaves_what_the_process_shares(teacher, monkeypatch):
    """Another trainer reads it all the time."""
    first = trainer(teacher, config(method="gold"))
    for state in (AcceleratorState, GradientState):
        monkeypatch.setattr(state, "_reset_state", lambda: pytest.fail("forgotten"))
    trainer(teacher, config(method="gold"))
    assert next(iter(first)).loss > 0


@pytest.mark.parametrize("method", ["task", "gold"])
def test_passes_equal_one_large_batch(teacher, method):
    """Every position weighs the same, however many its pass has."""
    found = []
    for accumulate in (1, 5):
        settings = RunConfig(stages=(Stage(method=method, epochs=2),), batch_size=5, accumulate=accumulate)
        t = trainer(teacher, settings)
        records = [(r.loss, r.agreement, r.positions, r.tokens) for r in t]
        found.append((records, torch.cat([p.flatten() for p in t.student.model.parameters()])))
    assert [r[2:] for r in found[0][0]] == [r[2:] for r in found[1][0]]
    for column in (0, 1):
        assert [r[column] for r in found[1][0]] == pytest.approx([r[column] for r in found[0][0]], rel=1e-4)
    assert torch.allclose(found[0][1], found[1][1], atol=1e-4)


def test_a_batch_in_which_all_is_forced_teaches_nothing(teacher):
    t = trainer(teacher, config(method="gold"))
    t.sequences = [replace(s, rows=(FORCED,) * len(s.rows)) for s in t.sequences]
    before = [p.clone() for p in t.student.model.parameters()]
    t.optimizer.param_groups[0]["weight_decay"] = 0.0
    record = next(iter(t))
    assert (record.loss, record.agreement, record.positions) == (0.0, 0.0, 0)
    assert all(torch.equal(a, b) for a, b in zip(before, t.student.model.parameters()))


def test_what_one_run_sets_is_forgotten_by_the_next(teacher, monkeypatch):
    """Accelerate keeps its state for the whole process; another precision must still be possible."""
    found = []
    for precision in ("bf16", "fp32"):
        monkeypatch.setenv("STILLROOM_PRECISION", precision)
        t = trainer(teacher, config(method="gold"))
        assert t.accelerator.mixed_precision == ("bf16" if precision == "bf16" else "no")
        found.append(next(iter(t)).loss)
        assert "forward" not in vars(t.student.model)  # only the wrapper was patched
    assert found[0] == pytest.approx(found[1], rel=0.02) and found[0] != found[1]


def test_more_processes_than_a_batch_has_examples(teacher, monkeypatch):
    monkeypatch.setattr("core.distill.processes.count", lambda: 2)
    with pytest.raises(ConfigError, match="a batch of 3 cannot be split among 2 processes in 2 passes"):
        trainer(teacher, RunConfig(batch_size=3, accumulate=2))


# As a compiler without its parts.
BROKEN = 'case "$*" in *--version*) echo c++ 1.0;; *) printf "In it:\\nerror: no cc1plus." >&2; exit 1;; esac'


@pytest.mark.parametrize(
    ("script", "said"),
    [(None, "No working C.* compiler"), (BROKEN, r"error: no cc1plus\. Install or")],
    ids=["missing", "broken"],
)
def test_a_missing_or_broken_compiler_is_named(teacher, tmp_path, monkeypatch, script, said):
    compiler = tmp_path / "c++"
    if script:
        compiler.write_text(f"#!/bin/sh\n{script}\n")
        compiler.chmod(0o755)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    wrong = pytest.raises(ConfigError, match=f"torch.compile failed: {said}")
    with inductor.patch({"cpp.cxx": (str(compiler),)}), wrong:
        trainer(teacher, RunConfig(compile=True))


def test_time_budget_ends_training(teacher):
    t = trainer(teacher, RunConfig(stages=(Stage(method="gold", epochs=1000),), max_seconds=0.5))
    records = list(t)
    assert len(records) < t.total and records[-1].progress >= 1


def test_a_loss_that_is_not_a_number_stops_the_run(teacher):
    t = trainer(teacher, config(method="gold"))
    with torch.no_grad():
        next(t.student.model.parameters()).fill_(float("nan"))
    with pytest.raises(RunError, match="lower the learning rate"):
        next(iter(t))


def test_answers_that_break_the_schema_and_long_ones_are_named(teacher):
    store = MaskStore(teacher.tokens)
    constraints = Constraints(POS, teacher.tokens, True)
    bad = Example("Go !", '{"tokens":[{"text":"Go","pos":"VERB"}]}')
    with pytest.raises(DataError, match=r"example 2 \('Go !'\).*at byte 37"):
        tokenise(teacher, constraints, [EXAMPLES[0], bad], store, teacher.student_prompt)
    long = Example(" ".join(["so"] * 400), "{}")
    with pytest.raises(DataError, match=r"example 1 .*reads at most|example 1 \("):
        tokenise(teacher, constraints, [long], store, teacher.student_prompt)


@pytest.mark.parametrize("form", ["exact", "top"])
@pytest.mark.parametrize("loss", ["forward_kl", "reverse_kl", "jensen_shannon"])
def test_cached_equals_live(teacher, tmp_path, form, loss):
    """Loss and gradient from disk are those of the live teacher, the first time and ever after."""
    stage = Stage(method="task", loss=loss, temperature=2.0)
    forms = {"live": {"form": "live"}, "exact": {"form": "exact"}, "top": {"form": "top", "mass": 0.9999}}
    found = []
    for how in ("live", form):
        t = trainer(teacher, RunConfig(stages=(stage,), signals=forms[how]), folder=tmp_path)
        t.student.model.eval()
        for _ in range(2):
            t.source.flush()  # the second time it comes from disk
            t.student.model.zero_grad()
            value, agreement, _ = t.loss(stage, list(t.sequences[:4]), [0, 1, 2, 3])
            value.backward()
            gradient = next(p.grad for n, p in t.student.model.named_parameters() if "q_proj" in n)
            found.append((value.item(), agreement, gradient.clone()))
    t.source.flush()
    again = trainer(teacher, t.config, folder=tmp_path)
    assert all(i in again.source._cache(stage) for i in range(4))
    for value, agreement, gradient in found[1:]:
        # Of the flat distributions of a random teacher, the top form rounds the most.
        assert value == pytest.approx(found[0][0], rel=2e-3 if form == "top" else 2e-4)
        assert agreement == found[0][1]
        assert torch.cosine_similarity(gradient.flatten(), found[0][2].flatten(), 0) > 0.9995


@pytest.mark.parametrize("loss", ["forward_kl", "reverse_kl"])
def test_exact_signals_of_a_sure_teacher_equal_live_ones(teacher, tmp_path, loss):
    """What it finds all but impossible is kept as well."""
    sure = replace(teacher, model=copy.deepcopy(teacher.model))
    sure.model.model.norm.weight.data *= 20
    stage = Stage(method="task", loss=loss)
    found = []
    for form in ("live", "exact"):
        t = trainer(sure, RunConfig(stages=(stage,), signals={"form": form}), folder=tmp_path)
        t.student.model.model.norm.weight.data /= 20
        t.student.model.eval()
        loss_, _, _ = t.loss(stage, list(t.sequences[:4]), [0, 1, 2, 3])
        loss_.backward()
        gradient = next(p.grad for n, p in t.student.model.named_parameters() if "q_proj" in n)
        found.append((loss_.item(), gradient.flatten()))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-3)
    assert torch.allclose(found[1][1], found[0][1], atol=1e-3 * found[0][1].abs().max())


def test_without_a_mask_signals_are_kept_over_the_whole_vocabulary(teacher, tmp_path):
    stage = Stage(method="logits", constraint="none")
    values = []
    for signals in ({"form": "live"}, {"form": "top", "mass": 1.0, "most": 4096}):
        config = RunConfig(stages=(stage,), signals=signals)
        t = trainer(teacher, config, folder=tmp_path)
        t.student.model.eval()
        values.append(t.loss(stage, list(t.sequences[:2]), [0, 1])[0].item())
    assert values[1] == pytest.approx(values[0], rel=2e-3)


def test_sampled_signals_have_the_full_gradient_on_average(teacher, tmp_path):
    stage = Stage(method="task")
    gradients = []
    for signals in ({"form": "live"}, {"form": "sampled", "draws": 1024}):
        config = RunConfig(stages=(stage,), signals=signals)
        t = trainer(teacher, config, folder=tmp_path)
        t.student.model.eval()
        t.loss(stage, list(t.sequences[:4]), [0, 1, 2, 3])[0].backward()
        gradients.append(next(p.grad for n, p in t.student.model.named_parameters() if "q_proj" in n))
    similarity = torch.cosine_similarity(gradients[0].flatten(), gradients[1].flatten(), 0)
    assert similarity > 0.98


def test_the_teacher_is_asked_once(teacher, tmp_path, monkeypatch):
    t = trainer(teacher, RunConfig(stages=(Stage(method="task", epochs=3),), batch_size=4), folder=tmp_path)
    asked = []
    logits = t.source.live.logits
    monkeypatch.setattr(
        t.source.live, "logits", lambda prompts, *rest: asked.append(len(prompts)) or logits(prompts, *rest)
    )
    list(t)
    assert sum(asked) == len(EXAMPLES)


@pytest.mark.parametrize(
    ("change", "asked_again"),
    [
        ({"learning_rate": 0.01, "epochs": 2, "loss": "reverse_kl", "gold_weight": 0.5}, False),
        ({"temperature": 2.0}, True),
        ({"constraint": "none"}, True),
        ({"method": "logits"}, True),
    ],
)
def test_stages_that_ask_the_same_share_their_signals(teacher, tmp_path, monkeypatch, change, asked_again):
    stages = (Stage(method="task"), Stage(**{"method": "task", **change}))
    t = trainer(teacher, RunConfig(stages=stages, batch_size=4), folder=tmp_path)
    asked = []
    logits = t.source.live.logits
    monkeypatch.setattr(
        t.source.live, "logits", lambda prompts, *rest: asked.append(len(prompts)) or logits(prompts, *rest)
    )
    list(t)
    assert sum(asked) == len(EXAMPLES) * (2 if asked_again else 1)


@pytest.mark.parametrize(
    ("signals", "change", "field"),
    [
        ({}, {}, "prompt"),
        ({}, {}, "teacher"),
        ({}, {"signals": {"most": 1}}, "amount"),
        ({}, {"signals": {"mass": 0.5}}, "amount"),
        ({}, {"signals": {"form": "exact"}}, "form"),
        ({"form": "sampled"}, {"signals": {"form": "sampled", "draws": 3}}, "amount"),
        ({"form": "sampled"}, {"seed": 1}, "amount"),
    ],
)
def test_signals_made_from_something_else_are_refused_by_name(teacher, tmp_path, signals, change, field):
    stage = Stage(method="task")
    t = trainer(teacher, RunConfig(stages=(stage,), signals=signals), folder=tmp_path)
    t.loss(stage, list(t.sequences[:2]), [0, 1])
    other = trainer(teacher, RunConfig(**{"stages": (stage,), "signals": signals, **change}), folder=tmp_path)
    if field == "prompt":
        other.source.prompts = [[5, *p] for p in other.source.prompts]
    if field == "teacher":
        other.source.live.teacher = replace(teacher, name="another")
    with pytest.raises(ConfigError, match=f"were made with another {field}"):
        other.loss(stage, list(t.sequences[:2]), [0, 1])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"signals": {"form": "sampled"}, "stages": [{"loss": "reverse_kl"}]}, "know only what was drawn"),
        ({"signals": {"form": "exact"}, "stages": [{"constraint": "none"}]}, "hold the whole vocabulary"),
    ],
)
def test_contradictions_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        validate(values)
