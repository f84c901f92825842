"""The examples that a run takes of its data, and what its configuration asks of them in vain."""

from collections.abc import Sequence
from dataclasses import replace

from core.data.sample import largest, spread
from core.distill import schedule
from core.distill.cache import digest
from core.distill.config import RunConfig
from core.errors import ConfigError, DataError
from core.models import existing
from core.runs.labelling import Labels
from core.spelling import shortest
from core.tasks import Dataset, Example, Task
from core.tasks.task import SPLITS


def content(examples: Sequence[Example]) -> str:
    """A hash of all that they say."""
    return digest(text.encode() for e in examples for text in (e.input, e.answer))


def needed(config: RunConfig, data: Dataset) -> Dataset:
    """The examples that the stages, the validations and the report ask for. Of held-out examples those with a gold
    answer, if there are any: models are scored by one measure."""
    return replace(
        data,
        train=tuple(spread(data.train, largest(stage.examples for stage in config.stages))),
        dev=tuple(spread(_graded(data.dev), config.validation_examples)),
        test=tuple(spread(_graded(data.test), config.report_examples)),
    )


def _graded(examples: Sequence[Example]) -> Sequence[Example]:
    return [e for e in examples if e.answer] or examples


def answered(task: Task, data: Dataset, labels: Labels | None) -> Dataset:
    """The data with what its teacher answered in the place of gold that is not known, without what the schema
    refuses. Raises DataError if nothing of a split is left."""

    def answer(text: str) -> str:
        return labels.answers.get(text, "") if labels else shortest(task.template(text))

    every = {s: [e if e.answer else replace(e, answer=answer(e.input)) for e in data.split(s)] for s in SPLITS}
    left = {s: tuple(e for e in examples if e.answer) for s, examples in every.items()}
    if gone := [s for s in SPLITS if data.split(s) and not left[s]]:
        raise DataError(
            f"the data has no gold answers in {gone[0]}, and the schema refuses all that the teacher wrote: give it "
            "worked examples and the schema in its prompt, take another teacher, or add gold answers."
        )
    return Dataset(data.name, **left)


def check(config: RunConfig, examples: int) -> None:
    """Raises ConfigError for what a configuration asks of so many examples in vain."""
    for number, stage in enumerate(config.stages, 1):
        there = min(stage.examples or examples, examples)
        if config.batch_size > there:
            raise ConfigError(f"stage {number} has {there} examples: lower batch_size, which is {config.batch_size}.")
    if config.batch_tokens:
        return  # how many steps there are is known when the examples have been read
    steps = planned_steps(config, [0] * examples)
    if config.student.kind == "existing" and config.student.tuning == "adalora":
        existing.check_steps(sum(steps))
    validations = steps[-1] // config.validate_every
    if config.patience and validations < config.patience:
        raise ConfigError(
            f"patience {config.patience} cannot wear out: the last stage has {steps[-1]} steps and so {validations} "
            "validations: lower patience or validate_every."
        )


def check_gold(config: RunConfig, data: Dataset) -> None:
    """Raises DataError for a stage that learns gold answers which the data does not have."""
    for number, stage in enumerate(config.stages, 1):
        chosen = spread(data.train, stage.examples)
        missing = sum(not e.answer for e in chosen)
        if missing and (stage.method == "gold" or (stage.needs_scores and stage.gold_weight)):
            wants = "the method 'gold'" if stage.method == "gold" else f"gold_weight {stage.gold_weight:g}"
            raise DataError(
                f"stage {number}: {wants} learns the data's own answers, which {missing:,} of {len(chosen):,} training "
                f"examples of {data.name!r} do not have: take the method 'pseudo_labels', 'task' or 'logits', where "
                "the teacher writes them, with gold_weight 0, or add the answers."
            )


def planned_steps(config: RunConfig, lengths: Sequence[int]) -> list[int]:
    """Steps of each stage on examples of so many tokens, which count only under a limit of tokens a batch."""
    return [schedule.steps(config, stage, lengths) for stage in config.stages]
