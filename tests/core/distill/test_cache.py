from dataclasses import replace

import numpy as np
import pytest
import torch

from core.distill import signals
from core.distill.cache import SHARD, STEP, Header, SignalCache, digest
from core.errors import ConfigError

HEADER = Header(
    form="top", teacher="t", tokenizer="a", data="b", prompt="c", schema="d", constraint="hard", temperature=1.0,
    amount="mass 0.999 most 64",
)  # fmt: skip


def a_signal(example, positions=5):
    generator = torch.Generator().manual_seed(example)
    dense = signals.dense(4 * torch.randn(positions, 300, generator=generator), torch.arange(300), 1.0)
    return signals.top(dense, 0.95, 64)


def filled(folder, examples):
    cache = SignalCache(folder, HEADER)
    for example in examples:
        found = a_signal(example, positions=example % 7)
        cache.put(example, found, found.ids.numpy())
    return cache


def same(cache, example):
    ranks, log_probs, rest = cache.get(example)
    found = a_signal(example, positions=example % 7)
    used = found.log_probs.numpy() > signals.NEG_INF
    assert (log_probs > signals.NEG_INF).tolist() == used.tolist()
    assert ranks[used].tolist() == found.ids.numpy()[used].tolist()
    assert np.allclose(log_probs[used], found.log_probs.numpy()[used], atol=STEP, rtol=0)
    assert np.allclose(rest, found.rest.numpy(), atol=STEP, rtol=0)


def test_what_was_put_comes_back_before_and_after_it_is_on_disk(tmp_path):
    examples = [*range(SHARD + 10)]
    cache = filled(tmp_path, examples)
    assert len(list(tmp_path.glob("*.safetensors"))) == 1  # in pieces, as it grows
    for example in (0, 3, SHARD - 1, SHARD + 9):
        same(cache, example)
    cache.flush()
    again = SignalCache(tmp_path, HEADER)
    assert len(again) == len(examples) and 5 in again and 10_000 not in again
    for example in examples:
        same(again, example)


def test_a_run_that_was_killed_goes_on_where_the_last_shard_ends(tmp_path):
    filled(tmp_path, range(SHARD + 10))  # the last ten were not flushed
    again = SignalCache(tmp_path, HEADER)
    assert len(again) == SHARD and SHARD + 1 not in again
    found = a_signal(SHARD + 1)
    again.put(SHARD + 1, found, found.ids.numpy())
    again.flush()
    assert SHARD + 1 in SignalCache(tmp_path, HEADER)


def read_back(folder, logits, temperature, form="top"):
    """What was put, and what comes back of it."""
    cache = SignalCache(folder, replace(HEADER, form=form))
    put = signals.top(signals.dense(logits, torch.arange(logits.shape[1]), temperature), 0.999, 64)
    cache.put(0, put, put.ids.numpy())
    return put.log_probs.numpy(), *cache.get(0)[1:]


@pytest.mark.parametrize("tokens", [2, 17, 64, 300])
@pytest.mark.parametrize("form", ["top", "exact"])
def test_what_is_equally_likely_is_read_as_equally_likely(tmp_path, tokens, form):
    _, log_probs, rest = read_back(tmp_path, torch.zeros(1, tokens), 1.0, form)
    assert np.exp(log_probs) == pytest.approx(1 / tokens, rel=STEP)
    assert np.ptp(log_probs) == 0
    assert np.exp(log_probs).sum() + np.exp(rest[0]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0, 100.0])
def test_rounding_is_spread_over_what_was_kept(tmp_path, temperature):
    """No probability is further off than a step, the likeliest stays it, and together they are one."""
    logits = 4 * torch.randn(200, 17, generator=torch.Generator().manual_seed(0))
    put, log_probs, rest = read_back(tmp_path, logits, temperature)
    used = put > signals.NEG_INF
    assert np.abs(log_probs[used] - put[used]).max() < STEP
    assert (log_probs[:, 0] == log_probs.max(-1)).all()
    assert np.exp(log_probs).sum(-1) + np.exp(rest) == pytest.approx(1, abs=1e-6)
    assert np.abs(np.exp(log_probs[:, 0]) - np.exp(put[:, 0])).mean() < STEP / 4  # no side is favoured


def test_a_few_bytes_a_position(tmp_path):
    """One byte for a rank below 256, one for each logarithm but the first's, two for the rest."""
    cache = SignalCache(tmp_path, HEADER)
    dense = signals.dense(torch.tensor([[9.0, 1.0, *[-20.0] * 60]]).expand(400, -1), torch.arange(62), 1.0)
    found = signals.top(dense, 0.999, 64)
    for example in range(20):
        cache.put(example, found, found.ids.numpy())
    cache.flush()
    assert cache.nbytes / (20 * 400) < 5


@pytest.mark.parametrize(
    ("field", "value"),
    [("teacher", "u"), ("tokenizer", "x"), ("data", "x"), ("prompt", "x"), ("schema", "x"), ("constraint", "none"),
     ("temperature", 2.0), ("amount", "mass 0.999 most 1"), ("form", "sampled"), ("version", 1)],
)  # fmt: skip
def test_another_header_is_refused_by_name(tmp_path, field, value):
    SignalCache(tmp_path, HEADER)
    with pytest.raises(ConfigError, match=rf"were made with another {field}( \(.*, now .*\))?: restore it, or delete"):
        SignalCache(tmp_path, replace(HEADER, **{field: value}))


def test_damage_is_named(tmp_path):
    filled(tmp_path, range(3)).flush()
    shard = next(tmp_path.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:50])
    with pytest.raises(ConfigError, match=r"00000\.safetensors are damaged"):
        SignalCache(tmp_path, HEADER)
    for content in ["{", "3", "[1]"]:
        (tmp_path / "header.json").write_text(content)
        with pytest.raises(ConfigError, match="header of the signals"):
            SignalCache(tmp_path, HEADER)


def test_digest_knows_where_parts_end():
    assert digest([b"ab", b"c"]) != digest([b"a", b"bc"]) and digest([b"a"]) == digest([b"a"])
