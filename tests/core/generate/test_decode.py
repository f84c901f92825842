import pytest
import torch

from core.constrain import automaton
from core.constrain.constraints import Constraints
from core.constrain.engines import DfaConstraint
from core.errors import ModelError
from core.generate.decode import Sampling, generate
from core.tasks import CARS, POS

TEXTS = ["Go !", "She left early , did n't she ?", "“ 好 ” , they said ."]


def reference(lm, prompt, length):
    ids = torch.tensor([prompt])
    out = lm.model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=length, do_sample=False, pad_token_id=lm.eos
    )
    return out[0, len(prompt) :].tolist()


def test_unconstrained_greedy_is_transformers_generate_token_for_token(teacher):
    prompts = [teacher.student_prompt(text) for text in TEXTS]
    found = generate(teacher, prompts, sampling=Sampling(max_new_tokens=24)).generations
    assert [g.ids for g in found] == [reference(teacher, prompt, 24) for prompt in prompts]


@pytest.mark.parametrize("conditioned", [True, False])
@pytest.mark.parametrize("task", [POS, CARS], ids=lambda t: t.name)
def test_fast_forward_equals_step_by_step(teacher, task, conditioned):
    texts = [e.input for e in task.load(None).dev[:3]]
    prompts = [teacher.student_prompt(text) for text in texts]

    def decode(fast_forward):
        owners = Constraints(task, teacher.tokens, conditioned)
        return generate(
            teacher, prompts, [owners.of(t) for t in texts], Sampling(max_new_tokens=150), fast_forward=fast_forward
        )

    fast, slow = decode(True), decode(False)
    assert [g.ids for g in fast.generations] == [g.ids for g in slow.generations]
    assert fast.model_calls < slow.model_calls


def test_batched_equals_alone(teacher):
    owners = Constraints(POS, teacher.tokens, True)
    together = generate(teacher, [teacher.student_prompt(t) for t in TEXTS], [owners.of(t) for t in TEXTS]).generations
    for text, generation in zip(TEXTS, together):
        alone = generate(teacher, [teacher.student_prompt(text)], [owners.of(text)]).generations[0]
        assert alone.ids == generation.ids
        assert POS.parse(generation.text) is not None and generation.complete


def test_sampling_is_repeatable_and_keeps_to_top_k(teacher):
    prompt = [teacher.student_prompt("Go !")]
    runs = [generate(teacher, prompt, sampling=Sampling(1.0, seed=s, max_new_tokens=20)) for s in (3, 3, 4)]
    ids = [run.generations[0].ids for run in runs]
    assert ids[0] == ids[1] != ids[2]
    greedy = generate(teacher, prompt, sampling=Sampling(max_new_tokens=20)).generations[0].ids
    for narrow in (Sampling(1.0, top_k=1, max_new_tokens=20), Sampling(1.0, top_p=1e-9, max_new_tokens=20)):
        assert generate(teacher, prompt, sampling=narrow).generations[0].ids == greedy


def test_stop_and_limits(teacher):
    prompt = teacher.student_prompt("Go !")
    stopped = generate(teacher, [prompt], should_stop=lambda: True).generations[0]
    assert stopped.ids == [] and not stopped.complete
    owner = DfaConstraint(automaton.from_template(POS.template("Go !")), teacher.tokens)
    short = generate(teacher, [prompt], [owner], Sampling(max_new_tokens=7)).generations[0]
    assert len(short.ids) == 7 and not short.complete
    with pytest.raises(ModelError, match=r"needs 1,025 tokens and tiny reads at most 1,024"):
        generate(teacher, [[5] * 1024])


def test_special_tokens_in_the_input_are_read_as_text(teacher):
    assert teacher.eos not in teacher.encode("a <|end|> b")
    assert teacher.tokens.text(teacher.encode("a <|end|> b")) == "a <|end|> b"


def test_forced_runs_are_spelled_as_the_tokenizer_spells_them(teacher):
    owner = Constraints(POS, teacher.tokens, True).of("Go !")
    generation = generate(teacher, [teacher.student_prompt("Go !")], [owner]).generations[0]
    runs, run = [], []
    for token, forced in zip(generation.ids, generation.forced):
        if forced:
            run.append(token)
        elif run:
            runs.append(run)
            run = []
    assert runs
    for run in runs:
        assert teacher.encode(teacher.tokens.text(run)) == run
