"""How much faster are constrained answers here than from `transformers.generate` under outlines' logits processor?

The bundled teacher with its adapter tags the same sentences one at a time, greedily: under the answer's general schema
and under each sentence's own, with either library, and here also a token at a time. Compiling a schema is not counted
for outlines (half a second and more for a sentence's own), for ours it is. `identical`: whether every sentence got the
same text from both. Prints one JSON object last: `python -m bench.decode`.
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

EXAMPLES = 6
WORDS = range(8, 15)
LONGEST = 400

Answer = Callable[[Example], tuple[str, int]]  # the text and its tokens


def main() -> None:
    lm = teachers.load("smollm2+pos")
    examples = spread([e for e in POS.load(None).test if len(e.input.split()) in WORDS], EXAMPLES)
    general = schema_index(lm.tokens)
    own = {e.input: _own_index(lm, e.input) for e in examples}
    ways: dict[str, Answer] = {
        "outlines_schema": _outlines(lm, lambda _text: general),
        "outlines_input_conditioned": _outlines(lm, own.__getitem__),
        "ours_schema_step_by_step": _ours(lm, conditioned=False, fast_forward=False),
        "ours_schema": _ours(lm, conditioned=False, fast_forward=True),
        "ours_input_conditioned_step_by_step": _ours(lm, conditioned=True, fast_forward=False),
        "ours_input_conditioned": _ours(lm, conditioned=True, fast_forward=True),
    }
    texts, figures = {}, {}
    for name, way in ways.items():
        texts[name], figures[name] = _measure(way, list(examples))
    seconds = {name: found["seconds"] for name, found in figures.items()}
    print(
        json.dumps(
            {
                "bench": "decode",
                "machine": machine(),
                "examples": len(examples),
                "speedup_schema": round(seconds["outlines_schema"] / seconds["ours_schema"], 2),
                "speedup_input_conditioned": round(
                    seconds["outlines_input_conditioned"] / seconds["ours_input_conditioned"], 2
                ),
                "identical": all(
                    texts[name] == texts[name.replace("ours", "outlines").removesuffix("_step_by_step")]
                    for name in texts
                ),
                **figures,
            }
        )
    )


def _own_index(lm: LanguageModel, text: str) -> Any:
    return outlines_index(regex.render(template.expression(POS.template(text))), lm.tokens)


def _outlines(lm: LanguageModel, index_of: Callable[[str], Any]) -> Answer:
    from outlines.backends.outlines_core import OutlinesCoreLogitsProcessor

    def answer(example: Example) -> tuple[str, int]:
        prompt = torch.tensor([prompting.render(lm, POS, default_prompt(POS), example.input)])
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


def _ours(lm: LanguageModel, conditioned: bool, fast_forward: bool) -> Answer:
    constraints = Constraints(POS, lm.tokens, conditioned)

    def answer(example: Example) -> tuple[str, int]:
        prompt = prompting.render(lm, POS, default_prompt(POS), example.input)
        mask = constraints.of(example.input)
        found = generate(lm, [prompt], [mask], Sampling(max_new_tokens=LONGEST), fast_forward).generations[0]
        return found.text, len(found.ids)

    return answer


@torch.inference_mode()
def _measure(way: Answer, examples: list[Example]) -> tuple[list[str], dict[str, float]]:
    way(examples[0])  # imports, compiled code, first masks
    began = time.perf_counter()
    answers = [way(example) for example in examples]
    seconds = time.perf_counter() - began
    tokens = sum(count for _, count in answers)
    figures = {"seconds": round(seconds, 2), "tokens": tokens, "tokens_per_s": round(tokens / seconds, 1)}
    return [text for text, _ in answers], figures


if __name__ == "__main__":
    main()
