"""The weights of a model on disk, which are safetensors."""

from pathlib import Path

ADAPTER_CONFIG = "adapter_config.json"  # as peft names the files of an adapter
ADAPTER_WEIGHTS = "adapter_model.safetensors"


def megabytes(folder: Path) -> float:
    """Their size, in MB (10^6 bytes); 0 where there are none."""
    return sum(f.stat().st_size for f in folder.glob("*.safetensors")) / 1e6
