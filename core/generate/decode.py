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
    reader = _Reader(lm, len(rows))
    generator = torch.Generator(device="cpu").manual_seed(sampling.seed)
    for row in rows:
        _force(lm, row, sampling, merges)
    while not all(row.out.complete for row in rows) and not should_stop():
        open_rows = [i for i, row in enumerate(rows) if not row.out.complete and _room(lm, row, sampling)]
        if not open_rows:
            break
        logits = reader.read(rows, open_rows, one_by_one=not fast_forward)
        for i, scores in zip(open_rows, logits, strict=True):
            row = rows[i]
            row.append(_choose(scores, row, sampling, generator), forced=False)
            row.out.complete = row.out.ids[-1] == lm.eos
            if not row.out.complete:
                _force(lm, row, sampling, merges)
    for row in rows:
        row.out.text = lm.tokens.text(row.out.ids)
    lm.model.train(was_training)
    return Batch([row.out for row in rows], reader.calls, time.perf_counter() - started)


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

    Chunks are padded on the right; padding is masked out, and positions are counted without it.
    """

    def __init__(self, lm: LanguageModel, rows: int) -> None:
        from transformers import DynamicCache

        self.lm = lm
        self.device = lm.model.get_input_embeddings().weight.device
        self.cache = DynamicCache()
        self.mask = torch.zeros(rows, 0, dtype=torch.long)
        self.calls = 0

    def read(self, rows: list[_Row], wanted: list[int], one_by_one: bool) -> torch.Tensor:
        """Logits (len(wanted), V), on the CPU, after everything that is pending."""
        if not one_by_one or not self.calls:
            return self._read_chunk(rows, wanted, max(len(row.pending) for row in rows))
        last: dict[int, torch.Tensor] = {}
        while any(rows[i].pending for i in wanted):
            due = [i for i in wanted if rows[i].pending]
            for i, logits in zip(due, self._read_chunk(rows, due, 1), strict=True):
                last[i] = logits
        return torch.stack([last[i] for i in wanted])

    def _read_chunk(self, rows: list[_Row], wanted: list[int], width: int) -> torch.Tensor:
        chunk = torch.full((len(rows), width), self.lm.eos)
        present = torch.zeros(len(rows), width, dtype=torch.long)
        positions = torch.zeros(len(rows), width, dtype=torch.long)
        last = torch.zeros(len(rows), dtype=torch.long)
        for i, row in enumerate(rows):
            ids = row.pending[:width]
            del row.pending[:width]
            chunk[i, : len(ids)] = torch.tensor(ids, dtype=torch.long)
            present[i, : len(ids)] = 1
            positions[i, : len(ids)] = torch.arange(row.read, row.read + len(ids))
            last[i] = max(len(ids) - 1, 0)
            row.read += len(ids)
        self.mask = torch.cat([self.mask, present], dim=1)
        hidden = self.lm.hidden(
            input_ids=chunk.to(self.device),
            attention_mask=self.mask.to(self.device),
            position_ids=positions.to(self.device),
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state
        self.calls += 1
        picked = hidden[torch.tensor(wanted), last[wanted].to(self.device)]
        return self.lm.head(picked).cpu()
