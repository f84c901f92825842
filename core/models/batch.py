"""Sequences of ids as padded tensors."""

from collections.abc import Sequence

import torch

from core.models.language_model import LanguageModel


def collate(sequences: Sequence[Sequence[int]], lm: LanguageModel) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask (rows, longest), padded on the right with the end of text, on the model's device."""
    longest = max(map(len, sequences))
    ids = torch.full((len(sequences), longest), lm.eos)
    mask = torch.zeros_like(ids)
    for i, sequence in enumerate(sequences):
        ids[i, : len(sequence)] = torch.tensor(list(sequence))
        mask[i, : len(sequence)] = 1
    where = lm.device
    return ids.to(where), mask.to(where)
