"""Learning from the student's own answers, against plain references."""

import pytest
import torch

from core.constrain.constraints import Constraints
from core.constrain.masks import FORCED, MaskStore
from core.distill import losses
from core.distill.config import RunConfig, Stage
from core.distill.on_policy import OnPolicy
from core.distill.sequences import tokenise, used_tokens
from core.distill.teacher import LiveTeacher, SignalSource
from core.distill.train import Trainer
from core.models import prompting, students
from core.models.student_config import StudentConfig
from core.tasks import CARS, POS
from core.tasks.prompt import default_prompt

EXAMPLES = POS.load(None).train[:12]


def trainer(teacher, config: RunConfig, folder=None, task=POS, examples=EXAMPLES, own=True) -> Trainer:
    shape = StudentConfig(kind="cut", layers=(0, 2), vocabulary=500, context=768)
    student = students.build(shape, teacher, used_tokens(teacher, task, examples), seed=0)
    store = MaskStore(student.tokens)
    constraints = Constraints(task, student.tokens, config.conditioned)
    sequences = tokenise(student, constraints, examples, store, student.student_prompt)
    prompts = [prompting.render(teacher, task, default_prompt(task), e.input) for e in examples]
    live = LiveTeacher(teacher, torch.tensor(students.old_ids(student, teacher)))
    source = SignalSource(live, prompts, sequences, store, config.signals, config.seed, folder)
    room = [source.room(config.stages[0], i) for i in range(len(examples))]
    on_policy = OnPolicy(student, constraints, [e.input for e in examples], room, config.seed) if own else None
    return Trainer(config, student, sequences, store, source, None, on_policy)


@pytest.mark.parametrize("constraint", ["none", "soft", "hard"])
@pytest.mark.parametrize("method", ["task", "logits"])
def test_the_loss_equals_a_dense_reference_on_the_sampled_answers(teacher, tmp_path, method, constraint):
    """Gold has no share, whatever the stage says, and nothing of the samples is kept on disk."""
    penalty = {"penalty": 5.0} if constraint == "soft" else {}
    stage = Stage(method=method, constraint=constraint, on_policy=0.9, gold_weight=0.5, **penalty)
    t = trainer(teacher, RunConfig(stages=(stage,)), tmp_path)
    group = [0, 1, 2]
    batch = [t.sequences[k] for k in group]
    assert t.on_policy.is_due(stage, 7)
    sampled, store = t.on_policy.sample(batch, group, 7)
    assert [s.prompt for s in sampled] == [s.prompt for s in batch]
    assert any(s.answer != b.answer for s, b in zip(sampled, batch, strict=True))
    t.student.model.eval()
    loss, _, _ = t.loss(stage, sampled, group, store)
    loss.backward()
    name, gradient = next((n, p.grad.clone()) for n, p in t.student.model.named_parameters() if "q_proj" in n)
    t.student.model.zero_grad()

    old, terms = t.source.live.old_ids, []
    for k, sequence in zip(group, sampled, strict=True):
        assert POS.parse(t.student.tokens.text(list(sequence.answer))) is not None
        start = len(sequence.prompt)
        student = t.student.model(input_ids=torch.tensor([[*sequence.prompt, *sequence.answer]])).logits[0].float()
        prompt = t.source.prompts[k] if method == "task" else old[list(sequence.prompt)].tolist()
        with torch.no_grad():
            theirs = torch.tensor([[*prompt, *old[list(sequence.answer)].tolist()]])
            said = teacher.model(input_ids=theirs).logits[0][:, old].float()
        if method == "logits":
            terms += [
                losses.forward_kl(student[i : i + 1].log_softmax(-1), said[i : i + 1].log_softmax(-1))
                for i in range(start - 1)
            ]
        for i, (token, row) in enumerate(zip(sequence.answer, sequence.rows, strict=True)):
            allowed = torch.zeros(1, student.shape[1], dtype=torch.bool)
            allowed[0, token] = True
            if row != FORCED:
                allowed = torch.from_numpy(store.allowed([row]))
            one, other = student[start - 1 + i][None], said[len(prompt) - 1 + i][None]
            if constraint == "hard":
                one, other = losses.restrict(one, allowed), losses.restrict(other, allowed)
            elif constraint == "soft":
                other = losses.lower(other, allowed, 5.0)
            if constraint != "hard" or row != FORCED:
                terms.append(losses.forward_kl(one.log_softmax(-1), other.log_softmax(-1)))
    reference = torch.stack(terms).mean()
    reference.backward()
    assert loss.item() == pytest.approx(reference.item(), rel=1e-4)
    assert torch.allclose(gradient, dict(t.student.model.named_parameters())[name].grad, atol=1e-5)
    t.source.flush()
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_step_learns_from_samples_and_the_corpus_masks_stay_as_they_were(teacher):
    t = trainer(teacher, RunConfig(stages=(Stage(on_policy=1.0),), batch_size=4))
    before = len(t.store)
    records = list(t)
    assert len(records) == 3 and len(t.store) == before
    plain = trainer(teacher, RunConfig(stages=(Stage(),), batch_size=4))
    assert [r.loss for r in records] != [r.loss for r in plain]


def test_a_share_of_none_changes_nothing(teacher, tmp_path):
    config = RunConfig(stages=(Stage(epochs=2), Stage(method="gold")), batch_size=4)
    without = [r.loss for r in trainer(teacher, config, tmp_path / "a", own=False)]
    assert [r.loss for r in trainer(teacher, config, tmp_path / "b")] == without


def test_a_share_is_about_kept_and_drawn_anew_for_every_seed(teacher):
    t = trainer(teacher, RunConfig())
    due = [t.on_policy.is_due(Stage(on_policy=0.3), step) for step in range(2000)]
    assert 0.25 < sum(due) / 2000 < 0.35
    assert due == [t.on_policy.is_due(Stage(on_policy=0.3), step) for step in range(2000)]
    t.on_policy.seed = 1
    assert due != [t.on_policy.is_due(Stage(on_policy=0.3), step) for step in range(2000)]


def test_resumed_equals_uninterrupted(teacher, tmp_path):
    config = RunConfig(stages=(Stage(on_policy=0.5, epochs=2),), batch_size=3, seed=3)
    whole = [r.loss for r in trainer(teacher, config, tmp_path / "whole")]
    first = trainer(teacher, config, tmp_path / "parts")
    steps = iter(first)
    found = [next(steps).loss for _ in range(3)]
    tensors, progress = first.state()
    tensors = {k: v.clone() for k, v in tensors.items()}
    weights = {k: v.clone() for k, v in first.student.model.state_dict().items()}
    second = trainer(teacher, config, tmp_path / "parts")
    second.student.model.load_state_dict(weights)
    second.restore(tensors, progress)
    assert [*found, *(r.loss for r in second)] == pytest.approx(whole, rel=1e-6)


def test_an_answer_that_does_not_end_is_cut_where_the_teacher_stops_reading(teacher):
    config = RunConfig(task="cars", conditioned=False, stages=(Stage(on_policy=1.0),))
    t = trainer(teacher, config, task=CARS, examples=CARS.load(None).train[:3])
    batch = [t.sequences[0], t.sequences[1]]
    longest = max(len(s.answer) for s in batch) * 5 // 4 + 16
    sampled, _ = t.on_policy.sample(batch, [0, 1], 0)
    assert all(len(s.answer) <= longest and len(s.rows) == len(s.answer) for s in sampled)
    t.on_policy.room = [11, 40, 40]
    sampled, store = t.on_policy.sample(batch, [0, 1], 0)
    assert max(len(s.answer) for s in sampled) == 11
    assert torch.isfinite(t.loss(config.stages[0], sampled, [0, 1], store)[0])
