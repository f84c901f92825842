"""Checkpoints of a run under way: weights, optimiser, random state and position, in safetensors and JSON.

A checkpoint is written beside its place and renamed when complete. The two newest are kept.
"""

import hashlib
import json
import shutil
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from core.distill.config import RunConfig
from core.distill.train import Trainer
from core.errors import ConfigError, RunError
from core.models import checkpoint as model_files
from core.runs.folder import RunFolder

KEEP = 2
# What a checkpoint must agree on with the configuration that goes on from it.
FIELDS = ("task", "data", "teacher", "prompt", "conditioned", "student", "stages", "batch_size", "seed")


def fingerprint(config: RunConfig) -> dict[str, str]:
    """A short hash of each field that a checkpoint depends on."""
    data = config.model_dump(mode="json")
    return {k: hashlib.sha256(json.dumps(data[k], sort_keys=True).encode()).hexdigest()[:16] for k in FIELDS}


def save(folder: RunFolder, trainer: Trainer) -> None:
    tensors, progress = trainer.state()
    final = folder.checkpoints / f"step-{trainer.progress.step:06d}"
    partial = final.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    weights = model_files.trained(trainer.student)
    save_file({k: v.detach().cpu().contiguous() for k, v in weights.items()}, partial / "weights.safetensors")
    save_file({k: v.cpu().contiguous() for k, v in tensors.items()}, partial / "optimizer.safetensors")
    state = {"progress": progress, "config": fingerprint(trainer.config)}
    (partial / "state.json").write_text(json.dumps(state, indent=1))
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    for old in _complete(folder)[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True)


def latest(folder: RunFolder) -> Path | None:
    found = _complete(folder)
    return found[-1] if found else None


def restore(path: Path, trainer: Trainer) -> None:
    """Raises ConfigError that names the field in which the checkpoint and the configuration differ,
    RunError for a damaged checkpoint."""
    try:
        state = json.loads((path / "state.json").read_text())
        weights = load_file(path / "weights.safetensors")
        tensors = load_file(path / "optimizer.safetensors")
        saved, progress = state["config"], state["progress"]
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise RunError(f"the checkpoint {path.name} is damaged: delete it to go on from an older one.") from error
    differing = [k for k, v in fingerprint(trainer.config).items() if saved.get(k) != v]
    if differing:
        raise ConfigError(
            f"the checkpoint {path.name} was made with another {', '.join(differing)}: "
            "restore the configuration, or start a new run."
        )
    model_files.restore(trainer.student, weights)
    trainer.restore(tensors, progress)


def _complete(folder: RunFolder) -> list[Path]:
    return sorted(
        p for p in folder.checkpoints.glob("step-*") if p.suffix != ".partial" and (p / "state.json").exists()
    )
