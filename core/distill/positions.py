"""Which positions of a batch count in the loss, and what is allowed at each of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.constrain.masks import FORCED, MaskStore
from core.distill.config import Stage
from core.distill.sequences import TokenSequence

ANY = -2  # a position of the input: no schema applies to it


@dataclass(frozen=True)
class Positions:
    """n counted positions. `row`: sequence in the batch; `offset`: the predicted token's place counted
    from the start of the answer (negative inside the prompt); `gold`: the token's id; `mask`: its mask."""

    row: np.ndarray
    offset: np.ndarray
    gold: np.ndarray
    mask: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def before(self, prompts: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Row and place (n,) of the token before each position, in sequences that begin with these prompts: what a
        model says there is about the position."""
        lengths = np.array([len(prompt) for prompt in prompts])
        return torch.from_numpy(self.row), torch.from_numpy(lengths[self.row] + self.offset - 1)

    def allowed(self, store: MaskStore) -> torch.Tensor:
        """(n, V) bool. Before the answer everything is; a forced position allows its own token only."""
        allowed = np.ones((len(self), len(store.tokens)), bool)
        forced, free = self.mask == FORCED, self.mask >= 0
        allowed[forced] = False
        allowed[forced, self.gold[forced]] = True
        if free.any():
            allowed[free] = store.allowed(self.mask[free].tolist())
        return torch.from_numpy(allowed)


def counted(batch: Sequence[TokenSequence], stage: Stage) -> Positions:
    """Answer positions; with `logits` those of the input too (S0.5). Under a hard constraint forced
    positions are left out: both distributions put everything on one token."""
    found: list[tuple[int, int, int, int]] = []
    for k, sequence in enumerate(batch):
        if stage.method == "logits":
            length = len(sequence.prompt)
            found += [(k, j - length, token, ANY) for j, token in enumerate(sequence.prompt) if j]
        for i, (token, mask) in enumerate(zip(sequence.answer, sequence.rows, strict=True)):
            if stage.constraint != "hard" or mask != FORCED:
                found.append((k, i, token, mask))
    columns = np.array(found, np.int64).reshape(-1, 4).T
    return Positions(*columns)
