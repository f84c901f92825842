"""An answer that is written one token at a time by somebody else than the model, who is asked before each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from core.constrain.engines.constraint import NONE, Constraint, refusal
from core.constrain.explain import Step, explain
from core.errors import SchemaError
from core.generate.decode import Sampling, Written, generate
from core.models.language_model import LanguageModel


@dataclass(frozen=True, eq=False)
class _From:
    """A constraint that begins in the middle of an answer."""

    whole: Constraint
    start: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.whole, name)


class Drive:
    """The answer so far is `steps`; the model keeps what it has read, so that a token costs one small call.

    Raises ModelError for a prompt that does not fit.
    """

    def __init__(self, lm: LanguageModel, constraint: Constraint, prompt: Sequence[int]) -> None:
        from transformers import DynamicCache

        lm.check_prompt(prompt)
        lm.check_length(len(prompt) + 1)
        self.lm, self.constraint, self.prompt = lm, constraint, list(prompt)
        self.steps: list[Step] = []
        self._states = [constraint.start]
        self._cache = DynamicCache()
        self._hidden = [self._read(self.prompt)[-1]]  # before each token, and before the next one

    @property
    def ids(self) -> list[int]:
        return [step.id for step in self.steps]

    @property
    def text(self) -> str:
        return self.lm.tokens.text(self.ids)

    @property
    def complete(self) -> bool:
        return bool(self.steps) and self.steps[-1].id == self.lm.eos

    def look(self, top: int = 10) -> Step:
        """What may come next: the step that the model would take, with the `top` likeliest tokens before and after
        the mask as its candidates. Raises SchemaError where the tokenizer has no token for what must come."""
        allowed = torch.from_numpy(self.lm.tokens.ids(self.constraint.mask(self._states[-1]))).long()
        if not len(allowed):
            raise SchemaError(
                "no token of this tokenizer begins with what must come next: undo, or take another model."
            )
        logits = self._logits(self._hidden[-1:])[0]
        best = int(allowed[logits[allowed].argmax()])
        return explain(self.constraint, [best], logits[None], top, self._states[-1])[0]

    def add(self, ids: Sequence[int]) -> None:
        """Raises SchemaError, naming token and byte, if the schema refuses one of `ids`, and ModelError if they do
        not fit: then nothing is added."""
        if self.complete:
            raise SchemaError("the answer has ended: undo its end to go on.")
        states = self._follow(ids)
        self.lm.check_length(len(self.prompt) + len(self.steps) + len(ids))
        if not ids:
            return
        hidden = [self._hidden[-1], *self._read(list(ids))]
        logits = self._logits(hidden[:-1])
        for token, said, row, state in zip(ids, logits, hidden, [self._states[-1], *states]):
            step = explain(self.constraint, [token], said[None], state=state)[0]
            self.steps.append(replace(step, hidden=row.float().cpu().numpy()))
        self._hidden += hidden[1:]
        self._states += states

    def undo(self, count: int = 1) -> None:
        """Takes the last `count` tokens back."""
        count = min(count, len(self.steps))
        if count <= 0:
            return
        kept = len(self.steps) - count
        del self.steps[kept:], self._states[kept + 1 :], self._hidden[kept + 1 :]
        self._cache.crop(-count)

    def finish(self, limit: int, show: Callable[[str], Any] = lambda _: None) -> None:
        """Lets the model go on, greedily, to its end or for `limit` tokens; `show` gets the answer as it grows. What
        was written stays, whatever `show` raises. Raises SchemaError, and ModelError where no room is left."""
        if self.complete:
            return
        rest: Any = _From(self.constraint, self._states[-1])
        so_far: list[int] = []

        def written(step: Written) -> None:
            so_far.append(step.token)
            show(self.lm.tokens.text(self.ids + so_far))

        try:
            generate(self.lm, [self.prompt + self.ids], [rest], Sampling(max_new_tokens=limit), written=written)
        finally:
            self.add(so_far)

    def _follow(self, ids: Sequence[int]) -> list[int]:
        """The states after each of `ids`."""
        state, found = self._states[-1], []
        for place, token in enumerate(ids):
            following = NONE if place and ids[place - 1] == self.lm.eos else self.constraint.advance(state, token)
            if following == NONE:
                raise SchemaError(self._why_not(state, token, self.lm.tokens.text(list(ids[:place]))))
            state = following
            found.append(state)
        return found

    def _why_not(self, state: int, token: int, before: str) -> str:
        dies_at, expected = refusal(self.constraint, state, token)
        after = f" after {before!r}" if before else ""
        if token == self.lm.eos:
            return f"the answer may not end here{after}: expected {expected}."
        raw = self.lm.tokens.bytes_of[token]
        if not raw:
            return f"token {token} is no text, so no schema can ask for it{after}: expected {expected}."
        text = self.lm.tokens.text([token])
        if dies_at == len(raw):
            return f"{text!r}{after} is refused by {self.constraint.engine} as a whole."
        return f"{text!r}{after} is refused at its byte {dies_at} (0x{raw[dies_at]:02X}): expected {expected}."

    @torch.inference_mode()
    def _logits(self, hidden: Sequence[torch.Tensor]) -> torch.Tensor:
        return self.lm.head(torch.stack(list(hidden))).cpu()

    @torch.inference_mode()
    def _read(self, ids: list[int]) -> torch.Tensor:
        """The backbone's output (len(ids), width) after each of `ids`, which follow what was read before."""
        device = self.lm.device
        found = self.lm.hidden(
            input_ids=torch.tensor([ids], device=device), past_key_values=self._cache, use_cache=True
        )
        return found.last_hidden_state[0]
