"""Losses: small functions of tensors, nothing else. Every loss is the mean over n positions, normalised once.

Divergences take the logarithms of two distributions (n, k) over the same k outcomes, -inf for what cannot
happen; `outcomes` brings a student's logits and a teacher's signal to that form.
"""

import torch
import torch.nn.functional as F

from core.distill.signals import NEG_INF, Signal


def outcomes(
    student: torch.Tensor, tokens: torch.Tensor, signal: Signal, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Student and teacher over the same outcomes (n, k): the tokens that the signal names, and all others as one. Each
    draw of a token that was drawn several times is an equal part of one outcome.

    `student` are logits (n, k) of `tokens` (k,), which hold every token that the signal names.
    """
    log_student = torch.log_softmax(student / temperature, -1)
    if signal.form == "dense":
        return log_student, signal.log_probs
    columns = torch.searchsorted(tokens, signal.ids.contiguous()).clamp(max=len(tokens) - 1)
    used = signal.log_probs > NEG_INF
    named = log_student.gather(-1, columns).masked_fill(~used, NEG_INF)
    if signal.form == "sampled":
        drawn = torch.zeros_like(log_student).scatter_add(-1, columns, used.to(log_student.dtype))
        return named - drawn.gather(-1, columns).clamp(min=1).log(), signal.log_probs
    taken = torch.zeros_like(log_student, dtype=torch.bool)
    taken = taken.scatter(-1, torch.where(used, columns, columns[:, :1]), True)  # the first place is always used
    others = _log_sum(log_student.masked_fill(taken, NEG_INF))
    return torch.cat([named, others[:, None]], -1), torch.cat([signal.log_probs, signal.rest[:, None]], -1)


def forward_kl(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """KL(teacher ‖ student). Over sampled tokens it is that of what was drawn, and its gradient that of the full
    divergence on average."""
    return _expected(teacher, student).mean()


def reverse_kl(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """KL(student ‖ teacher): the student keeps to what the teacher finds likely (Gu et al. 2024)."""
    return _expected(student, teacher.clamp(min=LEAST)).mean()


def jensen_shannon(student: torch.Tensor, teacher: torch.Tensor, beta: float = 0.5) -> torch.Tensor:
    """Generalised Jensen-Shannon divergence: beta near 0 is like the forward, near 1 like the reverse one
    (Agarwal et al. 2024)."""
    weights = torch.tensor([beta, 1 - beta], device=student.device).log()
    mixture = _log_sum(torch.stack([teacher + weights[0], student + weights[1]], -1))
    return (beta * _expected(teacher, mixture) + (1 - beta) * _expected(student, mixture)).mean()


def cross_entropy(student: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
    """-log p(gold); `gold` (n,) holds column numbers of the logits `student` (n, k)."""
    return F.cross_entropy(student, gold)


def restrict(logits: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """Hard constraint: refused tokens do not exist."""
    return logits.masked_fill(~allowed, NEG_INF)


def lower(logits: torch.Tensor, allowed: torch.Tensor, penalty: float) -> torch.Tensor:
    """Soft constraint (S0.6): refused tokens lose a fixed amount."""
    return logits - penalty * (~allowed).to(logits.dtype)


LEAST = -30.0  # a teacher's log-probability below it counts as this: reverse divergences stay finite


def _expected(weights: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """KL(weights ‖ other) (n,), both as logarithms; what has no weight counts nothing, 0 · -inf included."""
    present = weights > NEG_INF
    difference = torch.where(present, weights, 0.0) - torch.where(present, other, 0.0)
    return (weights.exp() * difference).sum(-1)


def _log_sum(values: torch.Tensor) -> torch.Tensor:
    """logsumexp over the last axis whose gradient is zero, not NaN, where every value is -inf."""
    nothing = (values == NEG_INF).all(-1, keepdim=True)
    return values.masked_fill(nothing, 0.0).logsumexp(-1).masked_fill(nothing[..., 0], NEG_INF)
