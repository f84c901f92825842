import math

import pytest
import torch
import torch.nn.functional as F

from core.distill import losses, signals

torch.manual_seed(0)
A, B = torch.randn(5, 9), torch.randn(5, 9)
LOG_A, LOG_B = A.log_softmax(-1), B.log_softmax(-1)
TOKENS = torch.arange(9)
DIVERGENCES = {
    "forward_kl": losses.forward_kl,
    "reverse_kl": losses.reverse_kl,
    "jensen_shannon": losses.jensen_shannon,
}


@pytest.fixture(params=DIVERGENCES.values(), ids=DIVERGENCES)
def divergence(request):
    return request.param


def test_both_kls_equal_the_library():
    expected = F.kl_div(LOG_A, LOG_B, log_target=True, reduction="batchmean").item()
    assert losses.forward_kl(LOG_A, LOG_B).item() == pytest.approx(expected, rel=1e-5)
    assert losses.reverse_kl(LOG_B, LOG_A).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("beta", [0.1, 0.5, 0.9])
def test_jensen_shannon_by_hand(beta):
    p, q = LOG_B.exp(), LOG_A.exp()
    mixture = beta * p + (1 - beta) * q
    terms = beta * (p * (p / mixture).log()).sum(-1) + (1 - beta) * (q * (q / mixture).log()).sum(-1)
    assert losses.jensen_shannon(LOG_A, LOG_B, beta).item() == pytest.approx(terms.mean().item(), rel=1e-4)


def test_equal_distributions_cost_nothing(divergence):
    assert divergence(LOG_A, (A + 3).log_softmax(-1)).item() == pytest.approx(0, abs=1e-6)


def test_cross_entropy_by_hand():
    gold = torch.tensor([0, 1, 2, 3, 4])
    expected = -sum(LOG_A[i, g].item() for i, g in enumerate(gold)) / 5
    assert losses.cross_entropy(A, gold).item() == pytest.approx(expected, rel=1e-5)


def test_refused_tokens_give_numbers_and_gradients(divergence):
    allowed = torch.rand(5, 9) > 0.5
    allowed[:, 0] = True
    student = A.clone().requires_grad_()
    signal = signals.dense(losses.restrict(B, allowed), TOKENS, 1.0)
    loss = divergence(*losses.outcomes(losses.restrict(student, allowed), TOKENS, signal, 1.0))
    loss.backward()
    assert math.isfinite(loss.item()) and student.grad.isfinite().all()
    assert (student.grad[~allowed] == 0).all()


def test_a_single_allowed_token_costs_nothing(divergence):
    only = torch.zeros(5, 9, dtype=torch.bool)
    only[:, 4] = True
    student = A.clone().requires_grad_()
    for form in ("dense", "top"):
        signal = signals.dense(losses.restrict(B, only), TOKENS, 1.0)
        signal = signal if form == "dense" else signals.top(signal, 0.99, 5)
        loss = divergence(*losses.outcomes(losses.restrict(student, only), TOKENS, signal, 1.0))
        loss.backward()
        assert loss.item() == pytest.approx(0, abs=1e-6) and student.grad.isfinite().all()


def test_a_teacher_that_is_certain():
    certain = torch.full((1, 3), losses.NEG_INF)
    certain[0, 1] = 0.0
    log_student = A[:1, :3].log_softmax(-1)
    assert losses.forward_kl(log_student, certain).item() == pytest.approx(-log_student[0, 1].item(), rel=1e-5)
    assert math.isfinite(losses.reverse_kl(log_student, certain).item())


@pytest.mark.parametrize("mass", [0.5, 0.9, 0.999])
def test_a_shortened_signal_never_costs_more_and_costs_all_with_every_token(divergence, mass):
    """The rest as one outcome can only hide a difference, and a truncated KL that is renormalised can go below 0."""
    whole = signals.dense(B, TOKENS, 1.0)
    full = divergence(*losses.outcomes(A, TOKENS, whole, 1.0)).item()
    part = divergence(*losses.outcomes(A, TOKENS, signals.top(whole, mass, 9), 1.0)).item()
    every = divergence(*losses.outcomes(A, TOKENS, signals.top(whole, 1.0, 9), 1.0)).item()
    assert -1e-6 <= part <= full + 1e-6
    assert every == pytest.approx(full, rel=1e-4)


def test_lower_takes_a_fixed_amount_from_refused_tokens():
    allowed = torch.tensor([[True, False, True]])
    assert losses.lower(torch.zeros(1, 3), allowed, 4.0).tolist() == [[0.0, -4.0, 0.0]]


def drawn(signal, draws, seed=0):
    return signals.sampled(signal, draws, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("draws", [1, 12, 500])
def test_sampled_signals_cost_what_their_tokens_do(draws):
    """The divergence of the student from what was drawn, never below zero; the gradient is the plain one."""
    signal, student = drawn(signals.dense(B, TOKENS, 1.0), draws), A.clone().requires_grad_()
    named, theirs = losses.outcomes(student, TOKENS, signal, 1.0)
    loss = losses.forward_kl(named, theirs)
    counts = torch.zeros(5, 9).scatter_add(-1, signal.ids, torch.ones(signal.ids.shape)) / draws
    expected = F.kl_div(LOG_A, counts, reduction="batchmean")
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4) and loss.item() >= 0
    loss.backward()
    assert torch.allclose(student.grad, (LOG_A.exp() - counts) / 5, atol=1e-6)


def test_a_sure_teacher_and_a_student_as_sure_cost_nothing():
    sure = torch.full((2, 9), -40.0)
    sure[:, 4] = 40.0
    signal = signals.joined([drawn(signals.dense(sure, TOKENS, 1.0), 12), drawn(signals.dense(sure, TOKENS, 1.0), 5)])
    student = torch.log(torch.full((4, 9), 0.01 / 8).index_fill(-1, torch.tensor([4]), 0.99))
    assert losses.forward_kl(*losses.outcomes(sure.repeat(2, 1), TOKENS, signal, 1.0)).item() == pytest.approx(0)
    loss = losses.forward_kl(*losses.outcomes(student, TOKENS, signal, 1.0))
    assert loss.item() == pytest.approx(-math.log(0.99), rel=1e-4)
