"""How hard the mask has to press: the probability that a model gives to what its schema refuses."""

from collections.abc import Sequence

import torch

from core.constrain.masks import MaskStore
from core.models.language_model import LanguageModel

Answer = tuple[Sequence[int], Sequence[int], Sequence[int]]  # prompt ids, answer ids, mask rows (negative: forced)


@torch.inference_mode()
def refused_mass(lm: LanguageModel, answers: Sequence[Answer], store: MaskStore) -> float:
    """The mean, over the free positions of the answers, of the probability that falls on refused tokens before any
    mask. The model reads the given answer, not its own. 0 where nothing is free."""
    device = lm.model.get_input_embeddings().weight.device
    was_training = lm.model.training
    lm.model.eval()
    total, count = 0.0, 0
    for prompt, answer, rows in answers:
        free = [i for i, row in enumerate(rows) if row >= 0]
        if not free:
            continue
        ids = torch.tensor([[*prompt, *answer]], device=device)
        hidden = lm.hidden(input_ids=ids, use_cache=False).last_hidden_state[0]
        before = torch.tensor([len(prompt) + i - 1 for i in free], device=device)
        probabilities = lm.head(hidden[before]).softmax(-1).cpu()
        allowed = torch.from_numpy(store.allowed([rows[i] for i in free]))
        total += float(probabilities.masked_fill(allowed, 0.0).sum())
        count += len(free)
    lm.model.train(was_training)
    return total / count if count else 0.0
