from dataclasses import replace

import numpy as np
import pytest
import torch

from core.distill import signals
from core.distill.cache import SHARD, Header, SignalCache, digest
from core.errors import ConfigError

HEADER = Header(
    form="top", teacher="t", tokenizer="a", data="b", prompt="c", schema="d", constraint="hard", temperature=1.0,
    amount=0.999,
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
    assert np.allclose(np.exp(log_probs[used]), found.log_probs.exp().numpy()[used], atol=2e-2)
    assert np.allclose(rest, found.rest.numpy(), rtol=1e-3)


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
     ("temperature", 2.0), ("amount", 0.9), ("form", "sampled")],
)  # fmt: skip
def test_another_header_is_refused_by_name(tmp_path, field, value):
    SignalCache(tmp_path, HEADER)
    with pytest.raises(ConfigError, match=f"were made with another {field}: restore it, or delete"):
        SignalCache(tmp_path, replace(HEADER, **{field: value}))


def test_damage_is_named(tmp_path):
    filled(tmp_path, range(3)).flush()
    shard = next(tmp_path.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:50])
    with pytest.raises(ConfigError, match=r"00000\.safetensors are damaged"):
        SignalCache(tmp_path, HEADER)
    (tmp_path / "header.json").write_text("{")
    with pytest.raises(ConfigError, match="header of the signals"):
        SignalCache(tmp_path, HEADER)


def test_digest_knows_where_parts_end():
    assert digest([b"ab", b"c"]) != digest([b"a", b"bc"]) and digest([b"a"]) == digest([b"a"])
