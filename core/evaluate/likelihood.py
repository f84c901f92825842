"""What a model makes of gold answers: how likely it finds them, how sure it is and how rightly so.

One pass over the answers, each read as it is: forced positions cost nothing, the free ones are looked at twice,
over the whole vocabulary and under the mask.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.constrain.masks import MaskStore
from core.evaluate.ratio import Score, ratio
from core.evaluate.report import Bin, Likelihood
from core.models.batch import collate
from core.models.language_model import LanguageModel

BATCH = 8  # answers read together
AT_ONCE = 256  # positions whose logits over the whole vocabulary are held together
BINS = 10
LARGEST = 700.0  # nats; beyond, a perplexity is no number that can be written down

AnswerIds = tuple[Sequence[int], Sequence[int], Sequence[int]]  # prompt ids, answer ids, mask rows (negative: forced)


@dataclass(frozen=True)
class Choices:
    """The n free positions of one gold answer, and how many were `forced`. `offsets`: where each begins, in bytes;
    `gold` is the token there and `first` the likeliest allowed one, as bytes, `right` whether they are the same token;
    `right_unmasked`: whether the likeliest one of the whole vocabulary is gold.
    `confidence`: probability of the first among the allowed; `loss`: -log p(gold) among the allowed, `loss_unmasked`
    in the whole vocabulary, in nats; `refused`: the probability that falls on refused tokens before any mask."""

    forced: int
    offsets: np.ndarray
    gold: tuple[bytes, ...]
    first: tuple[bytes, ...]
    right: np.ndarray
    right_unmasked: np.ndarray
    confidence: np.ndarray
    loss: np.ndarray
    loss_unmasked: np.ndarray
    refused: np.ndarray


@torch.inference_mode()
def choices(
    lm: LanguageModel, answers: Sequence[AnswerIds], store: MaskStore, should_stop: Callable[[], bool] = lambda: False
) -> list[Choices]:
    """What `lm` would have chosen at the free positions of each answer; nothing if it was told to stop."""
    order = sorted(range(len(answers)), key=lambda i: len(answers[i][0]) + len(answers[i][1]))
    found: dict[int, Choices] = {}
    was_training = lm.model.training
    lm.model.eval()
    try:
        for start in range(0, len(order), BATCH):
            if should_stop():
                return []
            group = order[start : start + BATCH]
            ids, mask = collate([[*answers[i][0], *answers[i][1]] for i in group], lm)
            read = lm.hidden(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
            found |= {i: _choices(lm, answers[i], hidden, store) for i, hidden in zip(group, read, strict=True)}
    finally:
        lm.model.train(was_training)
    return [found[i] for i in range(len(answers))]


def _choices(lm: LanguageModel, answer: AnswerIds, hidden: torch.Tensor, store: MaskStore) -> Choices:
    prompt, ids, rows = answer
    free = [i for i, row in enumerate(rows) if row >= 0]
    columns: list[np.ndarray] = [np.zeros((6, 0))]
    for start in range(0, len(free), AT_ONCE):
        places = free[start : start + AT_ONCE]
        states = hidden[torch.tensor([len(prompt) + i - 1 for i in places], device=hidden.device)]
        allowed = torch.from_numpy(store.allowed([rows[i] for i in places]))
        columns.append(_columns(lm.head(states), allowed.to(hidden.device), [ids[i] for i in places]))
    first, right_unmasked, *figures = np.concatenate(columns, axis=1)
    chosen, gold = first.astype(int).tolist(), [ids[i] for i in free]
    bytes_of = lm.tokens.bytes_of
    ends = np.cumsum([0, *(len(bytes_of[i]) for i in ids)])
    texts = tuple(bytes_of[i] for i in gold), tuple(bytes_of[i] for i in chosen)
    right = np.array(chosen, np.int64) == np.array(gold, np.int64)
    return Choices(len(ids) - len(free), ends[free], *texts, right, right_unmasked > 0, *figures)


def _columns(logits: torch.Tensor, allowed: torch.Tensor, gold: list[int]) -> np.ndarray:
    """(6, n) of logits (n, V): first choice, whether the unmasked one is gold, confidence, losses, refused."""
    free = torch.log_softmax(logits, -1)
    masked = torch.log_softmax(logits.masked_fill(~allowed, float("-inf")), -1)
    best, first = masked.max(-1)
    at = torch.tensor(gold, device=logits.device)[:, None]
    losses = -masked.gather(-1, at)[:, 0], -free.gather(-1, at)[:, 0]
    refused = free.exp().masked_fill(allowed, 0.0).sum(-1)
    right_unmasked = free.argmax(-1) == at[:, 0]
    return torch.stack([first.double(), right_unmasked, best.exp(), *losses, refused]).double().cpu().numpy()


def likelihood(found: Sequence[Choices | None]) -> Likelihood | None:
    """Means over all free positions; None where nothing is free. `found[i]` belongs to example i, None where it was
    not read."""
    read = [c for c in found if c is not None and len(c.loss)]
    if not read:
        return None
    loss, unmasked = (np.concatenate(parts) for parts in ([c.loss for c in read], [c.loss_unmasked for c in read]))
    bins = list(_bins(np.concatenate([c.confidence for c in read]), np.concatenate([c.right for c in read])))
    return Likelihood(
        free=len(loss),
        forced=sum(c.forced for c in found if c is not None),
        perplexity=_perplexity(loss),
        perplexity_unmasked=_perplexity(unmasked),
        refused_mass=float(np.concatenate([c.refused for c in read]).mean()),
        calibration_error=sum(b.count * abs(b.confidence - b.accuracy) for b in bins) / len(loss),
        bins=tuple(bins),
        losses=tuple(float(c.loss.mean()) if c is not None and len(c.loss) else None for c in found),
    )


def _perplexity(losses: np.ndarray) -> float:
    return math.exp(min(float(losses.mean()), LARGEST))


def _bins(confidence: np.ndarray, right: np.ndarray) -> Iterator[Bin]:
    """Positions of like confidence, in bins of equal width (Guo et al. 2017)."""
    number = np.minimum((confidence * BINS).astype(int), BINS - 1)
    for i in range(BINS):
        mine = number == i
        count = int(mine.sum())
        mean = lambda values, mine=mine: float(values[mine].mean()) if mine.any() else 0.0
        yield Bin(count=count, confidence=mean(confidence), accuracy=mean(right))


def agreement(student: Sequence[Choices | None], teacher: Sequence[Choices | None]) -> Score | None:
    """How often both would choose the same token first. Counted where both are free at the same place of the text and
    their tokenizers go on with the same token of gold; None if there is no such place."""
    counts = []
    for mine, theirs in zip(student, teacher, strict=True):
        if mine is None or theirs is None:
            continue
        other = dict(zip(zip(theirs.offsets.tolist(), theirs.gold), theirs.first))
        places = zip(zip(mine.offsets.tolist(), mine.gold), mine.first)
        same = [first == other[place] for place, first in places if place in other]
        counts.append((sum(same), len(same)))
    found = ratio(counts)
    return found if found.total else None
