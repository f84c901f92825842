"""The training loop: an iterator of steps. Whoever drives it decides about stopping, saving and validating."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import torch

from core.constrain.masks import MaskStore
from core.data.sample import spread
from core.distill import losses, processes, schedule, sharded
from core.distill.cache import digest
from core.distill.config import RunConfig, Stage
from core.distill.label_signals import LabelSignals
from core.distill.module import Reachable, compiling
from core.distill.on_policy import OnPolicy
from core.distill.positions import Positions, counted
from core.distill.schedule import Progress
from core.distill.sequences import TokenSequence, batches, parts
from core.distill.signals import Signal
from core.distill.teacher import SignalSource
from core.errors import ConfigError, RunError
from core.models import existing, randomness
from core.models.batch import collate
from core.models.language_model import LanguageModel

BETAS = (0.9, 0.98)  # Adam remembers 50 steps of squares, not its usual 1,000: a run here may have a few hundred


@dataclass(frozen=True)
class Labelled:
    """The teacher's answers as sequences, and what it said of their tokens where a stage learns that."""

    sequences: Sequence[TokenSequence]
    signals: LabelSignals | None = None


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
    """Trains `student` on token sequences, with the teacher's signals from `source` where a stage needs them; on its
    answers, `labelled`, with the method pseudo_labels; and on the student's own samples where a stage has some.

    Each process trains on its part of every batch; all of them make the same steps and end with the same weights.
    """

    def __init__(
        self,
        config: RunConfig,
        student: LanguageModel,
        sequences: Sequence[TokenSequence],
        store: MaskStore,
        source: SignalSource | None = None,
        labelled: Labelled | None = None,
        on_policy: OnPolicy | None = None,
    ) -> None:
        """Raises ConfigError for a configuration that these processes, or this machine, cannot follow."""
        self.config, self.student, self.sequences, self.store = config, student, sequences, store
        self.source, self.labelled, self.on_policy = source, labelled or Labelled(()), on_policy
        self.progress = Progress()
        # Told the number, from 1 on, of a stage that is over while another follows, before its first step.
        self.stage_ended: Callable[[int], None] = lambda number: None
        self.process, self.processes = processes.number(), processes.count()
        if config.accumulate * self.processes > config.batch_size:
            raise ConfigError(
                f"a batch of {config.batch_size} cannot be split among {self.processes} processes in "
                f"{config.accumulate} passes: raise batch_size, or lower accumulate."
            )
        self.accelerator = processes.accelerator(config.clip, config.batch_size // self.processes)
        module = Reachable(sharded.trained(student, self.accelerator), config.compile)
        optimizer = torch.optim.AdamW(
            [p for p in module.parameters() if p.requires_grad],
            weight_decay=config.weight_decay,
            lr=1.0,
            betas=BETAS,
            fused=True,
        )
        self.module, self.optimizer = self.accelerator.prepare(module, optimizer)
        lengths = {stage: [len(s) for s in self._sequences(stage)] for stage in config.stages}
        self.total = sum(schedule.steps(config, stage, lengths[stage]) for stage in config.stages)
        existing.share_ranks(student.model, optimizer, self.total, lambda: self.progress.step + 1)

    def __iter__(self) -> Iterator[StepRecord]:
        """Steps from `self.progress` on; the record of a step comes after its weights have moved."""
        at = self.progress
        while at.stage < len(self.config.stages):
            stage = self.config.stages[at.stage]
            while at.epoch < stage.epochs:
                groups = self._epoch(stage, at.stage, at.epoch)
                self._exchange_signals()
                while at.batch < len(groups):
                    if self.done() >= 1:
                        return
                    record = self._step(stage, groups[at.batch])
                    at.batch += 1
                    yield record
                at.epoch, at.batch = at.epoch + 1, 0
            at.stage, at.epoch = at.stage + 1, 0
            if at.stage < len(self.config.stages):
                self.stage_ended(at.stage)

    def done(self) -> float:
        """Share of the run behind us."""
        return schedule.done(self.config, self.progress, self.total)

    @cached_property
    def content(self) -> str:
        """A hash of all that can be learned: prompts and answers, of data and labels, in the student's tokens."""
        parts = (ids for s in (*self.sequences, *self.labelled.sequences) for ids in (s.prompt, s.answer))
        return digest(np.asarray(ids, np.int32).tobytes() for ids in parts)

    def _epoch(self, stage: Stage, number: int, epoch: int) -> list[list[int]]:
        sequences = self._sequences(stage)
        chosen = spread(range(len(sequences)), stage.examples)
        lengths = [len(sequences[i]) for i in chosen]
        seed = hash((self.config.seed, number, epoch)) % 2**32
        groups = batches(lengths, self.config.batch_size, seed, self.config.batch_tokens)
        return [[chosen[i] for i in group] for group in groups]

    def _sequences(self, stage: Stage) -> Sequence[TokenSequence]:
        return self.labelled.sequences if stage.method == "pseudo_labels" else self.sequences

    def _exchange_signals(self) -> None:
        """What one process has asked the teacher, the others need not ask in the next epoch."""
        if self.source and self.processes > 1:
            self.source.flush()
            processes.wait_for_all()
            self.source.look_again()

    def _step(self, stage: Stage, group: list[int]) -> StepRecord:
        rate = schedule.learning_rate(self.config, stage.learning_rate, self.done(), self.total)
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = rate
        with randomness.seeded(self._seed()), compiling() if self.config.compile else nullcontext():
            started = time.perf_counter()  # what others made it wait is no training
            batch, sampled = self._batch(stage, group)
            self.module.train()
            loss, agreement, positions = self._gradients(stage, group, batch, sampled)
            # Inside as well: whether they do anything stands in a dict that all accelerators of a process share.
            self.accelerator.clip_grad_norm_(self.optimizer.param_groups[0]["params"], self.config.clip)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        self.progress.step += 1
        self.progress.seconds += processes.share(time.perf_counter() - started)
        return StepRecord(
            step=self.progress.step,
            total=self.total,
            stage=self.progress.stage,
            method=stage.method,
            epoch=self.progress.epoch,
            loss=loss,
            agreement=agreement,
            learning_rate=rate,
            positions=positions,
            tokens=sum(map(len, batch)),
            seconds=self.progress.seconds,
            progress=self.done(),
        )

    def _seed(self) -> int:
        """Dropout's randomness follows from where the step is, so that a resumed run draws the same."""
        return hash((self.config.seed, self.progress.step, self.process)) % 2**32

    def _batch(self, stage: Stage, group: list[int]) -> tuple[list[TokenSequence], MaskStore | None]:
        """The sequences to learn from or, where it is the turn of the student's own answers, those and their masks.
        Every process draws all of them, from the same weights: that makes them the same everywhere."""
        batch = [self._sequences(stage)[i] for i in group]
        if self.on_policy is None or not self.on_policy.is_due(stage, self.progress.step):
            return batch, None
        self.gather()
        self.student.model.eval()
        return self.on_policy.sample(batch, group, self.progress.step)

    def _gradients(
        self, stage: Stage, group: list[int], batch: list[TokenSequence], sampled: MaskStore | None
    ) -> tuple[float, float, int]:
        """Adds up the gradients of a batch, in passes and over all processes: every position of it counts the same.
        Returns its loss, its agreement and how many positions it has. Raises RunError for a loss that is no number."""
        mine = parts(range(len(group)), self.config.accumulate, self.process, self.processes)
        total = int(self._sum(torch.tensor(sum(len(counted([batch[k] for k in part], stage)) for part in mine))))
        found = torch.zeros(2, device=self.accelerator.device)
        for number, part in enumerate(mine, 1):
            self.accelerator.sync_gradients = number == len(mine)
            last = self.accelerator.sync_gradients
            with nullcontext() if last else self.accelerator.no_sync(self.module):
                # An empty-handed process takes part in the exchange of gradients, with none.
                part = part or [0]
                loss, agreement, positions = self.loss(
                    stage, [batch[k] for k in part], [group[k] for k in part], sampled
                )
                share = len(positions) / max(total, 1) if mine[number - 1] else 0.0
                self.accelerator.backward(loss * share * self.processes)  # processes are averaged, not added
            found += share * torch.stack([loss.detach(), agreement])
        value, agreement = self._sum(found).tolist()
        if not math.isfinite(value):
            raise RunError(f"the loss is {value} at step {self.progress.step}: lower the learning rate.")
        return value, agreement, total

    def _sum(self, values: torch.Tensor) -> torch.Tensor:
        """Over all processes."""
        return self.accelerator.reduce(values.to(self.accelerator.device), "sum") if self.processes > 1 else values

    def loss(
        self, stage: Stage, batch: list[TokenSequence], group: list[int], sampled: MaskStore | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, Positions]:
        """The mean loss of the counted positions, how often the student's first choice is gold's, or the teacher's
        (both without axes), and these positions.

        Under a hard constraint only the tokens that some position allows are computed: the reachable rows of the head.
        `sampled` has the masks of answers that are not the data's but the student's own.
        """
        device = self.student.device
        positions = counted(batch, stage)
        hard, vocabulary = stage.constraint == "hard", len(self.student.tokens)
        if stage.constraint == "none":
            allowed = torch.ones((), dtype=torch.bool).expand(len(positions), vocabulary)
        else:
            allowed = positions.allowed(self.store if sampled is None else sampled)
        tokens = torch.arange(vocabulary)
        if hard:
            tokens = allowed.any(0).nonzero()[:, 0]
            allowed = allowed[:, tokens]
        student = self._student_logits(batch, positions, tokens.to(device))
        if not len(positions):  # all is forced: nothing to learn, and gradients of zero
            return student.sum(), torch.zeros((), device=device), positions
        if hard:
            student = losses.restrict(student, allowed.to(device))
        gold = torch.searchsorted(tokens, torch.from_numpy(positions.gold).contiguous()).to(device)
        if not stage.learns_distributions:
            return losses.cross_entropy(student, gold), _agreement(student, gold), positions
        own = None if sampled is None else batch
        signal = self._signal(stage, group, own, positions, tokens, allowed).to(device)
        pair = losses.outcomes(student, tokens.to(device), signal, stage.temperature)
        loss = _divergence(stage, *pair) * stage.temperature**2  # gradients keep their size (Hinton et al. 2015)
        if stage.gold_weight and sampled is None:
            loss = (1 - stage.gold_weight) * loss + stage.gold_weight * losses.cross_entropy(student, gold)
        first = torch.searchsorted(tokens.to(device), signal.first.contiguous())
        return loss, _agreement(student, first), positions

    def _signal(
        self,
        stage: Stage,
        group: list[int],
        own: list[TokenSequence] | None,
        positions: Positions,
        tokens: torch.Tensor,
        allowed: torch.Tensor,
    ) -> Signal:
        """What the teacher says: of the student's `own` answers, of its labels, or of the data's answers."""
        if stage.method == "pseudo_labels" and self.labelled.signals is not None:
            return self.labelled.signals.signal(stage, group, positions, tokens, allowed)
        if self.source is None:
            raise ConfigError(f"the method {stage.method!r} needs a teacher.")
        if own is not None:
            return self.source.scores(stage, group, own, positions, tokens, allowed)
        return self.source.signal(stage, group, positions, tokens, allowed)

    def _student_logits(self, batch: list[TokenSequence], positions: Positions, tokens: torch.Tensor) -> torch.Tensor:
        ids, mask = collate([[*s.prompt, *s.answer] for s in batch], self.student)
        row, before = positions.before([s.prompt for s in batch])
        return self.module(ids, mask, row.to(ids.device), before.to(ids.device), tokens)

    def gather(self) -> None:
        """Gives `student` the weights that training has reached, where processes hold them in shards."""
        sharded.gather(self.module, self.student, self.accelerator)

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
        """Tensors and plain data that, with the student's weights, let training go on as if never interrupted.
        Every process must ask."""
        if self.source:
            self.source.flush()
        self.gather()
        return sharded.moments(self.optimizer, self.accelerator), asdict(self.progress)

    def restore(self, tensors: dict[str, torch.Tensor], progress: dict[str, object]) -> None:
        """Goes on from a state; the student has its weights already."""
        sharded.scatter(self.student, self.module, self.accelerator)
        sharded.restore_moments(self.optimizer, tensors)
        self.progress = Progress(**progress)  # type: ignore[arg-type]


def _divergence(stage: Stage, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    if stage.loss == "jensen_shannon":
        return losses.jensen_shannon(student, teacher, stage.beta)
    return (losses.forward_kl if stage.loss == "forward_kl" else losses.reverse_kl)(student, teacher)


def _agreement(student: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    return (student.argmax(-1) == columns).float().mean()
