"""Runs a model over examples, by constrained generation, and counts."""

import os
import platform
from collections.abc import Callable, Sequence

from core.constrain.constraints import Constraints
from core.evaluate.report import ModelReport, scores
from core.generate.decode import Sampling, generate
from core.models.language_model import LanguageModel
from core.tasks.task import Example, Task

BATCH = 12


def evaluate(
    lm: LanguageModel,
    task: Task,
    examples: Sequence[Example],
    prompt: Callable[[str], list[int]],
    *,
    role: str,
    megabytes: float,
    conditioned: bool = True,
    free: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
) -> ModelReport:
    """Answers and scores of `examples`; the first `free` of them once more without the constraint."""
    constraints = Constraints(task, lm.tokens, conditioned)
    outputs, calls, seconds = _answers(lm, examples, prompt, constraints, should_stop)
    free_outputs, _, _ = _answers(lm, examples[:free], prompt, None, should_stop)
    return ModelReport(
        name=lm.name,
        role=role,
        parameters=lm.parameters,
        megabytes=megabytes,
        ms_per_example=1000 * seconds / max(len(outputs), 1),
        model_calls=calls,
        scores=scores(task, examples, outputs),
        outputs=tuple(outputs),
        free_scores=scores(task, examples, free_outputs),
        free_outputs=tuple(free_outputs),
    )


def _answers(
    lm: LanguageModel,
    examples: Sequence[Example],
    prompt: Callable[[str], list[int]],
    constraints: Constraints | None,
    should_stop: Callable[[], bool],
) -> tuple[list[str], int, float]:
    """Outputs in the examples' order; similar lengths are decoded together. Where no input's own schema ends
    an answer, it may be a quarter longer than gold: some would never end."""
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].input))
    found: dict[int, str] = {}
    calls, seconds = 0, 0.0
    for start in range(0, len(order), BATCH):
        group = order[start : start + BATCH]
        prompts = [prompt(examples[i].input) for i in group]
        own = [constraints.of(examples[i].input) for i in group] if constraints else None
        longest = max(len(lm.encode(examples[i].answer)) for i in group)
        limit = lm.context if constraints and constraints.conditioned else longest * 5 // 4 + 16
        batch = generate(lm, prompts, own, Sampling(max_new_tokens=limit), should_stop=should_stop)
        if should_stop():
            break
        found |= {i: generation.text for i, generation in zip(group, batch.generations, strict=True)}
        calls, seconds = calls + batch.model_calls, seconds + batch.seconds
    return [found[i] for i in sorted(found)] if len(found) == len(examples) else [], calls, seconds


def machine() -> str:
    """What the figures were measured on."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {os.cpu_count()} cores, {torch.get_num_threads()} thread(s) in use"
