"""The decoding loop: a batch of prompts in, one generation each out; free or under constraints.

Rows advance in chunks of their own length: forced strings are fed together with the token before
them, so the model is asked at free positions only. With `fast_forward=False` the same tokens are fed
one at a time. Where few tokens are allowed, the head is computed for these alone. What a row draws depends
on the seed and its number in the batch, not on the other rows.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from core.constrain.engines.constraint import Constraint, describe_bytes
from core.constrain.forced import forced_tokens
from core.errors import ConfigError, SchemaError
from core.models.language_model import LanguageModel

FEW = 1024  # allowed tokens; up to so many are cheaper to compute than to choose out of all logits


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen. Temperature 0 is greedy; top_k 0 and top_p 1 keep everything: no screen offers them, they
    are for those who call this from Python. Raises ConfigError for numbers that mean nothing."""

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    max_new_tokens: int = 512

    def __post_init__(self) -> None:
        rules = {
            "temperature is 0, or from 0.001 to 1000": self.temperature == 0 or 0.001 <= self.temperature <= 1000,
            "top_k is 0 or more": self.top_k >= 0,
            "top_p is above 0, and 1 at most": 0 < self.top_p <= 1,
            "seed is from 0 to 2^63 - 1": 0 <= self.seed < 2**63,
            "max_new_tokens is 1 or more": self.max_new_tokens >= 1,
        }
        for rule, holds in rules.items():
            if not holds:
                raise ConfigError(f"{rule.split()[0]} does not make sense: {rule}.")


def room(tokens: int) -> int:
    """How many tokens are enough for an answer that nothing else ends, where a good one has so many: a quarter more,
    and 16. Some would never end."""
    return tokens * 5 // 4 + 16


@dataclass(frozen=True)
class Written:
    """One token as it is written, and whether the schema dictated it."""

    token: int
    forced: bool


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

    def __init__(self, number: int, prompt: list[int], constraint: Constraint | None, seed: int) -> None:
        own = int(np.random.default_rng((seed, number)).integers(2**63))
        self.generator = torch.Generator(device="cpu").manual_seed(own)
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
    written: Callable[[Written], None] = lambda _: None,
) -> Batch:
    """Decodes all prompts together; `written` is told of every token as it comes.

    Raises ModelError for a prompt that does not fit the model, and SchemaError for a constraint over another
    tokenizer or a text that this tokenizer cannot write.
    """
    sampling = sampling or Sampling()
    started = time.perf_counter()
    _check(lm, prompts, constraints)
    rows = [_Row(i, p, constraints[i] if constraints else None, sampling.seed) for i, p in enumerate(prompts)]
    calls, was_training = 0, lm.model.training
    lm.model.eval()
    try:
        for group in _groups(lm, rows, sampling.max_new_tokens):
            decoder = _Decoder(lm, sampling, written)
            for row in group:
                decoder.force(row)
            while not should_stop() and (open_rows := [row for row in group if decoder.is_open(row)]):
                decoder.step(open_rows, one_by_one=not fast_forward)
            calls += decoder.reader.calls
    finally:
        lm.model.train(was_training)
    for row in rows:
        row.out.text = lm.tokens.text(row.out.ids)
    return Batch([row.out for row in rows], calls, time.perf_counter() - started)


def _groups(lm: LanguageModel, rows: list[_Row], max_new_tokens: int) -> list[list[_Row]]:
    """The rows that are read together: each alone where the model has a window that the batch could outgrow, for
    transformers counts a window in places of the cache, padding included."""
    config = lm.model.config.get_text_config()
    window = getattr(config, "sliding_window", None) or getattr(config, "attention_chunk_size", None)
    most = sum(len(row.pending) + max_new_tokens for row in rows)  # a call is as wide as what one of its rows reads
    return [rows] if window is None or most <= window else [[row] for row in rows]


def _check(lm: LanguageModel, prompts: Sequence[list[int]], constraints: Sequence[Constraint] | None) -> None:
    for prompt in prompts:
        lm.check_prompt(prompt)
        lm.check_length(len(prompt) + 1)
    if constraints is not None and len(constraints) != len(prompts):
        raise SchemaError(f"{len(prompts)} prompts have {len(constraints)} constraints: give each its own.")
    if any(constraint.tokens is not lm.tokens for constraint in constraints or ()):
        raise SchemaError(f"a constraint reads another tokenizer than {lm.name}: build it over the model's own tokens.")


class _Decoder:
    """What all rows share: the model, the way of choosing, and what is remembered between steps."""

    def __init__(self, lm: LanguageModel, sampling: Sampling, written: Callable[[Written], None]) -> None:
        self.lm, self.sampling, self.written = lm, sampling, written
        self.reader = _Reader(lm)
        self.merges: dict[tuple[int, int], bool] = {}

    def is_open(self, row: _Row) -> bool:
        return not row.out.complete and self._has_room(row)

    def _has_room(self, row: _Row) -> bool:
        return len(row.out.ids) < self.sampling.max_new_tokens and row.read + len(row.pending) < self.lm.context

    def step(self, rows: list[_Row], one_by_one: bool) -> None:
        """One call of the model; rows that have nothing left to read choose their next token."""
        ready = self.reader.read(rows, one_by_one)
        for row, (scores, ids) in zip((row for row, _ in ready), self._scores(ready)):
            place = sample(scores, self.sampling, row.generator)
            self._append(row, place if ids is None else int(ids[place]), forced=False)
            if not row.out.complete:
                self.force(row)

    def force(self, row: _Row) -> None:
        """Appends what the schema dictates at this point."""
        if row.constraint is None:
            return
        for token in forced_tokens(row.constraint, row.state, self.lm.encode, self.merges):
            if not self._has_room(row):
                return
            self._append(row, token, forced=True)

    def _append(self, row: _Row, token: int, forced: bool) -> None:
        self.written(Written(token, forced))
        row.append(token, forced)
        row.out.complete = token == self.lm.eos

    def _scores(self, ready: list[tuple[_Row, torch.Tensor]]) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
        """For each row the logits (n,) it chooses from, on the CPU, and their ids (n,), or None for all."""
        allowed = [self._allowed(row) for row, _ in ready]
        wide = [i for i, ids in enumerate(allowed) if ids is None or len(ids) > FEW]
        full = self.lm.head(torch.stack([ready[i][1] for i in wide])).cpu() if wide else []
        logits = dict(zip(wide, full))
        for i, ids in enumerate(allowed):
            if ids is None:
                yield logits[i], None
            elif i in logits:
                yield logits[i][ids], ids
            else:
                hidden = ready[i][1]
                yield self.lm.head(hidden, ids.to(hidden.device)).cpu(), ids

    def _allowed(self, row: _Row) -> torch.Tensor | None:
        """Ids (n,) of the tokens that may come next; None for all."""
        if row.constraint is None:
            return None
        ids = torch.from_numpy(self.lm.tokens.ids(row.constraint.mask(row.state))).long()
        if not len(ids):
            raise SchemaError(_dead_end(row.constraint, row.state, self.lm.tokens.text(row.out.ids)))
        return ids


def _dead_end(constraint: Constraint, state: int, text: str) -> str:
    expected = constraint.read(state, b"").expected
    return (
        f"the tokenizer cannot write what the schema {constraint.name!r} asks for after {text[-40:]!r}: "
        f"no token begins with {describe_bytes(expected, False)}."
    )


def sample(scores: torch.Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    """The place of the token chosen, from logits (n,) on the CPU."""
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
        self.device = lm.device
        self.cache = DynamicCache()
        self.rows: list[_Row] = []
        self.mask = torch.zeros(0, 0, dtype=torch.long)
        self.calls = 0

    def read(self, rows: list[_Row], one_by_one: bool) -> list[tuple[_Row, torch.Tensor]]:
        """One call of the model on `rows`; those that have nothing pending after it, with their last hidden
        states (H,)."""
        waiting = sorted(len(row.pending) for row in rows)
        width = 1 if one_by_one and self.calls else waiting[len(waiting) // 2]
        self._keep(rows)
        chunks = [row.pending[:width] for row in rows]
        starts = [row.read for row in rows]
        for row, chunk in zip(rows, chunks, strict=True):
            del row.pending[: len(chunk)]
            row.read += len(chunk)
        hidden = self._forward(chunks, starts, width)
        return [(row, hidden[i, len(chunks[i]) - 1]) for i, row in enumerate(rows) if not row.pending]

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
