import math

import pytest
import torch
import torch.nn.functional as F

from core.distill import losses

torch.manual_seed(0)
A, B = torch.randn(5, 9), torch.randn(5, 9)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_forward_kl_equals_the_library(temperature):
    expected = F.kl_div(
        (A / temperature).log_softmax(-1), (B / temperature).log_softmax(-1), log_target=True, reduction="batchmean"
    )
    assert losses.forward_kl(A, B, temperature).item() == pytest.approx(expected.item() * temperature**2, rel=1e-5)


def test_equal_distributions_cost_nothing():
    assert losses.forward_kl(A, A + 3).item() == pytest.approx(0, abs=1e-6)


def test_cross_entropy_by_hand():
    gold = torch.tensor([0, 1, 2, 3, 4])
    expected = -sum(A.log_softmax(-1)[i, g].item() for i, g in enumerate(gold)) / 5
    assert losses.cross_entropy(A, gold).item() == pytest.approx(expected, rel=1e-5)


def test_refused_tokens_give_numbers_and_gradients():
    allowed = torch.rand(5, 9) > 0.5
    allowed[:, 0] = True
    student = A.clone().requires_grad_()
    loss = losses.forward_kl(losses.restrict(student, allowed), losses.restrict(B, allowed))
    loss.backward()
    assert math.isfinite(loss.item()) and student.grad.isfinite().all()
    assert (student.grad[~allowed] == 0).all()


def test_a_teacher_that_is_certain():
    certain = torch.full((1, 3), losses.NEG_INF)
    certain[0, 1] = 0.0
    assert losses.forward_kl(A[:1, :3], certain).item() == pytest.approx(-A[0, :3].log_softmax(-1)[1].item(), rel=1e-5)


def test_lower_takes_a_fixed_amount_from_refused_tokens():
    allowed = torch.tensor([[True, False, True]])
    assert losses.lower(torch.zeros(1, 3), allowed, 4.0).tolist() == [[0.0, -4.0, 0.0]]
