"""Does training under the mask help? The same examples in every way of learning, three seeds each.

Constraint in the loss (none, soft, hard) x what is learned from (teacher, gold, both) x how the student starts (cut,
PCA, random), on a fixed subset of the bundled sentences, scored on held-out ones: accuracy with the mask and without,
the learning curves (share of right first choices along gold after each epoch, under the mask and without it),
calibration under the mask, and the mass on refused tokens. `python -m bench.study FILE` appends a line of JSON to FILE
for each student, goes on where it was broken off, and prints one JSON object last: means and spreads. All 72 students
take one to two hours on one core.
"""

import itertools
import json
import statistics
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.constrain.constraints import Constraints
from core.constrain.masks import MaskStore
from core.data.sample import spread
from core.distill.config import RunConfig, validate
from core.distill.sequences import TokenSequence, tokenise, used_tokens
from core.distill.teacher import LiveTeacher, SignalSource
from core.distill.train import Trainer
from core.evaluate.likelihood import choices, likelihood
from core.evaluate.score import evaluate, machine
from core.models import prompting, students, teachers
from core.models.language_model import LanguageModel
from core.tasks import POS

SEEDS = (0, 1, 2)
TRAIN, HELD_OUT, WITHOUT_MASK = 96, 40, 4  # sentences
STARTS: dict[str, dict[str, Any]] = {
    "cut": {"student": {"kind": "cut", "layers": (0, 1, 2, 29)}, "learning_rate": 7e-4, "epochs": 3, "batch": 4},
    "pca": {
        "student": {"kind": "scratch", "width": 192, "depth": 4, "embeddings": "pca"},
        "learning_rate": 2e-3, "epochs": 8, "batch": 8,
    },
    "random": {
        "student": {"kind": "scratch", "width": 192, "depth": 4, "embeddings": "random"},
        "learning_rate": 2e-3, "epochs": 8, "batch": 8,
    },
}  # fmt: skip
LEARNS: dict[str, dict[str, Any]] = {
    "teacher": {"method": "task"},
    "gold": {"method": "gold"},
    "both": {"method": "task", "gold_weight": 0.5},
}
CONSTRAINTS = ("none", "soft", "hard")


def main(file: Path) -> None:
    done = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    seen = {(r["start"], r["learns"], r["constraint"], r["seed"]) for r in done}
    with tempfile.TemporaryDirectory() as signals:
        for seed, start, learns, constraint in itertools.product(SEEDS, STARTS, LEARNS, CONSTRAINTS):
            # Nothing of a teacher's is there to be lowered: soft is none.
            if (start, learns, constraint, seed) in seen or (learns, constraint) == ("gold", "soft"):
                continue
            result = student(start, learns, constraint, seed, Path(signals))
            done.append(result)
            with file.open("a") as out:
                out.write(json.dumps(result) + "\n")
            print(result, flush=True)
    print(json.dumps({"bench": "study", "machine": machine(), "train": TRAIN, "cells": _cells(done)}))


def student(start: str, learns: str, constraint: str, seed: int, signals: Path) -> dict[str, Any]:
    """Trains and scores one student."""
    trainer, held_out = _trainer(start, learns, constraint, seed, signals)
    lm, epochs = trainer.student, STARTS[start]["epochs"]
    records, began = iter(trainer), time.perf_counter()
    seconds, read = 0.0, []
    for _ in range(epochs):
        seconds = [next(records).seconds for _ in range(trainer.total // epochs)][-1]
        read.append(choices(lm, [(s.prompt, s.answer, s.rows) for s in held_out], trainer.store))
    lm.model.eval()
    examples = spread(POS.load(None).test, HELD_OUT)
    found = evaluate(lm, POS, examples, lm.student_prompt, role="trained", megabytes=0, free=WITHOUT_MASK)
    at_last = likelihood(read[-1])
    assert at_last is not None  # a sentence has words, and each has a free position
    return {
        "start": start,
        "learns": learns,
        "constraint": constraint,
        "seed": seed,
        "accuracy": found.scores["accuracy"].value,
        "accuracy_without_mask": found.free_scores["accuracy"].value,
        "valid_without_mask": found.free_scores["valid"].value,
        "curve": [_share([c.right for c in after]) for after in read],
        "curve_without_mask": [_share([c.right_unmasked for c in after]) for after in read],
        "calibration_error": at_last.calibration_error,
        "refused_mass": at_last.refused_mass,
        "training_s": round(seconds, 1),
        "whole_s": round(time.perf_counter() - began, 1),
    }


def _trainer(start: str, learns: str, constraint: str, seed: int, signals: Path) -> tuple[Trainer, list[TokenSequence]]:
    how = STARTS[start]
    config: RunConfig = validate(
        {
            "student": {**how["student"], "vocabulary": 8192},
            "stages": [
                {
                    **LEARNS[learns],
                    "constraint": constraint,
                    "epochs": how["epochs"],
                    "learning_rate": how["learning_rate"],
                }
            ],
            "batch_size": how["batch"],
            "seed": seed,
        }
    )
    data = POS.load(None)
    train, test = spread(data.train, TRAIN), spread(data.test, HELD_OUT)
    teacher = _teacher()
    lm = students.build(config.student, teacher, used_tokens(teacher, POS, train), seed)
    store, constraints = MaskStore(lm.tokens), Constraints(POS, lm.tokens, True)
    sequences = tokenise(lm, constraints, train, store, lm.student_prompt)
    held_out = tokenise(lm, constraints, test, store, lm.student_prompt)
    prompts = [prompting.render(teacher, POS, config.teacher_prompt(), e.input) for e in train]
    live = LiveTeacher(teacher, torch.tensor(students.old_ids(lm, teacher)))
    source = SignalSource(live, prompts, sequences, store, config.signals, 0, signals / constraint)
    trainer = Trainer(config, lm, sequences, store, source)
    if config.stages[0].method == "task" and not any((signals / constraint).rglob("*.safetensors")):
        _ask(trainer)
    return trainer, held_out


@torch.no_grad()
def _ask(trainer: Trainer) -> None:
    """Has the teacher's signals made before the clock runs, and kept for all that learn under the same constraint."""
    for i, sequence in enumerate(trainer.sequences):
        trainer.loss(trainer.config.stages[0], [sequence], [i])
    assert trainer.source is not None
    trainer.source.flush()


@cache
def _teacher() -> LanguageModel:
    return teachers.load("smollm2+pos")


def _share(right: list[np.ndarray]) -> float:
    return float(np.concatenate(right).mean())


def _cells(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and standard deviation over seeds, a row for each way."""
    key = lambda r: (r["start"], r["learns"], r["constraint"])
    rows = []
    for (start, learns, constraint), group in itertools.groupby(sorted(results, key=key), key):
        same = list(group)
        row: dict[str, Any] = {"start": start, "learns": learns, "constraint": constraint, "seeds": len(same)}
        for name in ("accuracy", "accuracy_without_mask", "valid_without_mask", "calibration_error", "refused_mass"):
            values = [r[name] for r in same]
            row[name] = [round(statistics.mean(values), 4), round(statistics.pstdev(values), 4)]
        for name in ("curve", "curve_without_mask"):
            row[name] = [round(statistics.mean(points), 3) for points in zip(*(r[name] for r in same))]
        row["training_s"] = round(statistics.mean(r["training_s"] for r in same), 1)
        rows.append(row)
    return rows


if __name__ == "__main__":
    main(Path(sys.argv[1]))
