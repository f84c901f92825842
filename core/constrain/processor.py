"""A `LogitsProcessor` for `transformers.generate`: every row under its own constraint."""

from collections.abc import Sequence

import torch
from transformers import LogitsProcessor

from core.constrain.automaton import NONE
from core.constrain.engines import Constraint
from core.errors import SchemaError


class ConstraintLogitsProcessor(LogitsProcessor):
    """Sets the logits of refused tokens to -inf.

    `prompt_length` is the padded length of the prompts: what comes after it is the answer. A row that
    has ended allows eos alone. Use a new processor for every call of `generate`.
    """

    def __init__(self, constraints: Sequence[Constraint], prompt_length: int) -> None:
        if len({id(c.tokens) for c in constraints}) > 1:
            raise SchemaError("the constraints of one batch must share one token table.")
        self.constraints = list(constraints)
        self.prompt_length = prompt_length

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """`input_ids` (rows, length), `scores` (rows, V); V may be padded beyond the token table."""
        tables = self.constraints[0].tokens
        allowed = torch.zeros(scores.shape, dtype=torch.bool)
        for row, answer in enumerate(input_ids[:, self.prompt_length :].tolist()):
            constraint = self.constraints[row % len(self.constraints)]
            if tables.eos in answer:
                allowed[row, tables.eos] = True
                continue
            state = constraint.start
            for token in answer:
                state = constraint.advance(state, token)
                if state == NONE:
                    raise SchemaError(f"row {row} holds a token that its schema refuses: the answer was not masked.")
            allowed[row, : len(tables)] = torch.from_numpy(tables.unpack(constraint.mask(state)))
        return scores.masked_fill(~allowed.to(scores.device), float("-inf"))
