"""Where models compute on this machine, in what precision, and with how many threads."""

import os

import torch

from core.errors import ModelError

PRECISIONS = {"bf16": torch.bfloat16, "fp32": torch.float32}


def device() -> torch.device:
    """The GPU if there is one, unless a launch says otherwise."""
    on_cpu = os.environ.get("ACCELERATE_USE_CPU", "false").lower() in ("1", "true", "yes", "on")
    return torch.device("cuda" if torch.cuda.is_available() and not on_cpu else "cpu")


def half_precision() -> torch.dtype:
    """bf16 where the machine computes in it; on a CPU without such instructions it is 7 times slower than fp32.
    `STILLROOM_PRECISION` decides instead: fp32 gives what other machines give, but for rounding. Raises ModelError
    for any other word."""
    if chosen := os.environ.get("STILLROOM_PRECISION"):
        if chosen not in PRECISIONS:
            raise ModelError(f"STILLROOM_PRECISION is {chosen!r}: set it to {' or '.join(PRECISIONS)}, or to nothing.")
        return PRECISIONS[chosen]
    if device().type == "cuda":
        return torch.bfloat16
    fast = torch.backends.cpu.get_cpu_capability() == "AVX512" and torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if fast else torch.float32


def leave_one_core() -> None:
    """On a CPU, training and inference leave one core to the interface, and the processes of a launch share the
    others: shared cores collapse."""
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    torch.set_num_threads(max(1, ((os.cpu_count() or 2) - 1) // processes))
