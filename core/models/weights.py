"""The weights of a model on disk, which are safetensors."""

import json
from pathlib import Path
from typing import Any

from core.errors import ModelError

ADAPTER_CONFIG = "adapter_config.json"  # as peft names the files of an adapter
ADAPTER_WEIGHTS = "adapter_model.safetensors"


def megabytes(folder: Path) -> float:
    """Their size, in MB (10^6 bytes); 0 where there are none."""
    return sum(f.stat().st_size for f in folder.glob("*.safetensors")) / 1e6


def are_in(folder: Path) -> bool:
    return any(folder.glob("*.safetensors"))


def stamp(folder: Path) -> float:
    """Tells versions of them apart; 0 where there are none."""
    return max((f.stat().st_mtime for f in folder.glob("*.safetensors")), default=0.0)


def adapter_settings(folder: Path) -> dict[str, Any]:
    """What peft wrote about an adapter beside its weights. Raises ModelError for what it cannot have written."""
    try:
        settings = dict(json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8")))
        if not isinstance(settings["base_model_name_or_path"], str):
            raise TypeError("the base is no name")
    except (ValueError, KeyError, TypeError) as error:
        raise damaged_adapter(folder) from error
    return settings


def damaged_adapter(folder: Path) -> ModelError:
    return ModelError(f"the adapter in {folder} is damaged: the run must save its student again.")
