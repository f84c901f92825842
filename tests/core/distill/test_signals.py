import math

import pytest
import torch

from core.distill import signals
from core.distill.signals import NEG_INF

torch.manual_seed(1)
LOGITS = 3 * torch.randn(6, 20)
TOKENS = torch.arange(0, 40, 2)
DENSE = signals.dense(LOGITS, TOKENS, 2.0)


def test_dense_is_the_distribution_at_its_temperature():
    assert torch.allclose(DENSE.log_probs, (LOGITS / 2).log_softmax(-1))
    assert DENSE.ids.shape == (6, 20) and (DENSE.rest == NEG_INF).all()


@pytest.mark.parametrize("mass", [0.3, 0.9, 0.9999])
def test_top_holds_the_likeliest_and_the_rest_as_one(mass):
    found = signals.top(DENSE, mass, 20)
    for i in range(6):
        named = {int(t): p for t, p in zip(found.ids[i], found.log_probs[i].exp()) if p > 0}
        order = DENSE.log_probs[i].exp().sort(descending=True).values
        fewest = int((order.cumsum(0) < mass).sum()) + 1
        assert len(named) == min(fewest, 20)
        assert sum(named.values()) + found.rest[i].exp() == pytest.approx(1, abs=1e-5)
        assert min(named.values()) >= order[len(named) - 1] - 1e-6


def test_an_infinite_mass_keeps_all_that_may_come():
    logits = torch.tensor([[0.0, -18.0, -19.0, NEG_INF, -20.0]])
    dense = signals.dense(logits, torch.arange(5), 1.0)
    found = signals.top(dense, math.inf, 5)
    assert found.ids.tolist() == [[0, 1, 2, 4]] and found.rest.tolist() == [NEG_INF]
    assert torch.allclose(found.log_probs, dense.log_probs[:, [0, 1, 2, 4]])


def test_top_is_never_more_than_most():
    found = signals.top(DENSE, 0.9999, 3)
    assert found.ids.shape == (6, 3)
    assert torch.allclose(found.log_probs.exp().sum(-1) + found.rest.exp(), torch.ones(6))


def test_a_tail_too_small_for_subtraction_is_kept():
    logits = torch.tensor([[30.0, 0.0, -1.0]])
    found = signals.top(signals.dense(logits, torch.arange(3), 1.0), 0.5, 1)
    assert found.rest.item() == pytest.approx(-30 + 0.3133, abs=1e-3)


def test_sampled_tokens_come_as_often_as_they_are_likely():
    found = signals.sampled(DENSE, 20_000, torch.Generator().manual_seed(0))
    assert torch.allclose(found.log_probs.exp().sum(-1), torch.ones(6), atol=1e-3)
    for i in range(6):
        share = torch.bincount(found.ids[i], minlength=40)[TOKENS] / 20_000
        assert torch.allclose(share, DENSE.log_probs[i].exp(), atol=0.02)


def test_joined_fills_up_what_is_narrower():
    parts = [signals.top(DENSE, 0.3, 20), signals.top(DENSE, 0.999, 20)]
    found = signals.joined(parts)
    assert len(found) == 12 and found.ids.shape[1] == parts[1].ids.shape[1]
    assert torch.allclose(found.log_probs.exp().sum(-1) + found.rest.exp(), torch.ones(12), atol=1e-5)
