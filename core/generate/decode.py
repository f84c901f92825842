"""The decoding loop: a batch of prompts in, one generation each out; free or under constraints.

Rows advance in chunks of their own length: forced strings are fed together with the token before
them, so the model is asked at free positions only. With `fast_forward=False` the same tokens are fed
one at a time.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from core.constrain.engines import Constraint
from core.generate.forced import forced_tokens
from core.models.language_model import LanguageModel


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen. Temperature 0 is greedy; top_k 0 and top_p 1 keep everything."""

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    max_new_tokens: int = 512


@dataclass
class Generation:
    """One answer. `forced[i]` says whether token i was dictated; `complete` whether it ended by itself."""

    ids: list[int] = field(default_factory=list)
    forced: list[bool] = field(default_factory=list)
    text: str = ""
    complete: bool = False


@dataclass(frozen=True)
class Batch:
    """Generations of a batch, the model calls it took and its wall time in seconds."""

    generations: list[Generation]
    model_calls: int
    seconds: float


class _Row:
    """One sequence under way: what it wrote, its state, and what the model has yet to read."""

    def __init__(self, prompt: list[int], constraint: Constraint | None) -> None:
        self.pending = list(prompt)
        self.read = 0
        self.constraint = constraint
        self.state = constraint.start if constraint else 0
        self.out = Generation()

    def append(self, token: int, forced: bool) -> None:
        self.out.ids.append(token)
        self.out.forced.append(forced)
        self.pending.append(token)
        if self.constraint:
            self.state = self.constraint.advance(self.state, token)


@torch.inference_mode()
def generate(
    lm: LanguageModel,
    prompts: Sequence[list[int]],
    constraints: Sequence[Constraint] | None = None,
    sampling: Sampling | None = None,
    fast_forward: bool = True,
    should_stop: Callable[[], bool] = lambda: False,
) -> Batch:
    """Decodes all prompts together. Raises ModelError for a prompt that does not fit the model."""
    sampling = sampling or Sampling()
    started = time.perf_counter()
    was_training = lm.model.training
    lm.model.eval()
    for prompt in prompts:
        lm.check_length(len(prompt) + 1)
    rows = [_Row(p, constraints[i] if constraints else None) for i, p in enumerate(prompts)]
    merges: dict[tuple[int, int], bool] = {}
    reader = _Reader(lm)
    generator = torch.Generator(device="cpu").manual_seed(sampling.seed)
    for row in rows:
        _force(lm, row, sampling, merges)
    while not should_stop() and (open_rows := [row for row in rows if _is_open(lm, row, sampling)]):
        for row, scores in reader.read(open_rows, one_by_one=not fast_forward):
            row.append(_choose(scores, row, sampling, generator), forced=False)
            row.out.complete = row.out.ids[-1] == lm.eos
            if not row.out.complete:
                _force(lm, row, sampling, merges)
    for row in rows:
        row.out.text = lm.tokens.text(row.out.ids)
    lm.model.train(was_training)
    return Batch([row.out for row in rows], reader.calls, time.perf_counter() - started)


def _is_open(lm: LanguageModel, row: _Row, sampling: Sampling) -> bool:
    return not row.out.complete and _room(lm, row, sampling)


def _room(lm: LanguageModel, row: _Row, sampling: Sampling) -> bool:
    return len(row.out.ids) < sampling.max_new_tokens and row.read + len(row.pending) < lm.context


def _force(lm: LanguageModel, row: _Row, sampling: Sampling, merges: dict[tuple[int, int], bool]) -> None:
    """Appends what the schema dictates at this point."""
    if row.constraint is None:
        return
    for token in forced_tokens(row.constraint, row.state, lm.encode, merges):
        if not _room(lm, row, sampling):
            return
        row.append(token, forced=True)
    row.out.complete = bool(row.out.ids) and row.out.ids[-1] == lm.eos


def _choose(scores: torch.Tensor, row: _Row, sampling: Sampling, generator: torch.Generator) -> int:
    """One token from logits (V,) under the row's mask."""
    if row.constraint is not None:
        allowed = torch.from_numpy(row.constraint.tokens.unpack(row.constraint.mask(row.state)))
        scores = scores.masked_fill(~allowed, float("-inf"))
    if sampling.temperature == 0:
        return int(scores.argmax())
    scores = scores / sampling.temperature
    if sampling.top_k:
        kth = scores.topk(min(sampling.top_k, len(scores))).values[-1]
        scores = scores.masked_fill(scores < kth, float("-inf"))
    if sampling.top_p < 1:
        ordered, order = scores.softmax(-1).sort(descending=True)
        outside = ordered.cumsum(-1) - ordered >= sampling.top_p
        scores = scores.masked_fill(torch.zeros_like(outside).scatter(0, order, outside), float("-inf"))
    return int(torch.multinomial(scores.softmax(-1), 1, generator=generator))


class _Reader:
    """Feeds the rows' pending tokens through the model, keeping its key-value cache.

    Rows wait for different numbers of tokens. A call feeds no more than its width of each: rows that have
    less are padded on the right, rows that have more go on in the next call. Rows that are done leave.
    """

    def __init__(self, lm: LanguageModel) -> None:
        from transformers import DynamicCache

        self.lm = lm
        self.device = lm.model.get_input_embeddings().weight.device
        self.cache = DynamicCache()
        self.rows: list[_Row] = []
        self.mask = torch.zeros(0, 0, dtype=torch.long)
        self.calls = 0

    def read(self, rows: list[_Row], one_by_one: bool) -> list[tuple[_Row, torch.Tensor]]:
        """One call of the model on `rows`; those that have nothing pending after it, with their next
        token's logits (V,) on the CPU."""
        waiting = sorted(len(row.pending) for row in rows)
        width = 1 if one_by_one and self.calls else waiting[len(waiting) // 2]
        self._keep(rows)
        chunks = [row.pending[:width] for row in rows]
        starts = [row.read for row in rows]
        for row, chunk in zip(rows, chunks, strict=True):
            del row.pending[: len(chunk)]
            row.read += len(chunk)
        hidden = self._forward(chunks, starts, width)
        ready = [i for i, row in enumerate(rows) if not row.pending]
        last = torch.tensor([len(chunks[i]) - 1 for i in ready], device=self.device)
        logits = self.lm.head(hidden[torch.tensor(ready, device=self.device), last]).cpu() if ready else []
        return [(rows[i], scores) for i, scores in zip(ready, logits, strict=True)]

    def _keep(self, rows: list[_Row]) -> None:
        """Lets the rows go that are no longer asked for."""
        if not self.calls:
            self.rows, self.mask = rows, torch.zeros(len(rows), 0, dtype=torch.long)
        elif len(rows) < len(self.rows):
            stay = torch.tensor([i for i, row in enumerate(self.rows) if row in rows])
            self.cache.batch_select_indices(stay.to(self.device))
            self.rows, self.mask = rows, self.mask[stay]

    def _forward(self, chunks: list[list[int]], starts: list[int], width: int) -> torch.Tensor:
        """Hidden states (rows, width, H) of chunks that begin at the positions `starts`."""
        padding = [width - len(chunk) for chunk in chunks]
        ids = torch.tensor([chunk + [self.lm.eos] * pad for chunk, pad in zip(chunks, padding, strict=True)])
        present = torch.tensor([[1] * (width - pad) + [0] * pad for pad in padding])
        positions = (torch.tensor(starts)[:, None] + torch.arange(width)) * present
        self.mask = torch.cat([self.mask, present], dim=1)
        self.calls += 1
        return self.lm.hidden(
            input_ids=ids.to(self.device),
            attention_mask=self.mask.to(self.device),
            position_ids=positions.to(self.device),
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state
