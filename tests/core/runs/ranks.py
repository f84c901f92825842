"""`ranks.py WHAT ARGUMENTS`: a script, or with `-m` a module, by two processes, as `torch.distributed.run` would start
them; but forked from one that has imported torch, so that three imports of many seconds are one."""

import os
import runpy
import sys

import transformers.models.llama.modeling_llama  # noqa: F401  (of the tests' teacher: it would come late)

import core.runs.execute  # noqa: F401


def begin(rank: int) -> int:
    """The id of a new process, which ends when the script does."""
    if child := os.fork():
        return child
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    is_module = sys.argv[1] == "-m"
    what = sys.argv[1 + is_module]
    sys.argv = [what, *sys.argv[2 + is_module :]]
    (runpy.run_module if is_module else runpy.run_path)(what, run_name="__main__")
    sys.exit()


children = [begin(rank) for rank in range(2)]
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
sys.exit(next((code for code in codes if code), 0))
