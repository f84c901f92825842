"""Publish an adapter run: its weights and a card that says how they came to be become a teacher that ships."""

import json
import re
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

from core.distill.config import NAME, RunConfig, read, to_yaml
from core.errors import RunError
from core.evaluate.report import ModelReport, Report
from core.export.bundle import without_places
from core.models import bundled
from core.models.teachers import AdapterCard
from core.models.weights import ADAPTER_CONFIG, ADAPTER_WEIGHTS, adapter_settings
from core.paths import ADAPTERS
from core.runs.folder import RunFolder
from core.tasks import TASKS


def publish(run: RunFolder, name: str, data: str, licence: str, home: Path = ADAPTERS) -> Path:
    """Copies a finished run's adapter to `home/name`; the teacher is then `smollm2+name`. `home/name.yaml` says how
    to train it again: the run's own configuration, unless it is there already.

    `data` and `licence` say in words what it learned from. Raises RunError if the name is none or taken, or the run is
    unfinished, trained something else than an adapter of the bundled model in full precision that reads the prompt, or
    did not follow what is there; ModelError for a damaged adapter.
    """
    if not re.fullmatch(NAME, name):
        raise RunError(f"an adapter cannot be named {name!r}: take letters, digits, - and _, 41 at most.")
    config, report = run.config(), run.report()
    student, base = config.student, config.base
    if not student.is_adapter or not student.prompted or base != bundled.NAME:
        raise RunError(
            f"only an adapter of {bundled.NAME} that reads the prompt can be published: the run {run.name!r} trained a "
            f"student of kind {student.kind!r} made from {base}, tuning {student.tuning!r}, prompted "
            f"{str(student.prompted).lower()}."
        )
    if student.precision != "full":
        raise RunError(
            f"the run {run.name!r} trained beside weights in {student.precision}, and a published adapter is merged "
            "into full ones: train it with precision 'full'."
        )
    trained = report.model("trained") if report else None
    if report is None or trained is None or not (run.student / ADAPTER_WEIGHTS).exists():
        raise RunError(f"the run {run.name!r} is not finished: resume it first.")
    folder, recipe = home / name, home / f"{name}.yaml"
    if folder.exists():
        raise RunError(f"there is an adapter {name!r} already: take another name, or delete its folder first.")
    if recipe.exists():
        _check_recipe(recipe, config)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=home) as place:  # nobody is to load half of it
        made = Path(place) / name
        made.mkdir()
        shutil.copyfile(run.student / ADAPTER_WEIGHTS, made / ADAPTER_WEIGHTS)
        settings = adapter_settings(run.student) | {"base_model_name_or_path": base}
        (made / ADAPTER_CONFIG).write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n")
        card = _card(config, report, trained, name, data, licence)
        (made / "card.json").write_text(json.dumps(asdict(card), indent=1, ensure_ascii=False) + "\n")
        if not recipe.exists():
            recipe.write_text(to_yaml(without_places(config)), encoding="utf-8")
        made.rename(folder)
    return folder


def _check_recipe(recipe: Path, config: RunConfig) -> None:
    """Raises RunError unless it says how this run trained, whatever its name and wherever its data; ConfigError if it
    cannot be read."""
    there = read(recipe).model_copy(update={"name": config.name, "data": config.data})
    if without_places(there) != without_places(config):
        raise RunError(
            f"{recipe.name} is the recipe of another run: delete it first, or take another name for the adapter."
        )


def _card(config: RunConfig, report: Report, trained: ModelReport, name: str, data: str, licence: str) -> AdapterCard:
    metric = TASKS[config.task].metrics[0]
    score = trained.scores[metric]
    low, high = score.interval
    return AdapterCard(
        task=config.task,
        instructions=config.teacher_prompt().instructions,
        data=data,
        licence=licence,
        command=f"python -m core distill assets/adapters/{name}.yaml"
        + ("" if config.data is None else " data=FOLDER")
        + f" (seed {config.seed})",
        accuracy=f"{metric} {score.value:.4f} ({score.hits:,} of {score.total:,}; "
        f"95% interval {low:.4f} to {high:.4f}) on {len(report.examples)} held-out examples "
        f"({report.leaks} of them stand in the training data too)",
    )
