"""What a constraint does at each step of an answer, for the screen: one record a token."""

from dataclasses import dataclass, field

import numpy as np
import torch

from core.constrain.engines.constraint import NONE, Constraint, refusal
from core.errors import SchemaError

TOP = 20  # the most of a step that a screen lists


@dataclass(frozen=True)
class Candidate:
    """A token the model weighed. `dies_at` is the byte at which the schema refuses it, `expected` what
    could stand there; both empty for allowed tokens."""

    id: int
    text: str
    before: float
    after: float
    dies_at: int | None = None
    expected: str = ""

    @property
    def allowed(self) -> bool:
        return self.dies_at is None


@dataclass(frozen=True)
class Step:
    """One token of the answer: which part of the schema it writes, its probability `before` and `after` the
    mask, how many tokens were allowed, whether the schema dictated it, and the probability mass the mask took
    away. `hidden` (width,) float32, if it was kept, is what the model's head makes the logits of all tokens from."""

    id: int
    text: str
    state: int
    part: str
    allowed: int
    forced: bool
    before: float
    after: float
    removed: float
    candidates: tuple[Candidate, ...]
    hidden: np.ndarray | None = field(default=None, repr=False, compare=False)


def explain(
    constraint: Constraint, answer: list[int], logits: torch.Tensor, top: int = TOP, state: int | None = None
) -> list[Step]:
    """Walks an answer, from `state` on if it is the rest of one. `logits` (len(answer), V): row i is what the model
    said before token i.

    `candidates` are the `top` likeliest before and after the mask. Raises SchemaError, naming token and
    byte, if the answer leaves the schema.
    """
    steps, state = [], constraint.start if state is None else state
    dictated = 0  # bytes that were forced at the last choice and not yet written
    for i, token in enumerate(answer):
        following = constraint.advance(state, token)
        if following == NONE:
            dies_at, expected = refusal(constraint, state, token)
            text = constraint.tokens.text([token]) or "the end"
            raise SchemaError(f"token {i} ({text!r}) is refused at its byte {dies_at}: expected {expected}.")
        dictated = dictated or len(constraint.forced(state))
        length = len(constraint.tokens.bytes_of[token])
        steps.append(_step(constraint, state, token, logits[i], dictated >= max(length, 1), top))
        dictated = max(0, dictated - length)
        state = following
    return steps


def _step(constraint: Constraint, state: int, token: int, logits: torch.Tensor, dictated: bool, top: int) -> Step:
    allowed = constraint.tokens.unpack(constraint.mask(state))
    before = logits.float().softmax(-1).cpu().numpy()[: len(allowed)]
    after = np.where(allowed, before, 0.0)
    kept = float(after.sum())
    after = after / kept if kept > 0 else np.where(allowed, 1.0 / allowed.sum(), 0.0)
    possible = np.flatnonzero(allowed)
    shown = dict.fromkeys([*_largest(before, top), *possible[_largest(after[possible], top)].tolist()])
    return Step(
        id=token,
        text=constraint.tokens.text([token]),
        state=state,
        part=constraint.describe(state),
        allowed=int(allowed.sum()),
        forced=dictated or int(allowed.sum()) == 1,
        before=float(before[token]),
        after=float(after[token]),
        removed=max(0.0, 1.0 - kept),  # float32 may add up to more than 1
        candidates=tuple(
            _candidate(constraint, state, int(t), float(before[t]), float(after[t]), bool(allowed[t])) for t in shown
        ),
    )


def _largest(values: np.ndarray, count: int) -> list[int]:
    """The places of the largest that are not 0, the first of equals first."""
    least = np.partition(values, -count)[-count] if count < len(values) else 0.0
    found = np.flatnonzero((values >= least) & (values > 0))
    return found[np.argsort(-values[found], kind="stable")][:count].tolist()


def _candidate(constraint: Constraint, state: int, token: int, before: float, after: float, allowed: bool) -> Candidate:
    text = constraint.tokens.text([token])
    if allowed:
        return Candidate(token, text, before, after)
    dies_at, expected = refusal(constraint, state, token)
    return Candidate(token, text, before, after, dies_at, expected)
