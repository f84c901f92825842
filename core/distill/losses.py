"""Losses over (student logits, teacher logits or gold ids): small functions of tensors, nothing else.

Logits are (n, k) over the same k tokens; refused tokens carry -inf in both. Every loss is the mean
over the n positions, normalised once.
"""

import torch
import torch.nn.functional as F

NEG_INF = float("-inf")


def forward_kl(student: torch.Tensor, teacher: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """KL(teacher ‖ student), times temperature² so that gradients keep their size (Hinton et al. 2015)."""
    log_student = torch.log_softmax(student / temperature, -1)
    log_teacher = torch.log_softmax(teacher / temperature, -1)
    present = log_teacher > NEG_INF  # 0 · -inf is not a number
    difference = torch.where(present, log_teacher - log_student, 0.0)
    return (log_teacher.exp() * difference).sum(-1).mean() * temperature**2


def cross_entropy(student: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
    """-log p(gold); `gold` (n,) holds column numbers of `student`."""
    return F.cross_entropy(student, gold)


def restrict(logits: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """Hard constraint: refused tokens do not exist."""
    return logits.masked_fill(~allowed, NEG_INF)


def lower(logits: torch.Tensor, allowed: torch.Tensor, penalty: float) -> torch.Tensor:
    """Soft constraint (S0.6): refused tokens lose a fixed amount."""
    return logits - penalty * (~allowed).to(logits.dtype)
