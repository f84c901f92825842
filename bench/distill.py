"""What does an epoch of distillation cost, against the way of the source?

The bundled teacher with its adapter, a GPT-2-shaped student 192 wide and 12 layers deep, the same sentences, in three
ways: the source's (the teacher runs at every step, every answer position counts, over the whole vocabulary), the same
with the teacher's signals kept on disk, and ours as shipped (trimmed vocabulary, hard constraint, forced positions
left out, the head's reachable rows alone). Each runs in a process of its own, so that memory is told apart. Prints one
JSON object last: `python -m bench.distill`. Epochs after the first are compared; the first one holds the teacher.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from core.constrain.constraints import Constraints
from core.constrain.masks import MaskStore
from core.data.sample import spread
from core.distill.config import RunConfig, validate
from core.distill.sequences import tokenise, used_tokens
from core.distill.teacher import LiveTeacher, SignalSource
from core.distill.train import Trainer
from core.evaluate.score import machine
from core.models import prompting, students, teachers
from core.paths import ROOT
from core.tasks import POS

EXAMPLES = 32
EPOCHS = 3
SHAPE = {"kind": "scratch", "shape": "gpt2", "width": 192, "depth": 12, "heads": 12, "context": 512}
WHOLE, TRIMMED = 49_152, 8_192
WAYS: dict[str, dict[str, Any]] = {
    "source": {"constraint": "none", "vocabulary": WHOLE, "signals": "live"},
    "cached": {"constraint": "none", "vocabulary": WHOLE, "signals": "top"},
    "shipped": {"constraint": "hard", "vocabulary": TRIMMED, "signals": "top"},
}


def main() -> None:
    found = {name: _in_a_process(name) for name in WAYS}
    source, cached, shipped = found.values()
    print(
        json.dumps(
            {
                "bench": "distill",
                "machine": machine(),
                "examples": EXAMPLES,
                "speedup_cached": round(source["later_epoch_s"] / cached["later_epoch_s"], 2),
                "speedup_shipped": round(source["later_epoch_s"] / shipped["later_epoch_s"], 2),
                "first_epoch_ratio": round(cached["first_epoch_s"] / source["later_epoch_s"], 2),
                "bytes_per_free_token": shipped["bytes_per_position"],
                "loss_gap_cached_vs_live": shipped["loss_gap"],
                "peak_rss_mb": {name: figures["peak_rss_mb"] for name, figures in found.items()},
                **found,
            }
        )
    )


def _in_a_process(way: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.distill", way]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(way: str) -> dict[str, Any]:
    """Seconds of the first epoch and of one after it, the cache's bytes, and how far its loss is from the live one."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(WAYS[way], Path(folder))
        steps = trainer.total // EPOCHS
        epochs = []
        records = iter(trainer)
        for _ in range(EPOCHS):
            began = time.perf_counter()
            counted = [next(records).positions for _ in range(steps)]
            epochs.append(time.perf_counter() - began)
        figures = {
            "first_epoch_s": round(epochs[0], 2),
            "later_epoch_s": round(min(epochs[1:]), 2),
            "positions": sum(counted),
            "tokens": sum(map(len, trainer.sequences)),
            "student_parameters": trainer.student.parameters,
            "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
        if trainer.config.signals.form == "live" or trainer.source is None:
            return figures
        trainer.source.flush()
        bytes_per_position = round(trainer.source.nbytes() / sum(counted), 2)
        return {**figures, "bytes_per_position": bytes_per_position, "loss_gap": _loss_gap(trainer)}


def _trainer(way: dict[str, Any], folder: Path) -> Trainer:
    config: RunConfig = validate(
        {
            "teacher": "smollm2+pos",
            "student": {**SHAPE, "vocabulary": way["vocabulary"]},
            "stages": [{"method": "task", "constraint": way["constraint"], "epochs": EPOCHS}],
            "signals": {"form": way["signals"]},
            "batch_size": 8,
        }
    )
    examples = spread(POS.load(None).train, EXAMPLES)
    teacher = teachers.load(config.teacher)
    student = students.build(config.student, teacher, used_tokens(teacher, POS, examples), seed=0)
    store = MaskStore(student.tokens)
    sequences = tokenise(student, Constraints(POS, student.tokens, True), examples, store, student.student_prompt)
    prompts = [prompting.render(teacher, POS, config.teacher_prompt(), e.input) for e in examples]
    live = LiveTeacher(teacher, torch.tensor(students.old_ids(student, teacher)))
    source = SignalSource(live, prompts, sequences, store, config.signals, config.seed, folder)
    return Trainer(config, student, sequences, store, source)


@torch.no_grad()
def _loss_gap(trainer: Trainer) -> float:
    """The largest difference between a batch's loss from disk and from the live teacher, of four batches."""
    assert trainer.source is not None
    stage = trainer.config.stages[0]
    trainer.student.model.eval()
    gaps = []
    for first in range(0, 4 * trainer.config.batch_size, trainer.config.batch_size):
        group = list(range(first, first + trainer.config.batch_size))
        batch = [trainer.sequences[i] for i in group]
        kept, folder = trainer.loss(stage, batch, group)[0], trainer.source.folder
        trainer.source.folder = None
        gaps.append(abs(float(kept - trainer.loss(stage, batch, group)[0])))
        trainer.source.folder = folder
    return round(max(gaps), 6)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
    else:
        main()
