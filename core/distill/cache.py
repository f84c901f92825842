"""Teacher signals on disk: computed once, read back in every later epoch and by a resumed run.

A folder holds a header, which says what the signals were made from, and shards of some hundred examples each.
Tokens are kept as their rank among the allowed ones, which mostly takes one byte; only the shards in use are
in memory. Another header is an error that names what differs.
"""

import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from core.distill.signals import NEG_INF, Form, Signal
from core.errors import ConfigError
from core.paths import write_whole

SHARD = 256  # examples
SHARDS_KEPT = 8
STEP = 0.05  # of logarithms
TOLD = ("form", "constraint", "temperature", "amount", "max_tokens", "lossy")  # the others are hashes


@dataclass(frozen=True, kw_only=True)
class Header:
    """The `version` of the files, and everything that signals depend on; texts are given as their hash. `amount` is
    how much of a distribution is kept."""

    version: int = 2
    form: str
    teacher: str
    tokenizer: str
    data: str
    prompt: str
    schema: str
    constraint: str
    temperature: float
    amount: str


def digest(parts: Iterable[bytes]) -> str:
    """One hash for a sequence of byte strings; where one ends and the next begins counts."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.hexdigest()[:32]


class SignalCache:
    """Signals by the number of their example. Raises ConfigError for a folder made with another header."""

    def __init__(self, folder: Path, header: Header, process: int = 0) -> None:
        """Each `process` that shares the folder with others writes files of its own."""
        self.folder, self.process = folder, process
        folder.mkdir(parents=True, exist_ok=True)
        _check(folder, header)
        self.form: Form = "sampled" if header.form == "sampled" else "top"
        self._shorten = _half if header.form == "exact" else _byte
        self._shards: OrderedDict[Path, dict[str, np.ndarray]] = OrderedDict()
        self._where: dict[int, Path] = {}
        self._waiting: dict[int, tuple[Signal, np.ndarray]] = {}
        self.look_again()

    def look_again(self) -> None:
        """Takes note of what other processes have written meanwhile."""
        known = set(self._where.values())
        for path in sorted(set(self.folder.glob("*.safetensors")) - known):
            self._where.update(dict.fromkeys(self._examples(path), path))

    def __contains__(self, example: int) -> bool:
        return example in self._where or example in self._waiting

    def __len__(self) -> int:
        return len(self._where) + len(self._waiting)

    @property
    def nbytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("*.safetensors"))

    def put(self, example: int, signal: Signal, ranks: np.ndarray) -> None:
        """`ranks` (n, m) are the places of the signal's tokens among those allowed at its positions."""
        self._waiting[example] = signal, ranks
        if len(self._waiting) >= SHARD:
            self.flush()

    def get(self, example: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ranks (n, m), log-probabilities (n, m) float32 and the rest (n,) float32, filled up as signals are.
        Raises KeyError for an example that was never put."""
        # What waits is read as it will be read from disk: a resumed run must learn the same.
        shard = self._packed([example]) if example in self._waiting else self._shard(self._where[example])
        place = int(np.flatnonzero(shard["example"] == example)[0])
        first, last = _span(shard["positions"], place)
        counts = shard["count"][first:last].astype(np.int64)
        begin = int(shard["count"][:first].sum(dtype=np.int64))
        used = np.arange(counts.max(initial=0)) < counts[:, None]
        ranks = np.zeros(used.shape, np.int64)
        ranks[used] = shard["rank"][begin : begin + int(counts.sum())]
        rest = shard["rest"][first:last].astype(np.float32) if len(shard["rest"]) else np.full(len(counts), NEG_INF)
        log_probs = np.full(used.shape, NEG_INF, np.float32)
        if self.form == "sampled":
            log_probs[used] = np.repeat(-np.log(np.maximum(counts, 1)), counts)
            return ranks, log_probs, rest.astype(np.float32)
        later = used.copy()
        later[:, :1] = False
        begin -= int((shard["count"][:first] > 0).sum())
        log_probs[used] = 0.0
        log_probs[later] = _logarithms(shard["log_prob"][begin : begin + int(later.sum())])
        # The rest has its share, so nothing is renormalised away: what was rounded is spread over all.
        total = np.logaddexp.reduce(np.column_stack([log_probs, rest]).astype(np.float64), axis=1)
        return ranks, (log_probs - total[:, None]).astype(np.float32), (rest - total).astype(np.float32)

    def flush(self) -> None:
        """Writes what waits, whole or not at all."""
        if not self._waiting:
            return
        examples = list(self._waiting)
        path = self._new_file()
        save_file(self._packed(examples), path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)
        self._where.update(dict.fromkeys(examples, path))
        self._waiting.clear()

    def _packed(self, examples: list[int]) -> dict[str, np.ndarray]:
        """A shard of examples that wait."""
        waiting = [self._waiting[example] for example in examples]
        log_probs, rest = zip(*(_relative(signal) for signal, _ in waiting))
        used = [values > NEG_INF for values in log_probs]
        later = [np.where(np.arange(u.shape[1]) > 0, u, False) for u in used]
        is_top = self.form == "top"
        none = [np.zeros(0, np.float32)]
        return {
            "example": _narrow(np.array(examples)),
            "positions": _narrow(np.array([len(u) for u in used])),
            "count": _narrow(np.concatenate([u.sum(-1) for u in used])),
            "rank": _narrow(np.concatenate([ranks[u] for (_, ranks), u in zip(waiting, used)])),
            "log_prob": self._shorten(np.concatenate([v[u] for v, u in zip(log_probs, later)] if is_top else none)),
            "rest": _half(np.concatenate(rest if is_top else none)),
        }

    def _new_file(self) -> Path:
        mine = sorted(self.folder.glob(f"{self.process:03d}-*.safetensors"))
        number = int(mine[-1].stem[4:]) + 1 if mine else 0
        return self.folder / f"{self.process:03d}-{number:05d}.safetensors"

    def _examples(self, path: Path) -> list[int]:
        try:
            with safe_open(path, framework="np") as shard:
                return shard.get_tensor("example").tolist()
        except Exception as error:  # the library has its own errors, and any of them means the same
            raise ConfigError(f"the signals in {path.name} are damaged: delete the file and resume.") from error

    def _shard(self, path: Path) -> dict[str, np.ndarray]:
        if path not in self._shards:
            self._shards[path] = load_file(path)
            if len(self._shards) > SHARDS_KEPT:
                self._shards.popitem(last=False)
        self._shards.move_to_end(path)
        return self._shards[path]


def _check(folder: Path, header: Header) -> None:
    file = folder / "header.json"
    if not file.exists():
        write_whole(file, json.dumps(asdict(header), indent=1))
        return
    try:
        found = dict(json.loads(file.read_text()))
    except (ValueError, TypeError) as error:
        raise ConfigError(f"the header of the signals in {folder.name!r} is damaged: delete the folder.") from error
    if other := differing(found, header):
        raise ConfigError(
            f"the teacher's signals in '{folder.parent.name}/{folder.name}' were made with another {other}: restore "
            "it, or delete the folder to compute them again."
        )


def differing(found: dict[str, Any], header: Any) -> str | None:
    """The first field of a header (a dataclass) that differs from what was found on disk, with both values unless
    they are hashes."""
    for name, now in asdict(header).items():
        if (before := found.get(name)) != now:
            return f"{name} ({before}, now {now})" if name in TOLD else name
    return None


def _span(lengths: np.ndarray, place: int) -> tuple[int, int]:
    """Where a piece begins and ends among pieces of these lengths."""
    begin = int(lengths[:place].sum(dtype=np.int64))
    return begin, begin + int(lengths[place])


def _relative(signal: Signal) -> tuple[np.ndarray, np.ndarray]:
    """The logarithms (n, m), and the rest (n,), over the likeliest token's: that one needs no byte, and what is as
    likely is read back so."""
    log_probs = signal.log_probs.numpy()
    likeliest = log_probs.max(-1, initial=NEG_INF)
    return log_probs - likeliest[:, None], signal.rest.numpy() - likeliest


def _narrow(values: np.ndarray) -> np.ndarray:
    """The smallest unsigned type that holds the values."""
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))


def _byte(values: np.ndarray) -> np.ndarray:
    """A logarithm in steps of 5 %; 3e-6 of the likeliest is the least."""
    return np.clip(np.rint(-values / STEP), 0, 255).astype(np.uint8)


def _logarithms(kept: np.ndarray) -> np.ndarray:
    """What `_byte` or `_half` was made of."""
    return kept.astype(np.float32) * np.float32(-STEP if kept.dtype == np.uint8 else 1)


def _half(values: np.ndarray) -> np.ndarray:
    """Half precision: 0.4 % of a probability at e^-16, down to e^-60000."""
    return values.astype(np.float16)
