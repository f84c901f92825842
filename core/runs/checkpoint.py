"""Checkpoints of a run under way: weights, optimiser and position, in safetensors and JSON.

A checkpoint is written beside its place and renamed when complete. The two newest are kept and, where a run asks
for it, the weights of its best validation.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from core.distill.train import Trainer
from core.errors import ConfigError, RunError
from core.models import checkpoint as model_files
from core.models.language_model import LanguageModel
from core.paths import recover, whole_folder
from core.runs.folder import RunFolder

KEEP = 2
# What a checkpoint must agree on with the configuration that goes on from it.
FIELDS = ("task", "data", "teacher", "prompt", "conditioned", "student", "stages", "batch_size", "batch_tokens", "seed")


def tidy(folder: RunFolder) -> None:
    """Ends what a kill cut short: half a checkpoint goes, one that was being replaced comes back. Before any process
    looks for the latest."""
    if not folder.writes:
        return
    for partial in folder.checkpoints.glob("*.partial"):
        shutil.rmtree(partial, ignore_errors=True)
    for aside in folder.checkpoints.glob("*.old"):
        recover(aside.with_suffix(""))


def _hashes(trainer: Trainer, held_out: dict[str, str]) -> dict[str, str]:
    """A short hash of each field that a checkpoint depends on; of the data not where it is, but what it says."""
    data = trainer.config.model_dump(mode="json") | {"data": trainer.content}
    fields = {k: hashlib.sha256(json.dumps(data[k], sort_keys=True).encode()).hexdigest()[:16] for k in FIELDS}
    return fields | {f"{split} split": found for split, found in held_out.items()}


def save(folder: RunFolder, trainer: Trainer, held_out: dict[str, str]) -> None:
    """`held_out` has a hash of each split that the student is scored on. Every process must come here; one of them
    writes."""
    tensors, progress = trainer.state()
    if not folder.writes:
        return
    tensors = {k: v.cpu().contiguous() for k, v in tensors.items()}
    state = {"progress": progress, "config": _hashes(trainer, held_out)}
    _write(folder, "step", trainer, {"optimizer": tensors, "weights": _weights(trainer)}, state)
    for old in _complete(folder, "step")[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True)


def save_best(folder: RunFolder, trainer: Trainer, value: float) -> None:
    """The student's weights, which were the best so far at a validation that gave `value`."""
    if not folder.writes:
        return
    before = _complete(folder, "best")
    made = _write(folder, "best", trainer, {"weights": _weights(trainer)}, {"value": value})
    for old in before:
        if old != made:
            shutil.rmtree(old, ignore_errors=True)


def _weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    """What is trained of the student."""
    return {k: v.detach().cpu().contiguous() for k, v in model_files.trained(trainer.student).items()}


def _write(
    folder: RunFolder, kind: str, trainer: Trainer, files: dict[str, dict[str, torch.Tensor]], state: dict[str, Any]
) -> Path:
    """A checkpoint of the step, all or nothing: what a full disk cut short makes room for the status that says so."""
    final = folder.checkpoints / f"{kind}-{trainer.progress.step:06d}"
    with whole_folder(final) as partial:
        for name, tensors in files.items():
            save_file(tensors, partial / f"{name}.safetensors")
        (partial / "state.json").write_text(json.dumps(state, indent=1))
    return final


def latest(folder: RunFolder) -> Path | None:
    found = _complete(folder, "step")
    return found[-1] if found else None


def best(folder: RunFolder) -> Path | None:
    """Of two, which a kill between writing and deleting leaves, the one written last."""
    return max(_complete(folder, "best"), key=lambda path: (path / "state.json").stat().st_mtime, default=None)


def restore(path: Path, trainer: Trainer, held_out: dict[str, str]) -> None:
    """Raises ConfigError that names the fields, or the splits of `held_out` (see `save`), in which the checkpoint and
    what it is to go on with differ, RunError for a damaged checkpoint."""
    try:
        state = json.loads((path / "state.json").read_text())
        tensors = load_file(path / "optimizer.safetensors")
        saved, progress = state["config"], state["progress"]
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise _damaged(path) from error
    # What an older version did not note is taken as it is.
    differing = [k for k, v in _hashes(trainer, held_out).items() if saved.get(k, v) != v]
    if differing:
        raise ConfigError(
            f"the checkpoint {path.name} was made with another {', '.join(differing)}: restore it, or start a new run."
        )
    load_weights(path, trainer.student)
    trainer.restore(tensors, progress)


def load_weights(path: Path, student: LanguageModel) -> None:
    """Gives the student the weights of a checkpoint. Raises RunError if it is damaged."""
    try:
        weights = load_file(path / "weights.safetensors")
    except (OSError, SafetensorError) as error:
        raise _damaged(path) from error
    model_files.restore(student, weights)


def _damaged(path: Path) -> RunError:
    return RunError(f"the checkpoint {path.name} is damaged: delete it to go on from an older one.")


def _complete(folder: RunFolder, kind: str) -> list[Path]:
    """Checkpoints in the order of their steps."""
    found = {p.name.removeprefix(f"{kind}-"): p for p in folder.checkpoints.glob(f"{kind}-*")}
    steps = sorted((step for step in found if step.isdecimal()), key=int)
    return [found[step] for step in steps if (found[step] / "state.json").exists()]
