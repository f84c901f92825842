"""Teacher signals: what a teacher said about one token after another, in a few bytes or in full.

One type, three forms. *Dense*: a probability for each of the tokens that count. *Top*: the likeliest tokens, and
the probability of all the others together; nothing is renormalised, which would bias it. *Sampled*: tokens drawn
from the teacher, each as heavy as any other (random sampling distillation, Anshumann et al. 2025).
"""

from dataclasses import dataclass
from typing import Literal

import torch

NEG_INF = float("-inf")
Form = Literal["dense", "top", "sampled"]


@dataclass(frozen=True)
class Signal:
    """n positions. `ids` (n, m) int64 are tokens and `log_probs` (n, m) float32 what was said of them, -inf for
    places that are not used; `rest` (n,) float32 is the logarithm of all other tokens' probability. In the form
    *top* the likeliest token comes first."""

    form: Form
    ids: torch.Tensor
    log_probs: torch.Tensor
    rest: torch.Tensor

    def __len__(self) -> int:
        return len(self.rest)

    @property
    def first(self) -> torch.Tensor:
        """The likeliest token (n,), or one that was drawn."""
        if self.form == "dense":
            return self.ids.gather(-1, self.log_probs.argmax(-1, keepdim=True))[:, 0]
        return self.ids[:, 0]

    def to(self, device: torch.device) -> "Signal":
        return Signal(self.form, self.ids.to(device), self.log_probs.to(device), self.rest.to(device))


def dense(logits: torch.Tensor, tokens: torch.Tensor, temperature: float) -> Signal:
    """From logits (n, k) of `tokens` (k,), refused ones at -inf."""
    log_probs = torch.log_softmax(logits.float() / temperature, -1)
    return Signal("dense", tokens.expand(len(logits), -1), log_probs, torch.full((len(logits),), NEG_INF))


def top(signal: Signal, mass: float, most: int) -> Signal:
    """The likeliest tokens of a dense signal that have `mass` of the probability together, no more than `most`.
    An infinite mass is all that may come: the sum of the first may round to 1 while others are still to come."""
    log_probs, order = signal.log_probs.topk(min(most, signal.log_probs.shape[1]), -1)
    before = log_probs.exp().cumsum(-1) - log_probs.exp()
    kept = (before < mass) & (log_probs > NEG_INF)
    width = int(kept.sum(-1).max()) if len(signal) else 0
    kept, log_probs, order = kept[:, :width], log_probs[:, :width], order[:, :width]
    # The tail is summed itself: one minus the head would lose it to rounding.
    named = torch.zeros_like(signal.log_probs, dtype=torch.bool).scatter(-1, order, kept)
    rest = signal.log_probs.masked_fill(named, NEG_INF).logsumexp(-1)
    ids = torch.where(kept, signal.ids.gather(-1, order), 0)
    return Signal("top", ids, log_probs.masked_fill(~kept, NEG_INF), rest)


def sampled(signal: Signal, draws: int, generator: torch.Generator) -> Signal:
    """`draws` tokens of a dense signal, drawn with replacement."""
    places = torch.multinomial(signal.log_probs.exp(), draws, replacement=True, generator=generator)
    ids = signal.ids.gather(-1, places)
    weight = torch.full(ids.shape, -torch.log(torch.tensor(float(draws))).item())
    return Signal("sampled", ids, weight, torch.full((len(signal),), NEG_INF))


def joined(signals: list[Signal]) -> Signal:
    """One after the other, places filled up to the widest. All have the same form."""
    width = max(s.ids.shape[1] for s in signals)
    fill = lambda t, value: torch.nn.functional.pad(t, (0, width - t.shape[1]), value=value)
    return Signal(
        signals[0].form,
        torch.cat([fill(s.ids, 0) for s in signals]),
        torch.cat([fill(s.log_probs, NEG_INF) for s in signals]),
        torch.cat([s.rest for s in signals]),
    )
