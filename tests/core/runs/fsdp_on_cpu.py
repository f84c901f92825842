"""`python -m core` for test_launch.py, with FSDP2 on CPUs, which Accelerate keeps for GPUs."""

import runpy
import sys

from accelerate import PartialState
from accelerate.utils import DistributedType

from core.distill import processes, sharded

processes.joined()
PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
gather = sharded.gather


def said(module, *rest):
    print(f"shards: {sum(hasattr(p, 'full_tensor') for p in module.parameters())}", flush=True)
    gather(module, *rest)


sharded.gather = said
sys.argv = ["core", *sys.argv[1:]]
runpy.run_module("core", run_name="__main__")
