"""Runs a model over examples, by constrained generation, and counts."""

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from core.constrain.constraints import Constraints
from core.evaluate.report import ModelReport, scores
from core.generate.decode import Sampling, generate, room
from core.models.device import device, half_precision
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
    found = _answers(lm, examples, prompt, constraints, should_stop)
    free_outputs = _answers(lm, examples[:free], prompt, None, should_stop).outputs
    return ModelReport(
        name=lm.name,
        role=role,
        parameters=lm.parameters,
        megabytes=megabytes,
        ms_per_example=1000 * found.seconds / max(len(found.outputs), 1),
        model_calls=found.calls,
        scores=scores(task, examples, found.outputs),
        outputs=tuple(found.outputs),
        free_scores=scores(task, examples, free_outputs),
        free_outputs=tuple(free_outputs),
        tokens_per_second=found.tokens / found.seconds if found.seconds else None,
        peak_megabytes=found.peak_megabytes,
    )


@dataclass
class _Answers:
    """`outputs` in the examples' order, or none if it was stopped; `tokens` of all of them, `seconds` of decoding."""

    outputs: list[str]
    calls: int = 0
    tokens: int = 0
    seconds: float = 0.0
    peak_megabytes: float | None = None


def _answers(
    lm: LanguageModel,
    examples: Sequence[Example],
    prompt: Callable[[str], list[int]],
    constraints: Constraints | None,
    should_stop: Callable[[], bool],
) -> _Answers:
    """Similar lengths are decoded together. Where no input's own schema ends an answer, it has `room` by gold's."""
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].input))
    texts: dict[int, str] = {}
    found = _Answers([])
    on_gpu, before = device().type == "cuda", 0
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    for start in range(0, len(order), BATCH):
        group = order[start : start + BATCH]
        prompts = [prompt(examples[i].input) for i in group]
        own = [constraints.of(examples[i].input) for i in group] if constraints else None
        longest = max(len(lm.encode(examples[i].answer)) for i in group)
        limit = lm.context if constraints and constraints.conditioned else room(longest)
        batch = generate(lm, prompts, own, Sampling(max_new_tokens=limit), should_stop=should_stop)
        if should_stop():
            break
        texts |= {i: generation.text for i, generation in zip(group, batch.generations, strict=True)}
        found.calls, found.seconds = found.calls + batch.model_calls, found.seconds + batch.seconds
        found.tokens += sum(len(generation.ids) for generation in batch.generations)
    if len(texts) == len(examples):
        found.outputs = [texts[i] for i in sorted(texts)]
    if on_gpu:  # other models are there as well: what answering took, and this one's weights
        weights = sum(p.nbytes for p in lm.model.parameters())
        found.peak_megabytes = (torch.cuda.max_memory_allocated() - before + weights) / 1e6
    return found


def machine() -> str:
    """What the figures were measured on."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    in_bf16 = ", bf16" * (half_precision() == torch.bfloat16)
    return f"{platform.machine()} CPU, {os.cpu_count()} cores, {threads} thread{'s' * (threads != 1)} in use{in_bf16}"
