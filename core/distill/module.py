"""The student as one module, from ids to the logits that count: what is compiled, wrapped and shared out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from core.errors import ConfigError
from core.models.language_model import LanguageModel


class Reachable(nn.Module):
    """Backbone and head in one forward pass, so that the hooks of DDP, FSDP and DeepSpeed see all of it."""

    def __init__(self, student: LanguageModel, compiled: bool) -> None:
        """Raises ConfigError where nothing can be compiled."""
        super().__init__()
        self.student, self.model = student, student.model
        self._no_split_modules = getattr(student.model, "_no_split_modules", None)  # what FSDP keeps in one piece
        self._hidden: Any = student.hidden
        if compiled:
            _try_compiler(student.model.device)
            self._hidden = torch.compile(student.hidden, dynamic=True)

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor, row: torch.Tensor, place: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Logits (n, k) in fp32 of `tokens` (k,) after the places (n,) `row`, `place` of `ids` (rows, longest)."""
        hidden = self._hidden(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        with torch.autocast(ids.device.type, enabled=False):  # a sum over logits in bf16 is too coarse
            return self.student.head(hidden[row, place], tokens)


@contextmanager
def compiling() -> Iterator[None]:
    """Raises ConfigError for what goes wrong where torch.compile translates, which it does when something runs."""
    from torch._dynamo.exc import TorchDynamoException

    try:
        yield
    except TorchDynamoException as error:
        said = str(getattr(error, "inner_exception", error))
        lines = (said.partition("Output:\n")[2] or said).strip().splitlines()  # of a compiler's, what it printed
        told = next((line for line in lines if "error" in line), next(iter(lines), type(error).__name__))
        raise ConfigError(
            f"torch.compile failed: {told[:300].rstrip('.')}. Install or mend its compiler (C++, which CXX names, on a "
            "CPU; triton on a GPU), or leave compile off."
        ) from error


def _try_compiler(device: torch.device) -> None:
    """Raises ConfigError where nothing can be compiled: on one number, which shows it a minute earlier than a model."""
    with compiling():
        torch.compile(torch.sin)(torch.zeros(1, device=device))
