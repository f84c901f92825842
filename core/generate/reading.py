"""A model reads a given answer: what it would have said before each token, and what the constraint did there."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from core.constrain.engines.constraint import Constraint, check_beginning
from core.constrain.explain import Candidate, Step, explain
from core.errors import SchemaError
from core.models.language_model import LanguageModel

LIKELIEST = 8  # tokens shown beside a free one


def read(lm: LanguageModel, constraint: Constraint, prompt: Sequence[int], answer: str) -> list[Step]:
    """One `Step` a token of `answer`, or of its beginning; its end included if the schema allows it there.

    Takes one forward pass. Raises SchemaError, naming the byte, where the answer leaves the schema, and
    ModelError if it does not fit the model.
    """
    complete = check_beginning(constraint, answer)
    return read_ids(lm, constraint, prompt, [*lm.encode(answer), *([lm.eos] if complete else [])])


@torch.inference_mode()
def read_ids(lm: LanguageModel, constraint: Constraint, prompt: Sequence[int], ids: list[int]) -> list[Step]:
    """As `read`, of an answer whose tokens are given."""
    states = hidden(lm, prompt, ids)
    steps = explain(constraint, ids, lm.head(states))
    return [replace(step, hidden=row) for step, row in zip(steps, states.float().cpu().numpy(), strict=True)]


@torch.inference_mode()
def read_free(lm: LanguageModel, prompt: Sequence[int], ids: Sequence[int]) -> list[Step]:
    """As `read`, of an answer's own tokens that no schema stands over: nothing is refused, nothing forced. Raises
    ModelError if they do not fit the model."""
    if not ids:
        return []
    shares = lm.head(hidden(lm, prompt, ids)).softmax(-1).cpu()
    likeliest = shares.topk(min(LIKELIEST, shares.shape[1]))
    steps = []
    for i, token in enumerate(ids):
        said = float(shares[i, token])
        pairs = zip(likeliest.indices[i].tolist(), likeliest.values[i].tolist(), strict=True)
        candidates = tuple(Candidate(t, lm.tokens.text([t]), p, p) for t, p in pairs)
        text = lm.tokens.text([token])
        steps.append(Step(token, text, 0, "", shares.shape[1], False, said, said, 0.0, candidates))
    return steps


@torch.inference_mode()
def probabilities(lm: LanguageModel, step: Step) -> np.ndarray:
    """What the model said of every token before a step of `read`: (tokens,) float32."""
    weight = lm.model.get_output_embeddings().weight
    logits = lm.head(torch.from_numpy(step.hidden).to(weight))
    return logits.softmax(-1).cpu().numpy()


def beginning(constraint: Constraint, text: str) -> tuple[str, str]:
    """As much of `text` as a valid answer can begin with, and why it goes no further, or nothing."""
    try:
        check_beginning(constraint, text)
        return text, ""
    except SchemaError as error:
        raw = text.encode("utf-8", "surrogatepass")  # half a pair is no text: it ends here
        length = constraint.read(constraint.start, raw).length
        return raw[:length].decode("utf-8", "ignore"), str(error)


def hidden(lm: LanguageModel, prompt: Sequence[int], ids: Sequence[int]) -> torch.Tensor:
    """(len(ids), width): the backbone's output before each of the ids. Raises ModelError if they do not fit."""
    lm.check_prompt(prompt)
    lm.check_length(len(prompt) + len(ids))
    read = torch.tensor([[*prompt, *ids]], device=lm.device)
    states = lm.hidden(input_ids=read, use_cache=False).last_hidden_state[0]
    before = len(prompt) - 1
    return states[before : before + len(ids)]
