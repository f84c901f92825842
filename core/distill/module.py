"""The student as one module, from ids to the logits that count: what is compiled, wrapped and shared out."""

import os
from typing import Any

import torch
from torch import nn

from core.errors import ConfigError
from core.models.language_model import LanguageModel


class Reachable(nn.Module):
    """Backbone and head in one forward pass, so that the hooks of DDP, FSDP and DeepSpeed see all of it."""

    def __init__(self, student: LanguageModel, compiled: bool = False) -> None:
        """Raises ConfigError where nothing can be compiled."""
        super().__init__()
        self.student, self.model = student, student.model
        self._no_split_modules = getattr(student.model, "_no_split_modules", None)  # what FSDP keeps in one piece
        self._hidden: Any = student.hidden
        if compiled:
            check_compiler(student.model.device)
            self._hidden = torch.compile(student.hidden, dynamic=True)

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor, row: torch.Tensor, place: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Logits (n, k) in fp32 of `tokens` (k,) after the places (n,) `row`, `place` of `ids` (rows, longest)."""
        hidden = self._hidden(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        with torch.autocast(ids.device.type, enabled=False):  # a sum over logits in bf16 is too coarse
            return self.student.head(hidden[row, place], tokens)


def check_compiler(device: torch.device) -> None:
    """Raises ConfigError that names what is missing to compile for `device`."""
    if device.type == "cpu":
        from torch._inductor.cpp_builder import get_cpp_compiler
        from torch._inductor.exc import InvalidCxxCompiler

        try:
            get_cpp_compiler()
        except InvalidCxxCompiler as error:
            named = os.environ.get("CXX", "g++")
            raise ConfigError(
                f"compile needs a C++ compiler, and {named} is not here: install it, or leave it off."
            ) from error
        return
    from torch.utils._triton import has_triton

    if not has_triton():
        raise ConfigError("compile needs triton on a GPU, and it is not here: `pip install triton`, or leave it off.")
