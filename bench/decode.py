"""How much faster are constrained answers here than with outlines over transformers, which one would use instead?

The teacher tags the same sentences one at a time in three ways: outlines with the output's pydantic type; our
decoding a token at a time; our decoding with fast-forward, under the sentence's own schema. Prints one JSON object
last; ratios are of milliseconds a token, so that answers of different length compare: `python -m bench.decode`.
"""

import json
import time
from collections.abc import Callable

import outlines
import torch

from core.constrain.constraints import Constraints
from core.data.sample import spread
from core.evaluate.score import machine
from core.generate.decode import Sampling, generate
from core.models import prompting, teachers
from core.tasks import POS, Example
from core.tasks.prompt import default_prompt

EXAMPLES = 6
LONGEST = 400


def main() -> None:
    lm = teachers.load("smollm2+pos")
    prompt = default_prompt(POS)
    examples = spread(POS.load(None).test, EXAMPLES)
    general = outlines.Generator(outlines.from_transformers(lm.model, lm.tokenizer), POS.output)
    constraints = Constraints(POS, lm.tokens, conditioned=True)

    def with_outlines(example: Example) -> int:
        text = prompting.text_of(lm, POS, prompt, example.input)
        return len(lm.encode(str(general(text, max_new_tokens=LONGEST, do_sample=False))))

    def ours(fast_forward: bool) -> Callable[[Example], int]:
        def answer(example: Example) -> int:
            ids = prompting.render(lm, POS, prompt, example.input)
            mask = constraints.of(example.input)
            batch = generate(lm, [ids], [mask], Sampling(max_new_tokens=LONGEST), fast_forward)
            return len(batch.generations[0].ids)

        return answer

    ways = {"outlines": with_outlines, "step_by_step": ours(False), "fast_forward": ours(True)}
    found = {name: _measure(way, examples) for name, way in ways.items()}
    fast = found["fast_forward"]["ms_per_token"]
    print(
        json.dumps(
            {
                "bench": "decode",
                "machine": machine(),
                "examples": EXAMPLES,
                **found,
                "ratio_to_outlines": round(found["outlines"]["ms_per_token"] / fast, 2),
                "ratio_to_step_by_step": round(found["step_by_step"]["ms_per_token"] / fast, 2),
            }
        )
    )


@torch.inference_mode()
def _measure(way: Callable[[Example], int], examples: list[Example]) -> dict[str, float]:
    way(examples[0])  # masks, compilation
    began = time.perf_counter()
    tokens = sum(way(example) for example in examples)
    seconds = time.perf_counter() - began
    return {"seconds": round(seconds, 2), "tokens": tokens, "ms_per_token": round(1000 * seconds / tokens, 2)}


if __name__ == "__main__":
    main()
