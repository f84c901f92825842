"""The training loop: an iterator of steps. Whoever drives it decides about stopping, saving and validating."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import torch

from core.constrain.masks import MaskStore
from core.data.sample import spread
from core.distill import losses
from core.distill.batch import collate
from core.distill.config import RunConfig, Stage
from core.distill.positions import Positions, counted
from core.distill.sequences import TokenSequence, batches
from core.distill.teacher import SignalSource
from core.errors import ConfigError, RunError
from core.models import existing
from core.models.language_model import LanguageModel, half_precision


@dataclass
class Progress:
    """Where training is: what a checkpoint needs to go on. `batch` is the next one of `epoch`."""

    stage: int = 0
    epoch: int = 0
    batch: int = 0
    step: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class StepRecord:
    """What one step did. `agreement`: share of positions where student and target have the same first choice."""

    step: int
    total: int
    stage: int
    method: str
    epoch: int
    loss: float
    agreement: float
    learning_rate: float
    positions: int
    tokens: int
    seconds: float
    progress: float


class Trainer:
    """Trains `student` on token sequences, with the teacher's signals from `source` where a stage needs them."""

    def __init__(
        self,
        config: RunConfig,
        student: LanguageModel,
        sequences: Sequence[TokenSequence],
        store: MaskStore,
        source: SignalSource | None = None,
    ) -> None:
        self.config, self.student, self.sequences, self.store = config, student, sequences, store
        self.source = source
        self.progress = Progress()
        parameters = [p for p in student.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            parameters, weight_decay=config.weight_decay, lr=1.0, betas=(0.9, 0.98), fused=True
        )
        self.total = sum(stage.epochs * len(self._epoch(stage, i, 0)) for i, stage in enumerate(config.stages))
        existing.share_ranks(student.model, self.optimizer, self.total, lambda: self.progress.step + 1)

    def __iter__(self) -> Iterator[StepRecord]:
        """Steps from `self.progress` on; the record of a step comes after its weights have moved."""
        at = self.progress
        while at.stage < len(self.config.stages):
            stage = self.config.stages[at.stage]
            while at.epoch < stage.epochs:
                groups = self._epoch(stage, at.stage, at.epoch)
                while at.batch < len(groups):
                    if self.done() >= 1:
                        return
                    record = self._step(stage, groups[at.batch])
                    at.batch += 1
                    yield record
                at.epoch, at.batch = at.epoch + 1, 0
            at.stage, at.epoch = at.stage + 1, 0

    def done(self) -> float:
        """Share of the run behind us: by steps, or by the time budget if that is further."""
        by_time = self.progress.seconds / self.config.max_seconds if self.config.max_seconds else 0.0
        return max(self.progress.step / self.total, by_time)

    def _epoch(self, stage: Stage, number: int, epoch: int) -> list[list[int]]:
        chosen = spread(range(len(self.sequences)), stage.examples)
        lengths = [len(self.sequences[i]) for i in chosen]
        groups = batches(lengths, self.config.batch_size, hash((self.config.seed, number, epoch)) % 2**32)
        return [[chosen[i] for i in group] for group in groups]

    def _step(self, stage: Stage, group: list[int]) -> StepRecord:
        started = time.perf_counter()
        done = self.done()
        warm = min(1.0, (done + 1 / self.total) / self.config.warmup) if self.config.warmup else 1.0
        rate = stage.learning_rate * warm * (1 - done)
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = rate
        batch = [self.sequences[i] for i in group]
        self.student.model.train()
        loss, agreement, positions = self.loss(stage, batch, group)
        if not torch.isfinite(loss):
            raise RunError(f"the loss is {loss.item()} at step {self.progress.step}: lower the learning rate.")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.optimizer.param_groups[0]["params"], self.config.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.progress.step += 1
        self.progress.seconds += time.perf_counter() - started
        return StepRecord(
            step=self.progress.step,
            total=self.total,
            stage=self.progress.stage,
            method=stage.method,
            epoch=self.progress.epoch,
            loss=loss.item(),
            agreement=agreement,
            learning_rate=rate,
            positions=len(positions),
            tokens=sum(map(len, batch)),
            seconds=self.progress.seconds,
            progress=self.done(),
        )

    def loss(self, stage: Stage, batch: list[TokenSequence], group: list[int]) -> tuple[torch.Tensor, float, Positions]:
        """The loss, and how often the student's first choice is gold's, or the teacher's. Under a hard constraint
        only the tokens that some position allows are computed: the reachable rows of the head."""
        device = self.student.model.get_input_embeddings().weight.device
        positions = counted(batch, stage)
        allowed = positions.allowed(self.store)
        hard = stage.constraint == "hard"
        tokens = allowed.any(0).nonzero()[:, 0] if hard else torch.arange(len(self.student.tokens))
        allowed = allowed[:, tokens]
        student = self._student_logits(batch, positions, tokens.to(device))
        if hard:
            student = losses.restrict(student, allowed.to(device))
        gold = torch.searchsorted(tokens, torch.from_numpy(positions.gold).contiguous()).to(device)
        if stage.method == "gold":
            return losses.cross_entropy(student, gold), _agreement(student, gold), positions
        if self.source is None:
            raise ConfigError(f"the method {stage.method!r} needs a teacher.")
        signal = self.source.signal(stage, group, positions, tokens, allowed).to(device)
        pair = losses.outcomes(student, tokens.to(device), signal, stage.temperature)
        loss = _divergence(stage, *pair) * stage.temperature**2  # gradients keep their size (Hinton et al. 2015)
        if stage.gold_weight:
            loss = (1 - stage.gold_weight) * loss + stage.gold_weight * losses.cross_entropy(student, gold)
        first = torch.searchsorted(tokens.to(device), signal.first.contiguous())
        return loss, _agreement(student, first), positions

    def _student_logits(self, batch: list[TokenSequence], positions: Positions, tokens: torch.Tensor) -> torch.Tensor:
        ids, mask = collate([[*s.prompt, *s.answer] for s in batch], self.student.eos, self.student)
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=half_precision() == torch.bfloat16):
            hidden = self.student.hidden(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        lengths = torch.tensor([len(s.prompt) for s in batch])
        row, offset = torch.from_numpy(positions.row), torch.from_numpy(positions.offset)
        before = lengths[row] + offset - 1
        return self.student.head(hidden[row.to(ids.device), before.to(ids.device)], tokens)

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
        """Tensors and plain data that, with the weights, let training go on as if never interrupted."""
        if self.source:
            self.source.flush()
        optimizer = self.optimizer.state_dict()
        tensors = {f"{i}.{k}": v for i, entry in optimizer["state"].items() for k, v in entry.items()}
        tensors["rng"] = torch.get_rng_state()
        return tensors, asdict(self.progress)

    def restore(self, tensors: dict[str, torch.Tensor], progress: dict[str, object]) -> None:
        torch.set_rng_state(tensors.pop("rng"))
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in tensors.items():
            number, key = name.split(".", 1)
            state.setdefault(int(number), {})[key] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.progress = Progress(**progress)  # type: ignore[arg-type]


def _divergence(stage: Stage, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    if stage.loss == "jensen_shannon":
        return losses.jensen_shannon(student, teacher, stage.beta)
    return (losses.forward_kl if stage.loss == "forward_kl" else losses.reverse_kl)(student, teacher)


def _agreement(student: torch.Tensor, columns: torch.Tensor) -> float:
    return (student.argmax(-1) == columns).float().mean().item()
