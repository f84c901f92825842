"""The processes that train together: one, unless `accelerate launch` has started several (S1.6).

All of them work through the same steps and know the same; the main one alone writes and speaks.
"""

import pickle
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import (
    DistributedType,
    GradientAccumulationPlugin,
    broadcast_object_list,
    is_deepspeed_available,
    parse_flag_from_env,
)

from core.errors import ConfigError
from core.models.device import device, half_precision

T = TypeVar("T")
PATIENCE = timedelta(days=7)  # a run may wait long for the one before it while the other processes wait for it


def joined() -> PartialState:
    """This process among the others, on GPUs if there are any, else on CPUs. Raises ConfigError for a launch that
    this installation cannot make."""
    if parse_flag_from_env("ACCELERATE_USE_DEEPSPEED") and not is_deepspeed_available():
        raise ConfigError(
            "this launch asks for DeepSpeed, which is not installed: `pip install deepspeed`, "
            "or launch with assets/accelerate/fsdp.yaml, which needs nothing more."
        )
    return PartialState(cpu=device().type == "cpu", timeout=PATIENCE)


def number() -> int:
    return joined().process_index


def count() -> int:
    return joined().num_processes


def is_main() -> bool:
    return joined().is_main_process


def share(value: T) -> T:
    """What the main process says, in all of them. Every process must come here."""
    return broadcast_object_list([value])[0] if count() > 1 else value


def by_main(work: Callable[[], T]) -> T:
    """What `work` gives, done by the main process while the others wait. What it raises, all of them raise. Every
    process must come here, and none of them may meet the others inside."""
    found: T | None = None
    error: Exception | None = None
    if is_main():
        try:
            found = work()
        except Exception as raised:
            error = raised
    found, failed = share((found, None if error is None else _sent(error)))
    if failed is not None:
        raise error or failed
    return found  # type: ignore[return-value]


def _sent(error: Exception) -> Exception:
    """The error, or its text in the place of one that cannot travel."""
    try:
        return pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


def wait_for_all() -> None:
    if count() > 1:
        joined().wait_for_everyone()


def leave() -> None:
    """The end of the work together, reached by all: threads that still listen to the others would else sometimes abort
    a process while its interpreter ends."""
    if count() > 1:
        joined().destroy_process_group()


def accelerator(clip: float, batch: int) -> Accelerator:
    """A new one for each run. What all of a process share is left alone where it may be, for a preview has one beside
    the run's: it is forgotten for another precision, and in a launch, which makes one run.

    Gradients are accumulated by the trainer. DeepSpeed clips them itself and wants to know the `batch` of a process.
    Raises ConfigError for ways of sharing a model out of which it could not be put together again.
    """
    others = joined().use_distributed
    precision = "bf16" if half_precision() == torch.bfloat16 else "no"
    is_set = AcceleratorState._shared_state != {}
    if is_set and (others or AcceleratorState().mixed_precision != precision):
        AcceleratorState._reset_state()
        GradientState._reset_state()
    made = Accelerator(
        mixed_precision=precision,
        gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
    )
    if made.distributed_type == DistributedType.FSDP and not made.is_fsdp2:
        raise ConfigError("FSDP 1 is not supported: set fsdp_version: 2, as assets/accelerate/fsdp.yaml does.")
    if made.distributed_type == DistributedType.DEEPSPEED:
        settings = made.deepspeed_plugin.deepspeed_config
        if settings["zero_optimization"]["stage"] > 2:
            raise ConfigError("DeepSpeed stage 3 is not supported: take stage 2 or assets/accelerate/fsdp.yaml.")
        settings |= {
            "train_micro_batch_size_per_gpu": batch,
            "gradient_accumulation_steps": 1,
            "gradient_clipping": clip,
        }
    return made
