"""Two prompts on the same examples: who was right where, and what the interval leaves open."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from core.evaluate.paired import FEWEST, paired


def counts(hits: int, total: int = 4) -> dict:
    return {"accuracy": (hits, total), "exact_match": (int(hits == total), 1), "valid": (1, 1)}


def test_the_table_counts_every_example_once():
    found = paired(list(map(counts, (4, 4, 0, 1))), list(map(counts, (4, 3, 4, 1))), "accuracy")
    assert (found.both, found.only_a, found.only_b, found.neither) == (1, 1, 1, 1)
    assert found.examples == 4
    assert found.difference == pytest.approx((9 - 12) / 16)
    assert found.low <= found.difference <= found.high


def test_the_difference_is_of_micro_averages():
    a, b = [counts(2, 2), counts(0, 8)], [counts(0, 2), counts(4, 8)]
    assert paired(a, b, "accuracy").difference == pytest.approx(2 / 10 - 4 / 10)


def test_a_clear_difference_names_the_better_one_and_a_mirrored_one_the_other():
    a, b = [counts(4 - i % 2) for i in range(40)], [counts(2 - i % 3 // 2) for i in range(40)]
    assert (paired(a, b, "accuracy").better, paired(b, a, "accuracy").better) == ("A", "B")


def test_few_examples_or_none_that_differ_leave_it_open():
    a, b = [counts(4)] * (FEWEST - 1), [counts(0)] * (FEWEST - 1)
    assert paired(a, b, "accuracy").better is None
    assert paired([*a, counts(4)], [*b, counts(0)], "accuracy").better == "A"
    same = [counts(i % 5) for i in range(30)]
    found = paired(same, same, "accuracy")
    assert (found.low, found.high, found.better) == (0, 0, None)


def test_what_is_hard_for_both_does_not_widen_the_interval():
    """Paired: a constant gain on examples of very different difficulty is a sure one."""
    a, b = [counts(1 + i % 4) for i in range(40)], [counts(i % 4) for i in range(40)]
    found = paired(a, b, "accuracy")
    assert (found.low, found.high) == (pytest.approx(0.25), pytest.approx(0.25))


def test_what_cannot_be_compared():
    for a, b in (([], []), ([counts(1)], []), ([counts(1, 4)], [counts(1, 5)]), ([counts(0, 0)], [counts(0, 0)])):
        with pytest.raises(ConfigError, match="the same examples"):
            paired(a, b, "accuracy")


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_swapping_the_prompts_mirrors_everything(pairs):
    a, b = [counts(x) for x, _ in pairs], [counts(y) for _, y in pairs]
    one, other = paired(a, b, "accuracy"), paired(b, a, "accuracy")
    assert (one.only_a, one.only_b) == (other.only_b, other.only_a)
    assert one.difference == pytest.approx(-other.difference)
    assert (one.low, one.high) == (pytest.approx(-other.high), pytest.approx(-other.low))
    assert -1 <= one.low <= one.high <= 1
