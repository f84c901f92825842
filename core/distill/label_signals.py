"""An API's log-probabilities as teacher signals. Lossy: a server tells its few likeliest tokens, at temperature 1 and
before any mask.

Where the tokens of an answer are the student's own at every position that counts, what the server said there is a
signal of the form *top*: the tokens that the student has, and all others as one. Nothing is made up for what the
server did not tell, and any other answer is refused with the reason.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate

import torch

from core.constrain.masks import FORCED
from core.constrain.tokens import TokenTable, once_per_table
from core.distill.config import Stage
from core.distill.labels import Label
from core.distill.positions import Positions
from core.distill.sequences import TokenSequence
from core.distill.signals import NEG_INF, Signal, joined
from core.errors import SchemaError

Said = dict[int, tuple[tuple[int, float], ...]]  # place in the answer -> the student's tokens and their log-probability

UNKNOWN = -1  # a token that the student does not have


class LabelSignals:
    """The signals of labelled sequences: `said[i]` is about sequence i."""

    def __init__(self, said: Sequence[Said]) -> None:
        self.said = said

    def signal(
        self, stage: Stage, group: Sequence[int], positions: Positions, tokens: torch.Tensor, allowed: torch.Tensor
    ) -> Signal:
        """As `SignalSource.signal`. Under a hard constraint the tokens it refuses are left out, in log space; the
        others that the server did not name count as allowed, unless all that is allowed was named."""
        column = {int(token): i for i, token in enumerate(tokens)}
        found = []
        for n, (row, offset) in enumerate(zip(positions.row.tolist(), positions.offset.tolist())):
            named = self.said[group[row]][offset]
            if stage.constraint == "hard":
                kept = [(t, p) for t, p in named if t in column and allowed[n, column[t]]]
                rest = NEG_INF if len(kept) == int(allowed[n].sum()) else _rest(p for _, p in named)
                total = _log_sum([*(p for _, p in kept), rest])
                kept, rest = [(t, p - total) for t, p in kept], rest - total
            else:
                kept = [(t, p) for t, p in named if t != UNKNOWN]
                rest = _rest(p for _, p in kept)
            kept.sort(key=lambda pair: -pair[1])
            ids, log_probs = torch.tensor([[t for t, _ in kept]]), torch.tensor([[p for _, p in kept]])
            found.append(Signal("top", ids, log_probs, torch.tensor([rest])))
        return joined(found)


def said_of(label: Label, sequence: TokenSequence, tokens: TokenTable, hard: bool) -> Said:
    """What the server said at the positions of `sequence` that count: the free ones under a hard constraint, else
    all. Raises SchemaError where its tokens are not the student's."""
    spelled = [token.spelled for token in label.said]
    begin = b"".join(spelled).rfind(label.answer.encode())
    if begin < 0:
        raise SchemaError("the server spells the answer in another way than the data: give it worked examples.")
    at = dict(zip(accumulate(map(len, spelled), initial=0), label.said))
    number = _numbers(tokens)
    end = {b"": tokens.eos}  # some servers tell the end as a token without text
    found: Said = {}
    place = begin
    for offset, (token, mask) in enumerate(zip(sequence.answer, sequence.rows, strict=True)):
        if mask != FORCED or not hard:
            said, own = at.get(place), tokens.bytes_of[token]
            if said is None or said.spelled != own:
                theirs = repr(said.spelled.decode("utf-8", "replace")) if said else "no token that begins there"
                raise SchemaError(
                    f"at byte {place - begin} the student's token is {own.decode('utf-8', 'replace') or 'the end'!r} "
                    f"and the server's {theirs}: their tokenizers differ."
                )
            names = number if own else end | number
            found[offset] = tuple((names.get(text, UNKNOWN), p) for text, p in said.log_probs)
        place += len(tokens.bytes_of[token])
    return found


@once_per_table
def _numbers(tokens: TokenTable) -> dict[bytes, int]:
    """The token that spells each text."""
    return {text: i for i, text in enumerate(tokens.bytes_of) if text}


def _rest(log_probs: Iterable[float]) -> float:
    """The logarithm of what these leave of 1, which is all that is known of it."""
    total = math.fsum(map(math.exp, log_probs))
    return math.log1p(-total) if total < 1 else NEG_INF


def _log_sum(values: Sequence[float]) -> float:
    most = max(values)
    return most + math.log(math.fsum(math.exp(value - most) for value in values))
