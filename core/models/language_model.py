"""A language model as the engine sees it: weights, tokenizer, byte-exact tokens, and how text becomes ids."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from transformers.utils import logging as transformers_logging

from core.constrain import tokens as token_tables
from core.constrain.tokens import TokenTable
from core.errors import ModelError
from core.models import prefix
from core.paths import CACHE

LARGE = 20_000  # tokens
READS_INPUT_ALONE = "reads_input_alone"  # in the config.json of a student
_ADDED = re.compile(r"\.(lora_\w+|ranknum)\.")  # in the names of an adapter's parameters

transformers_logging.disable_progress_bar()  # a bar for every load would fill the logs


def _context(model: Any) -> int | None:
    """The most tokens of a sequence, as the config of the architecture names it: MPT and Bloom have names of their
    own, and a model of text and images keeps those of its text apart."""
    config = model.config.get_text_config()
    found = (getattr(config, name, None) for name in ("max_position_embeddings", "max_seq_len", "seq_length"))
    return next((length for length in found if length), None)


def _count(parameter: torch.nn.Parameter) -> int:
    packed = type(parameter).__name__ == "Params4bit"  # two numbers a byte
    return parameter.numel() * (2 if packed else 1)


@dataclass(eq=False)
class LanguageModel:
    """A causal language model with its tokenizer. `tokens` may be shorter than a padded head. `without_adapter`: what
    is trained beside its weights does not count here, so that one model in memory is a student and its own teacher."""

    name: str
    model: Any
    tokenizer: Any
    tokens: TokenTable
    without_adapter: bool = False
    prompts: dict[Any, tuple[list[int], list[int]]] = field(default_factory=dict, repr=False)  # of this tokenizer

    @classmethod
    def of(cls, name: str, model: Any, tokenizer: Any) -> "LanguageModel":
        """Raises ModelError if the tokenizer names more tokens than the model has, or the model no length."""
        large = len(tokenizer) >= LARGE  # a small table is made faster than it is found
        table = token_tables.cached(tokenizer, CACHE) if large else token_tables.from_tokenizer(tokenizer)
        rows = model.get_input_embeddings().weight.shape[0]
        if len(table) > rows:
            raise ModelError(f"{name}: the tokenizer has {len(table):,} tokens, the model only {rows:,} embeddings.")
        if _context(model) is None:
            raise ModelError(f"{name}: its config does not say how many tokens it reads: choose another model.")
        return cls(name, model, tokenizer, table)

    @property
    def eos(self) -> int:
        return self.tokens.eos

    @property
    def device(self) -> torch.device:
        """Where its inputs go."""
        return self.model.get_input_embeddings().weight.device

    @property
    def context(self) -> int:
        """The most tokens a sequence may have."""
        return int(_context(self.model) or 0)

    @property
    def parameters(self) -> int:
        return sum(map(_count, self.weights()))

    def weights(self) -> Iterator[torch.nn.Parameter]:
        """Its parameters, in the model's order."""
        for name, parameter in self.model.named_parameters():
            if not (self.without_adapter and _ADDED.search(name)):
                yield parameter

    @property
    def reads_input_alone(self) -> bool:
        """Whether it was made to read no prompt, as students are: as a teacher, too, it is given the input alone."""
        return bool(getattr(self.model.config, READS_INPUT_ALONE, False))

    @cached_property
    def _plain(self) -> Any:
        return prefix.plain(self.tokenizer)

    @cached_property
    def _in_the_middle(self) -> Any:
        return prefix.without(self._plain)

    @cached_property
    def beginning(self) -> list[int]:
        """Ids that a whole text begins with: what its tokenizer puts there, for without it a model that learned so
        reads as if it had come in late."""
        return prefix.beginning(self.tokenizer)

    def encode(self, text: str) -> list[int]:
        """Ids of plain text that follows other text, as an answer does: what looks like a special token is read as
        text, and no blank is put before it."""
        return self._in_the_middle.encode(text, add_special_tokens=False).ids

    def student_prompt(self, text: str) -> list[int]:
        """What a student sees: the input, read as the tokenizer reads a text from its beginning, and the end-of-text
        token as separator (S0.6)."""
        return [*self.beginning, *self._plain.encode(text, add_special_tokens=False).ids, self.eos]

    def hidden(self, **inputs: Any) -> Any:
        """The backbone's output, before the head."""
        causal = self.model.get_base_model() if hasattr(self.model, "peft_config") else self.model
        if not self.without_adapter:
            return causal.base_model(**inputs)
        with self._adapter_off():
            return causal.base_model(**inputs)

    @contextmanager
    def _adapter_off(self) -> Iterator[None]:
        """As peft's `disable_adapter`, which looks through all modules each time: longer than a token takes."""
        was_training = self.model.training
        if was_training:  # dropout is the student's alone
            self.model.eval()
        for layer in self._tuned_layers:
            layer._disable_adapters = True
        try:
            yield
        finally:
            for layer in self._tuned_layers:
                layer._disable_adapters = False
            if was_training:
                self.model.train()

    @cached_property
    def _tuned_layers(self) -> list[Any]:
        from peft.tuners.tuners_utils import BaseTunerLayer

        return [module for module in self.model.modules() if isinstance(module, BaseTunerLayer)]

    def head(self, hidden: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        """Logits (…, tokens) in fp32, or only those of the ids `rows`."""
        head = self.model.get_output_embeddings()
        chosen = lambda table: table[: len(self.tokens)] if rows is None else table.index_select(0, rows)
        logits = (hidden @ chosen(head.weight).to(hidden.dtype).T).float()
        if head.bias is not None:  # Phi, GPT-J and CodeGen have one
            logits = logits + chosen(head.bias).float()
        return self._scaled(logits)

    def _scaled(self, logits: torch.Tensor) -> torch.Tensor:
        """What some architectures do to their logits: Cohere multiplies, Granite divides, Gemma 2 caps."""
        config = self.model.config.get_text_config()
        if scale := getattr(config, "logit_scale", None):
            logits = logits * scale
        if scale := getattr(config, "logits_scaling", None):
            logits = logits / scale
        cap = getattr(config, "final_logit_softcapping", None)
        return cap * torch.tanh(logits / cap) if cap else logits

    def check_prompt(self, prompt: Sequence[int]) -> None:
        """Raises ModelError for a prompt that no forward pass can start from."""
        if not len(prompt):
            raise ModelError("the prompt is empty: give at least one token, for example the end-of-text token.")
        rows = self.model.get_input_embeddings().weight.shape[0]
        if outside := [i for i in prompt if not 0 <= i < rows]:
            raise ModelError(f"token id {outside[0]} of the prompt is outside the vocabulary of {rows:,} tokens.")

    def check_length(self, length: int) -> None:
        """Raises ModelError if a sequence of `length` tokens does not fit."""
        if length > self.context:
            raise ModelError(
                f"the text needs {length:,} tokens and {self.name} reads at most {self.context:,}: shorten it."
            )
