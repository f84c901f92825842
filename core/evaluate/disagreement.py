"""Where two models part on the way through a gold answer: token by token, under the mask.

Both read the answer as it is. At each free position the distance of their choices is the Kullback-Leibler divergence
that a student is trained to lower, KL(reference || other) among the allowed tokens (Hinton et al. 2015).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.constrain.engines.constraint import Constraint, check_answer
from core.constrain.masks import MaskStore
from core.generate.reading import hidden
from core.models import students
from core.models.language_model import LanguageModel

Choice = tuple[str, float]  # a token's text and its probability among the allowed


@dataclass(frozen=True)
class Place:
    """One token of the answer. Where it is free: the `divergence` in nats, whether both have the same first choice,
    the probability of this token in the reference and in the other (`likely`), and the likeliest tokens of each."""

    id: int
    text: str
    forced: bool
    divergence: float = 0.0
    agree: bool = True
    likely: tuple[float, float] = (1.0, 1.0)
    reference: tuple[Choice, ...] = ()
    other: tuple[Choice, ...] = ()


@torch.inference_mode()
def disagreement(
    reference: LanguageModel,
    other: LanguageModel,
    prompts: tuple[Sequence[int], Sequence[int]],
    constraint: Constraint,
    answer: str,
    top: int = 4,
) -> list[Place]:
    """One `Place` a token of `answer` as `other` spells it, its end included. `prompts` are what each of the two reads
    before it, in its own ids; `constraint` is over `other`'s tokens.

    Takes one forward pass of each. Raises ModelError where `reference` lacks a token of `other`'s or a model cannot
    read so much, SchemaError for an answer that its schema refuses.
    """
    check_answer(constraint, answer)
    known = torch.tensor(students.old_ids(other, reference))
    ids = [*other.encode(answer), other.eos]
    store = MaskStore(other.tokens)
    rows = store.positions(constraint, ids, other.encode)
    free = np.flatnonzero(rows >= 0).tolist()
    allowed = torch.from_numpy(store.allowed(rows[free].tolist()))
    theirs = _log_probs(reference, prompts[0], known[ids].tolist(), free, known, allowed)
    mine = _log_probs(other, prompts[1], ids, free, torch.arange(len(other.tokens)), allowed)
    terms = torch.where(allowed, theirs.exp() * (theirs - mine), 0.0)
    places = {
        i: Place(
            id=ids[i],
            text=other.tokens.text([ids[i]]),
            forced=False,
            divergence=max(0.0, float(terms[n].sum())),
            agree=bool(theirs[n].argmax() == mine[n].argmax()),
            likely=(float(theirs[n, ids[i]].exp()), float(mine[n, ids[i]].exp())),
            reference=_likeliest(other, theirs[n], top),
            other=_likeliest(other, mine[n], top),
        )
        for n, i in enumerate(free)
    }
    return [places.get(i) or Place(token, other.tokens.text([token]), forced=True) for i, token in enumerate(ids)]


def _log_probs(
    lm: LanguageModel,
    prompt: Sequence[int],
    ids: Sequence[int],
    free: Sequence[int],
    columns: torch.Tensor,
    allowed: torch.Tensor,
) -> torch.Tensor:
    """(len(free), len(columns)) float64 on the CPU: log-probabilities of the ids `columns` before each free place of
    `ids`, among the `allowed` of them; -inf elsewhere."""
    lm.model.eval()
    states = hidden(lm, prompt, ids)[torch.tensor(free, dtype=torch.long, device=lm.device)]
    logits = lm.head(states, columns.to(lm.device)).cpu().double()
    return torch.log_softmax(logits.masked_fill(~allowed, float("-inf")), -1)


def _likeliest(lm: LanguageModel, log_probs: torch.Tensor, top: int) -> tuple[Choice, ...]:
    values, ids = log_probs.topk(min(top, int(log_probs.isfinite().sum())))
    return tuple((lm.tokens.text([i]), float(v.exp())) for v, i in zip(values, ids.tolist(), strict=True))
