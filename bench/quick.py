"""How good, small and fast is the student that the Quick preset makes, beside its teacher?

Runs the preset as the Distill page does, in a folder of its own, and prints one JSON object last:
`python -m bench.quick [path=value …]`. `untrained` is the same student before its first step; `ratio` is
the teacher's time an example over the student's, both under the same mask, in the same run.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from core.distill.presets import PRESETS
from core.evaluate.report import ModelReport
from core.runs import folder as run_folders
from core.runs.execute import execute


def main(values: list[str]) -> None:
    config = PRESETS["Quick"].with_values(values)
    with tempfile.TemporaryDirectory() as root:
        run = run_folders.create(config, Path(root))
        began = time.perf_counter()
        with run.lock():
            status = execute(run, say=lambda line: print(f"{time.perf_counter() - began:6.1f} s  {line}", flush=True))
        seconds = time.perf_counter() - began
        report = run.report()
    if report is None:
        sys.exit(f"the run {status.state}: {status.error}")
    metric = next(iter(report.models[0].scores))
    found = {model.role: _figures(model, metric) for model in report.models}
    print(
        json.dumps(
            {
                "bench": "quick",
                "machine": report.machine,
                "seconds": round(seconds, 1),
                "steps": status.step,
                "examples": len(report.examples),
                **found,
                "ratio": round(found["teacher"]["ms_per_example"] / found["trained"]["ms_per_example"], 2),
            }
        )
    )


def _figures(model: ModelReport, metric: str) -> dict[str, float | int]:
    return {
        metric: round(model.scores[metric].value, 4),
        "valid": model.scores["valid"].value,
        "parameters": model.parameters,
        "megabytes": round(model.megabytes, 1),
        "ms_per_example": round(model.ms_per_example, 1),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
