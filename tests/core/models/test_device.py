"""In what precision a machine computes, and who decides."""

import pytest
import torch

from core.errors import ModelError
from core.evaluate import score
from core.models.device import half_precision


@pytest.mark.parametrize(("word", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_the_environment_decides(word, dtype, monkeypatch):
    monkeypatch.setenv("STILLROOM_PRECISION", word)
    assert half_precision() == dtype
    assert score.machine().endswith("in use, bf16" if word == "bf16" else "in use")


def test_unset_the_machine_does(monkeypatch):
    monkeypatch.delenv("STILLROOM_PRECISION")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert half_precision() == torch.float32
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    for has_it in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has_it=has_it: has_it)
        assert (half_precision() == torch.bfloat16) == has_it


def test_another_word_is_refused(monkeypatch):
    monkeypatch.setenv("STILLROOM_PRECISION", "half")
    with pytest.raises(ModelError, match="STILLROOM_PRECISION is 'half': set it to bf16 or fp32, or to nothing"):
        half_precision()
