"""Teachers: the bundled model, the same with an adapter of ours, a local folder, a GGUF file, a hub id."""

import json
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ModelError
from core.models import api, bundled
from core.models.weights import ADAPTER_WEIGHTS
from core.paths import ADAPTERS

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

HUB_FILES = ("model*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")  # weights, tokenizer, configuration
NF4_BLOCK = 64  # weights that share a scale

# On a CPU it warns of a kernel that it can do without, as it is imported, and at every product in int8 of a cast.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)  # peft asks for it


@dataclass(frozen=True)
class AdapterCard:
    """How a shipped adapter came to be: kept in `card.json` beside its weights."""

    task: str
    instructions: str
    data: str
    licence: str
    command: str
    accuracy: str


def adapter_names() -> tuple[str, ...]:
    """Teachers that ship: `smollm2` and `smollm2+<adapter>`."""
    return tuple(f"{bundled.NAME}+{card.parent.name}" for card in sorted(ADAPTERS.glob("*/card.json")))


def card(name: str) -> AdapterCard | None:
    """The card of `smollm2+<adapter>`, or None for any other teacher."""
    _, adapter = parts(name)
    path = ADAPTERS / adapter / "card.json"
    return AdapterCard(**json.loads(path.read_text())) if adapter and path.exists() else None


def load(name: str, dtype: Any = None, precision: str = "full") -> "LanguageModel":
    """A teacher by name. Raises ModelError that says why it cannot be loaded.

    `name` is `smollm2`, `smollm2+pos`, a folder of safetensors, a path to a `.gguf`, or a hub id. With a `precision`
    of `int8` or `nf4` the weights of its layers are quantised (S1.5): they can be read, not trained.
    """
    from core.models.device import device, half_precision, leave_one_core
    from core.models.language_model import LanguageModel

    if api.is_address(name):
        raise ModelError(f"{name!r} is asked over the network and cannot be loaded: it gives pseudo_labels to a run.")
    leave_one_core()
    base, adapter = parts(name)
    if adapter and precision != "full":
        raise ModelError(f"the adapter of {name} cannot be merged into {precision} weights: take {base!r} instead.")
    model, tokenizer = _load_base(base, dtype or half_precision(), precision)
    if adapter:
        model = _with_adapter(model, adapter)
    if precision == "full":
        model = model.to(device())
    return LanguageModel.of(name, model.eval(), tokenizer)


def parts(name: str) -> tuple[str, str]:
    """A teacher's model, and its adapter of ours, if any."""
    base, _, adapter = name.partition("+")
    return (base, adapter) if base == bundled.NAME else (name, "")


def tokenizer(name: str) -> Any:
    """The tokenizer of a teacher, without its weights. Raises ModelError as `load`."""
    from transformers import AutoTokenizer

    source, options = _locate(parts(name)[0])
    try:
        return AutoTokenizer.from_pretrained(source, **options)
    except Exception as error:  # as in _load_base
        raise _not_loaded(name, error) from error


def _load_base(name: str, dtype: Any, precision: str) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from core.models import randomness

    source, options = _locate(name)
    quantised = _quantised(precision, dtype)
    try:
        source = source if Path(source).is_dir() else _fetched(source)
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
        if not options.get("gguf_file"):
            options["use_safetensors"] = True
        with randomness.seeded(0):
            model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, **options, **quantised)
    except Exception as error:  # transformers raises OSError, ValueError, KeyError and its own, by cause
        raise _not_loaded(name, error) from error
    if precision == "nf4":
        _check_blocks(name, model)
        _never_repacked(model)
    return model, tokenizer


def _not_loaded(name: str, error: Exception) -> ModelError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ModelError(f"{name!r} cannot be loaded: {reason}")


def _quantised(precision: str, dtype: Any) -> dict[str, Any]:
    """How transformers is told to quantise with bitsandbytes as it loads; nothing for full precision."""
    if precision == "full":
        return {}
    from transformers import BitsAndBytesConfig

    from core.models.device import device

    if precision == "int8":
        how = BitsAndBytesConfig(load_in_8bit=True)
    else:
        how = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    return {"quantization_config": how, "device_map": {"": device()}}


def _check_blocks(name: str, model: Any) -> None:
    """On a CPU with AVX-512 bitsandbytes (0.50) reads rows wrongly that its blocks do not divide."""
    from bitsandbytes.nn import Linear4bit

    widths = {m.in_features for m in model.modules() if isinstance(m, Linear4bit) and m.weight.device.type == "cpu"}
    if wrong := sorted(width for width in widths if width % NF4_BLOCK):
        raise ModelError(
            f"{name!r} has layers {wrong[0]} wide: on a CPU nf4 takes multiples of {NF4_BLOCK}. Take int8 instead."
        )


def _never_repacked(model: Any) -> None:
    """On a CPU that computes in bf16 bitsandbytes (0.50) packs nf4 weights anew at the first forward in eval mode: no
    gradient comes through them from then on."""
    from bitsandbytes.nn import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def precision_of(model: Any) -> str:
    """What `load` was told: full, int8 or nf4."""
    how = getattr(model.config, "quantization_config", None)
    chosen = {"int8": getattr(how, "load_in_8bit", False), "nf4": getattr(how, "load_in_4bit", False)}
    return next((name for name, holds in chosen.items() if holds), "full")


def _locate(name: str) -> tuple[str, dict[str, Any]]:
    """Where transformers finds `name`, and the options it needs."""
    if name == bundled.NAME:
        return str(bundled.prepare()), {}
    try:
        return _locate_path(name)
    except (OSError, RuntimeError, ValueError) as error:  # such as a path that no file system takes
        raise ModelError(f"{name[:80]!r} cannot be read: {error}. Check the path.") from error


def _locate_path(name: str) -> tuple[str, dict[str, Any]]:
    path = Path(name).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ModelError(f"there is no file {name!r}: check the path.")
        return str(path.parent), {"gguf_file": path.name}
    if path.is_dir():
        if not (path / "config.json").exists():
            raise ModelError(f"the folder {name!r} holds no config.json: it is not a model's folder.")
        return str(path), {}
    if path.is_file():
        raise ModelError(f"the file {name!r} is no .gguf: give one, or a folder of safetensors.")
    if name.count("/") > 1 or name.startswith((".", "/", "~")):
        raise ModelError(f"there is no folder {name!r}: check the path.")
    _check_hub(name)
    return name, {}


def _check_hub(name: str) -> None:
    """Asks the hub, or its local cache, for the model's config before anything large is fetched."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        hf_hub_download(name, "config.json")
    except HFValidationError as error:
        raise ModelError(f"{name!r} is neither a folder here nor a hub id such as org/model.") from error
    except GatedRepoError as error:
        raise ModelError(f"{name!r} is gated on the hub: accept its terms and log in with `hf auth login`.") from error
    except RepositoryNotFoundError as error:
        raise ModelError(f"the hub has no model {name!r}: check the spelling, or log in if it is private.") from error
    except LocalEntryNotFoundError as error:
        raise ModelError(
            f"{name!r} is not on this machine and the hub cannot be reached: check the name and the network, "
            "or choose a bundled teacher."
        ) from error
    except EntryNotFoundError as error:
        raise ModelError(f"{name!r} on the hub holds no config.json: it is not a transformers model.") from error
    except Exception as error:  # connection errors of the http library
        raise ModelError(f"{name!r} cannot be fetched from the hub: {error}") from error


def _fetched(name: str) -> str:
    """The folder of a hub's model on this machine: others wait while it is loaded, and need not while it is fetched.
    Its name still where transformers has to look for its weights elsewhere, in a branch of safetensors."""
    from huggingface_hub import snapshot_download

    folder = snapshot_download(name, allow_patterns=list(HUB_FILES))
    return folder if any(Path(folder).glob(HUB_FILES[0])) else name


def _with_adapter(model: Any, adapter: str) -> Any:
    from peft import PeftModel

    from core.models import randomness

    folder = ADAPTERS / adapter
    if not (folder / ADAPTER_WEIGHTS).exists():
        known = ", ".join(name.split("+")[1] for name in adapter_names()) or "none"
        raise ModelError(f"there is no adapter {adapter!r}: known are {known}.")
    with randomness.seeded(0):  # its matrices are drawn before they are read
        return PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
