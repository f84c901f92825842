"""How much faster are constrained answers here than from `transformers.generate` under outlines' logits processor?

The bundled teacher tags the same sentences one at a time, greedily: under the answer's general schema (with two worked
examples in its prompt, which show it the shape) and under each sentence's own (with its adapter, and no examples), with
either library, and here also a token at a time. Speed is bytes of answer a second, because outlines lets the model
spell a forced text in more tokens than the tokenizer would. Compiling a schema is not counted for outlines (half a
second and more for a sentence's own), for ours it is. `identical`: fast-forward wrote what step by step wrote;
`same_as_outlines`: the share of answers that outlines wrote too, letter by letter. `pass_ms`: one forward pass over so
many tokens, which limits what fast-forward can gain. Prints one JSON object last: `python -m bench.decode`.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import torch

from bench.masks import outlines_index, schema_index
from core.constrain import regex, template
from core.constrain.constraints import Constraints
from core.data.sample import spread
from core.evaluate.score import machine
from core.generate.decode import Sampling, generate
from core.models import prompting, teachers
from core.models.language_model import LanguageModel
from core.tasks import POS, Example
from core.tasks.prompt import default_prompt

EXAMPLES = 4
WORDS = range(8, 15)
LONGEST = 200
SHOTS = 2

Way = Callable[[Example], tuple[str, int]]  # the text and its tokens


def main() -> None:
    examples = list(spread([e for e in POS.load(None).test if len(e.input.split()) in WORDS], EXAMPLES))
    plain = teachers.load("smollm2")
    general = schema_index(plain.tokens)
    tuned = teachers.load("smollm2+pos")
    own = {e.input: _own_index(tuned, e.input) for e in examples}
    ways: dict[str, Way] = {
        "outlines_schema": _outlines(plain, SHOTS, lambda _text: general),
        "ours_schema_step_by_step": _ours(plain, SHOTS, conditioned=False, fast_forward=False),
        "ours_schema": _ours(plain, SHOTS, conditioned=False, fast_forward=True),
        "outlines_input_conditioned": _outlines(tuned, 0, own.__getitem__),
        "ours_input_conditioned_step_by_step": _ours(tuned, 0, conditioned=True, fast_forward=False),
        "ours_input_conditioned": _ours(tuned, 0, conditioned=True, fast_forward=True),
    }
    texts: dict[str, list[str]] = {}
    figures: dict[str, dict[str, float]] = {}
    for name, way in ways.items():
        texts[name], figures[name] = _measure(way, examples)
    speed = {name: found["bytes_per_s"] for name, found in figures.items()}
    kinds = ("schema", "input_conditioned")
    print(
        json.dumps(
            {
                "bench": "decode",
                "machine": machine(),
                "examples": len(examples),
                **{f"speedup_{kind}": round(speed[f"ours_{kind}"] / speed[f"outlines_{kind}"], 2) for kind in kinds},
                "identical": all(texts[f"ours_{kind}"] == texts[f"ours_{kind}_step_by_step"] for kind in kinds),
                "same_as_outlines": {k: _share(texts[f"ours_{k}"], texts[f"outlines_{k}"]) for k in kinds},
                "pass_ms": {tokens: _pass_ms(plain, tokens) for tokens in (1, 2, 4, 8, 16)},
                **figures,
            }
        )
    )


def _share(ours: list[str], theirs: list[str]) -> float:
    return round(sum(a == b for a, b in zip(ours, theirs)) / len(ours), 2)


@torch.inference_mode()
def _pass_ms(lm: LanguageModel, tokens: int) -> float:
    """The best of several forward passes over `tokens` tokens."""
    ids = torch.full((1, tokens), 5)
    times = []
    for _ in range(6):
        began = time.perf_counter()
        lm.hidden(input_ids=ids, use_cache=False)
        times.append(time.perf_counter() - began)
    return round(1000 * min(times), 1)


def _own_index(lm: LanguageModel, text: str) -> Any:
    return outlines_index(regex.render(template.expression(POS.template(text))), lm.tokens)


def _outlines(lm: LanguageModel, shots: int, index_of: Callable[[str], Any]) -> Way:
    from outlines.backends.outlines_core import OutlinesCoreLogitsProcessor

    def answer(example: Example) -> tuple[str, int]:
        prompt = torch.tensor([prompting.render(lm, POS, default_prompt(POS, shots), example.input)])
        out = lm.model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            logits_processor=[OutlinesCoreLogitsProcessor(index_of(example.input), "torch")],
            do_sample=False,
            max_new_tokens=LONGEST,
            pad_token_id=lm.eos,
        )[0, prompt.shape[1] :].tolist()
        return lm.tokens.text(out), len(out)

    return answer


def _ours(lm: LanguageModel, shots: int, conditioned: bool, fast_forward: bool) -> Way:
    constraints = Constraints(POS, lm.tokens, conditioned)

    def answer(example: Example) -> tuple[str, int]:
        prompt = prompting.render(lm, POS, default_prompt(POS, shots), example.input)
        mask = constraints.of(example.input)
        found = generate(lm, [prompt], [mask], Sampling(max_new_tokens=LONGEST), fast_forward).generations[0]
        return found.text, len(found.ids)

    return answer


@torch.inference_mode()
def _measure(way: Way, examples: list[Example]) -> tuple[list[str], dict[str, float]]:
    way(examples[0])  # imports, compiled code, first masks
    began = time.perf_counter()
    answers = [way(example) for example in examples]
    seconds = time.perf_counter() - began
    tokens = sum(count for _, count in answers)
    written = sum(len(text.encode()) for text, _ in answers)
    figures = {
        "seconds": round(seconds, 2),
        "tokens": tokens,
        "tokens_per_s": round(tokens / seconds, 1),
        "bytes_per_s": round(written / seconds, 1),
    }
    return [text for text, _ in answers], figures


if __name__ == "__main__":
    main()
