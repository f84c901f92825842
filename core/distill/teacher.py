"""Where a student's trainer gets the teacher's signals from: the live model, or what it said before, on disk."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from core.constrain.masks import MaskStore
from core.distill import losses, signals
from core.distill.cache import Header, SignalCache, digest
from core.distill.config import SignalConfig, Stage
from core.distill.positions import Positions, counted
from core.distill.sequences import TokenSequence
from core.distill.signals import Signal
from core.models.batch import collate
from core.models.language_model import LanguageModel


class LiveTeacher:
    """Runs the teacher. `old_ids[i]` is the teacher's id of the student's token i.

    A teacher's prompt is never cut: one that does not fit is a ModelError.
    """

    def __init__(self, teacher: LanguageModel, old_ids: torch.Tensor) -> None:
        self.teacher, self.old_ids = teacher, old_ids

    @torch.inference_mode()
    def logits(
        self, prompts: Sequence[list[int]], batch: Sequence[TokenSequence], positions: Positions, tokens: torch.Tensor
    ) -> torch.Tensor:
        """(n, k) logits of the student's `tokens` (k,) before each counted position, on the teacher's device. The
        prompt's own positions are sliced off: the answer starts at each prompt's length (S0.7)."""
        answers = [[int(self.old_ids[t]) for t in s.answer] for s in batch]
        for prompt, answer in zip(prompts, answers, strict=True):
            self.teacher.check_length(len(prompt) + len(answer))
        ids, mask = collate([p + a for p, a in zip(prompts, answers, strict=True)], self.teacher)
        hidden = self.teacher.hidden(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        row, before = positions.before(prompts)
        return self.teacher.head(hidden[row.to(ids.device), before.to(ids.device)], self.old_ids[tokens].to(ids.device))


class SignalSource:
    """Signals of a run's stages. `prompts[i]` is what the teacher reads before the answer of sequence i."""

    def __init__(
        self,
        live: LiveTeacher,
        prompts: Sequence[list[int]],
        sequences: Sequence[TokenSequence],
        store: MaskStore,
        how: SignalConfig,
        seed: int = 0,
        folder: Path | None = None,
        process: int = 0,
    ) -> None:
        """`folder` holds a cache for each way in which stages ask; without one the teacher runs at every step.
        `process` is the number of the one that asks, of those that train together."""
        self.live, self.prompts, self.sequences, self.store = live, prompts, sequences, store
        self.how, self.seed, self.folder, self.process = how, seed, folder, process
        self._caches: dict[str, SignalCache] = {}

    def room(self, stage: Stage, example: int) -> int:
        """How many tokens of an answer the teacher can read."""
        return self.live.teacher.context - len(self._prompt(stage, example))

    def signal(
        self, stage: Stage, group: Sequence[int], positions: Positions, tokens: torch.Tensor, allowed: torch.Tensor
    ) -> Signal:
        """The signal at the counted `positions` of the sequences `group`, about the student's `tokens` (k,), of which
        `allowed` (n, k) may come."""
        if self.folder is None or self.how.form == "live":
            return self.scores(stage, group, [self.sequences[i] for i in group], positions, tokens, allowed)
        cache = self._cache(stage)
        missing = [k for k, example in enumerate(group) if example not in cache]
        if missing:
            self._fill(cache, stage, [group[k] for k in missing], tokens, allowed[np.isin(positions.row, missing)])
        found = [self._read(cache, stage, example) for example in group]
        return signals.joined(found)

    def flush(self) -> None:
        """Writes what is not on disk yet."""
        for cache in self._caches.values():
            cache.flush()

    def look_again(self) -> None:
        """Finds what other processes have written."""
        for cache in self._caches.values():
            cache.look_again()

    def nbytes(self) -> int:
        return sum(cache.nbytes for cache in self._caches.values())

    def scores(
        self,
        stage: Stage,
        group: Sequence[int],
        batch: Sequence[TokenSequence],
        positions: Positions,
        tokens: torch.Tensor,
        allowed: torch.Tensor,
    ) -> Signal:
        """As `signal`, of any answers to the inputs `group`: by the live teacher, and never kept."""
        prompts = [self._prompt(stage, i) for i in group]
        logits = self.live.logits(prompts, batch, positions, tokens).cpu()
        if stage.constraint == "hard":
            logits = losses.restrict(logits, allowed)
        elif stage.constraint == "soft":
            logits = losses.lower(logits, allowed, stage.penalty)
        return signals.dense(logits, tokens, stage.temperature)

    def _prompt(self, stage: Stage, example: int) -> list[int]:
        """What the teacher reads: its prompt or, with `logits`, the student's own text, with its own beginning."""
        if stage.method == "logits":
            text = self.live.old_ids[list(self.sequences[example].prompt)].tolist()
            own = self.live.teacher.beginning
            return text if text[: len(own)] == own else [*own, *text]
        return self.prompts[example]

    def _fill(
        self, cache: SignalCache, stage: Stage, group: list[int], tokens: torch.Tensor, allowed: torch.Tensor
    ) -> None:
        """Asks the teacher about the sequences `group`."""
        batch = [self.sequences[i] for i in group]
        positions = counted(batch, stage)
        dense = self.scores(stage, group, batch, positions, tokens, allowed)
        for k, example in enumerate(group):
            mine = torch.from_numpy(positions.row == k)
            one = self._shortened(Signal("dense", dense.ids[mine], dense.log_probs[mine], dense.rest[mine]), example)
            cache.put(example, one, self._ranks(stage, example, one.ids.numpy(), to_ranks=True))

    def _shortened(self, dense: Signal, example: int) -> Signal:
        if self.how.form == "sampled":
            random = torch.Generator().manual_seed(self.seed * 1_000_003 + example)
            return signals.sampled(dense, self.how.draws, random)
        if self.how.form == "exact":
            return signals.top(dense, math.inf, dense.ids.shape[1])
        return signals.top(dense, self.how.mass, self.how.most)

    def _read(self, cache: SignalCache, stage: Stage, example: int) -> Signal:
        ranks, log_probs, rest = cache.get(example)
        ids = self._ranks(stage, example, ranks, to_ranks=False)
        return Signal(cache.form, torch.from_numpy(ids), torch.from_numpy(log_probs), torch.from_numpy(rest))

    def _ranks(self, stage: Stage, example: int, values: np.ndarray, to_ranks: bool) -> np.ndarray:
        """Token ids (n, m) as places among those allowed at each position, or back. Where no mask applies, or does not
        bind, all tokens are allowed and the two are the same."""
        if stage.constraint != "hard":
            return values
        found = values.copy()
        for i, mask in enumerate(counted([self.sequences[example]], stage).mask.tolist()):
            if mask >= 0:
                ids = self.store.ids(mask)
                found[i] = np.searchsorted(ids, values[i]) if to_ranks else ids[values[i]]
        return found

    def _cache(self, stage: Stage) -> SignalCache:
        """The same for stages that ask the teacher the same: what else they do with it is no matter."""
        name = f"{stage.method}-{_constraint(stage)}-{stage.temperature}"
        if name not in self._caches:
            assert self.folder is not None
            self._caches[name] = SignalCache(self.folder / name, self._header(stage), self.process)
        return self._caches[name]

    def _header(self, stage: Stage) -> Header:
        as_bytes = lambda ids: np.asarray(ids, np.int32).tobytes()
        rows = sorted({row for s in self.sequences for row in s.rows if row >= 0})
        return Header(
            form=self.how.form,
            teacher=f"{self.live.teacher.name} {fingerprint(self.live.teacher)}",
            tokenizer=digest([*self.store.tokens.bytes_of, as_bytes(self.live.old_ids)]),
            data=digest(as_bytes(s.answer) for s in self.sequences),
            prompt=digest(as_bytes(self._prompt(stage, i)) for i in range(len(self.sequences))),
            schema=digest([*(as_bytes(s.rows) for s in self.sequences), *(as_bytes(self.store.ids(r)) for r in rows)]),
            constraint=_constraint(stage),
            temperature=stage.temperature,
            amount=self._amount(),
        )

    def _amount(self) -> str:
        """How much of a distribution is kept, in words."""
        if self.how.form == "sampled":
            return f"draws {self.how.draws} seed {self.seed}"
        return "all" if self.how.form == "exact" else f"mass {self.how.mass} most {self.how.most}"


def _constraint(stage: Stage) -> str:
    return f"soft{stage.penalty}" if stage.constraint == "soft" else stage.constraint


def fingerprint(lm: LanguageModel) -> str:
    """A hash of a few numbers of every weight: two teachers that differ anywhere of note differ here."""
    flat = (p.detach().flatten() for p in lm.weights())
    return digest(p[:: max(1, len(p) // 64)][:64].float().cpu().numpy().tobytes() for p in flat)
