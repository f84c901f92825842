import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluate.ratio import Score, ratio


def test_wilson_of_independent_items():
    assert Score(hits=0, total=0).interval == (0.0, 1.0)
    assert Score(hits=90, total=100).interval == pytest.approx((0.826, 0.945), abs=0.002)
    assert ratio([(1, 1)] * 90 + [(0, 1)] * 10) == Score(hits=90, total=100)


def test_items_that_fall_together_are_worth_less():
    together = ratio([(10, 10)] * 8 + [(0, 10)] * 2)
    apart = ratio([(8, 10)] * 4 + [(7, 10)] * 3 + [(9, 10)] * 3)
    assert together.value == apart.value == 0.8
    assert together.effective == pytest.approx(9)  # ten examples, one degree of freedom spent
    assert apart.effective == 100
    width = lambda score: score.interval[1] - score.interval[0]
    assert width(together) > 2.5 * width(apart)


@pytest.mark.parametrize("counts", [[(5, 5), (7, 7)], [(0, 5), (0, 7)], [(2, 4), (3, 6)], [(3, 8)]])
def test_where_the_variance_says_nothing_an_example_counts_as_one(counts):
    assert ratio(counts).effective == len(counts)


def test_examples_without_items_do_not_count():
    assert ratio([(0, 0), (1, 1), (0, 0), (0, 1)]) == Score(hits=1, total=2)
    assert ratio([]) == Score(hits=0, total=0)


@given(st.lists(st.integers(0, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=30))
def test_an_interval_holds_its_value(counts):
    score = ratio(counts)
    low, high = score.interval
    assert 0 <= low <= score.value + 1e-9 and score.value - 1e-9 <= high <= 1
    assert score.effective is None or 0 < score.effective <= max(score.total, 1)


def test_it_covers_the_truth_where_wilson_over_items_does_not():
    """Sentences of 4 to 20 words, some hard and some easy, as taggers find them: 400 test sets of 75 sentences."""
    random = np.random.default_rng(0)
    clustered = plain = 0
    for _ in range(400):
        lengths = random.integers(4, 21, 75)
        counts = [(int(random.binomial(n, p)), int(n)) for n, p in zip(lengths, random.beta(3.2, 0.8, 75))]
        low, high = ratio(counts).interval
        clustered += low <= 0.8 <= high
        low, high = Score(hits=sum(h for h, _ in counts), total=int(lengths.sum())).interval
        plain += low <= 0.8 <= high
    assert clustered / 400 > 0.925
    assert plain / 400 < 0.85
