"""On-policy distillation: the student answers, and the teacher scores what it wrote (GKD, Agarwal et al. 2024).

So a student learns from its own mistakes, which it meets when it decodes and never in the data.
"""

from collections.abc import Sequence

import numpy as np

from core.constrain.constraints import Constraints
from core.constrain.masks import MaskStore
from core.distill.config import Stage
from core.distill.sequences import TokenSequence
from core.generate.decode import Sampling, generate, room
from core.models.language_model import LanguageModel


class OnPolicy:
    """Samples of the student's own answers. `inputs[i]` is what sequence i answers, `room[i]` how many tokens of an
    answer the teacher can read after its prompt."""

    def __init__(
        self, student: LanguageModel, constraints: Constraints, inputs: Sequence[str], room: Sequence[int], seed: int
    ) -> None:
        self.student, self.constraints, self.inputs, self.room, self.seed = student, constraints, inputs, room, seed

    def is_due(self, stage: Stage, step: int) -> bool:
        """Whether this step learns from samples: the same each time it is asked, after a resume too."""
        return stage.on_policy > 0 and np.random.default_rng((self.seed, step)).random() < stage.on_policy

    def sample(
        self, batch: Sequence[TokenSequence], group: Sequence[int], step: int
    ) -> tuple[list[TokenSequence], MaskStore]:
        """The student's answers at temperature 1 to the prompts of `batch`, the sequences number `group`, and their
        masks. These have a store of their own, which goes with them: over a long training there is no end of them."""
        own = [self.constraints.of(self.inputs[i]) for i in group]
        prompts = [list(sequence.prompt) for sequence in batch]
        longest = min(self.room[i] for i in group)
        if not self.constraints.conditioned:  # as in evaluation
            longest = min(longest, room(max(len(sequence.answer) for sequence in batch)))
        seed = int(np.random.default_rng((self.seed, step, 1)).integers(2**63 - 1))
        sampling = Sampling(temperature=1.0, seed=seed, max_new_tokens=longest)
        found = generate(self.student, prompts, own, sampling).generations
        store = MaskStore(self.student.tokens)
        rows = [store.positions(c, one.ids, self.student.encode) for c, one in zip(own, found, strict=True)]
        return [
            TokenSequence(sequence.prompt, tuple(one.ids), tuple(row.tolist()))
            for sequence, one, row in zip(batch, found, rows, strict=True)
        ], store
