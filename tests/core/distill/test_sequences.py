"""Batches: of similar length, of bounded size, and shared out among processes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.distill.sequences import batches, parts, used_tokens
from core.errors import ConfigError
from core.tasks import POS, Example

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=50)


@given(LENGTHS, st.integers(1, 9), st.integers(0, 50), st.integers(60, 300))
def test_batches_hold_everything_once_within_their_limits(lengths, size, seed, tokens):
    groups = batches(lengths, size, seed, tokens)
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    assert all(len(group) <= size for group in groups)
    assert all(len(group) * max(lengths[i] for i in group) <= tokens for group in groups)
    assert len(batches(lengths, size, seed + 1, tokens)) == len(groups)  # every epoch has as many steps
    assert batches(lengths, size, seed, tokens) == groups


@given(LENGTHS, st.integers(1, 9), st.integers(0, 50))
def test_without_a_limit_only_one_batch_is_smaller(lengths, size, seed):
    sizes = sorted(map(len, batches(lengths, size, seed)))
    assert set(sizes[1:]) <= {size} and len(sizes) == -(-len(lengths) // size)


def test_a_sequence_longer_than_a_batch_is_named():
    with pytest.raises(ConfigError, match="longest sequence has 500 tokens: batch_tokens 256 is less"):
        batches([3, 500], 4, 0, tokens=256)


@given(st.integers(1, 20), st.integers(1, 5), st.integers(1, 5))
def test_processes_share_a_batch(examples, passes, processes):
    """Everything is done once, all make as many passes, and their work differs by one example a pass."""
    shares = [parts(list(range(examples)), passes, process, processes) for process in range(processes)]
    assert sorted(i for share in shares for part in share for i in part) == list(range(examples))
    assert len({len(share) for share in shares}) == 1 and 1 <= len(shares[0]) <= passes
    sizes = [len(part) for share in shares for part in share]
    assert max(sizes) - min(sizes) <= 1
    if processes == 1:
        assert min(sizes) >= 1


def test_tokens_that_are_rare_are_not_needed_but_the_schemas_are(teacher):
    often, once = Example("Go !", '{"tokens":[]}'), Example("quick Zebra", '{"tokens":[]}')
    examples = [often, often, once]
    counted = [teacher.student_prompt(e.input) + teacher.encode(e.answer) for e in examples]
    schema = used_tokens(teacher, POS, [])
    assert used_tokens(teacher, POS, examples) == schema.union(*counted)
    assert used_tokens(teacher, POS, examples, 2) == schema.union(*counted[:2], counted[2][-1:])
    assert used_tokens(teacher, POS, examples, 9) == schema
