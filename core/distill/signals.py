"""Teacher signals: what the teacher says at the counted positions of a batch."""

from collections.abc import Sequence

import torch

from core.distill.batch import collate
from core.distill.positions import Positions
from core.distill.sequences import TokenSequence
from core.models.language_model import LanguageModel


class LiveTeacher:
    """Runs the teacher on every batch. `old_ids[i]` is the teacher's id of the student's token i.

    A teacher's prompt is never cut: one that does not fit is a ModelError.
    """

    def __init__(self, teacher: LanguageModel, old_ids: torch.Tensor) -> None:
        self.teacher, self.old_ids = teacher, old_ids

    @torch.inference_mode()
    def logits(
        self, prompts: Sequence[list[int]], batch: Sequence[TokenSequence], positions: Positions, tokens: torch.Tensor
    ) -> torch.Tensor:
        """(n, k) logits of the student's `tokens` (k,) before each counted position. The prompt's
        own positions are sliced off: the answer starts at each prompt's length (S0.7)."""
        answers = [[int(self.old_ids[t]) for t in s.answer] for s in batch]
        for prompt, answer in zip(prompts, answers, strict=True):
            self.teacher.check_length(len(prompt) + len(answer))
        ids, mask = collate([p + a for p, a in zip(prompts, answers, strict=True)], self.teacher.eos, self.teacher)
        hidden = self.teacher.hidden(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        lengths = torch.tensor([len(p) for p in prompts])
        row, offset = torch.from_numpy(positions.row), torch.from_numpy(positions.offset)
        before = lengths[row] + offset - 1
        return self.teacher.head(hidden[row.to(ids.device), before.to(ids.device)], self.old_ids[tokens].to(ids.device))
