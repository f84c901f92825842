from dataclasses import replace

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM

from core.constrain import schema, template, tokens
from core.constrain.constraints import Constraints
from core.constrain.engines.choice import build
from core.constrain.engines.constraint import check_beginning
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.masks import FORCED, MaskStore
from core.errors import ConfigError, ModelError, SchemaError
from core.generate import decode
from core.generate.decode import Sampling, generate
from core.models.language_model import LanguageModel
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


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("conditioned", [True, False])
@pytest.mark.parametrize("task", [POS, CARS], ids=lambda t: t.name)
def test_fast_forward_equals_step_by_step(teacher, task, conditioned, temperature):
    texts = [e.input for e in task.load(None).dev[:3]]
    prompts = [teacher.student_prompt(text) for text in texts]

    def decode(fast_forward):
        owners = Constraints(task, teacher.tokens, conditioned)
        sampling = Sampling(temperature, max_new_tokens=150)
        return generate(teacher, prompts, [owners.of(t) for t in texts], sampling, fast_forward=fast_forward)

    fast, slow = decode(True), decode(False)
    assert [g.ids for g in fast.generations] == [g.ids for g in slow.generations]
    assert fast.model_calls < slow.model_calls


@pytest.fixture(scope="module")
def windowed(teacher):
    """A model whose layers see eight tokens back."""
    config = MistralConfig(**teacher.model.config.to_dict() | {"sliding_window": 8, "head_dim": None})
    torch.manual_seed(1)
    return LanguageModel.of("windowed", MistralForCausalLM(config).eval(), teacher.tokenizer)


@pytest.mark.parametrize("model", ["teacher", "windowed"])
def test_batched_equals_alone(model, request):
    lm = request.getfixturevalue(model)
    owners = Constraints(POS, lm.tokens, True)
    together = generate(lm, [lm.student_prompt(t) for t in TEXTS], [owners.of(t) for t in TEXTS]).generations
    for text, generation in zip(TEXTS, together):
        alone = generate(lm, [lm.student_prompt(text)], [owners.of(text)]).generations[0]
        assert alone.ids == generation.ids
        assert POS.parse(generation.text) is not None and generation.complete


def test_what_a_row_draws_depends_on_its_number_alone(teacher):
    prompts, sampling = [teacher.student_prompt(t) for t in TEXTS], Sampling(1.0, max_new_tokens=20)
    alone = generate(teacher, prompts[:1], sampling=sampling).generations[0].ids
    first, *others = (g.ids for g in generate(teacher, prompts, sampling=sampling).generations)
    assert first == alone
    same = generate(teacher, [prompts[0]] * 3, sampling=sampling).generations
    assert same[0].ids == alone and len({tuple(g.ids) for g in same}) == 3
    assert [g.ids for g in generate(teacher, prompts[:2], sampling=sampling).generations] == [first, others[0]]


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
    owner = DfaConstraint(template.automaton(POS.template("Go !")), teacher.tokens)
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


@pytest.mark.parametrize("task", [POS, CARS], ids=lambda t: t.name)
def test_forced_is_what_training_takes_for_forced(teacher, task):
    """Also in an answer that was cut short, which on-policy training learns from."""
    text = task.load(None).dev[0].input
    constraint = Constraints(task, teacher.tokens, True).of(text)
    for length in (1, 3, 5, 12, 40, 500):
        sampling = Sampling(1.0, max_new_tokens=length)
        found = generate(teacher, [teacher.student_prompt(text)], [constraint], sampling).generations[0]
        rows = MaskStore(teacher.tokens).positions(constraint, found.ids, teacher.encode)
        assert found.forced == (rows == FORCED).tolist()


def test_every_token_is_told_as_it_comes(teacher):
    owners = Constraints(POS, teacher.tokens, True)
    for text in TEXTS:
        told = []
        batch = generate(teacher, [teacher.student_prompt(text)], [owners.of(text)], written=told.append)
        (found,) = batch.generations
        assert [w.token for w in told] == found.ids and [w.forced for w in told] == found.forced


def test_a_head_for_few_tokens_chooses_as_the_full_one(teacher, monkeypatch):
    owners = Constraints(CARS, teacher.tokens, True)
    texts = [e.input for e in CARS.load(None).dev[:3]]

    def answers():
        prompts = [teacher.student_prompt(t) for t in texts]
        return [g.ids for g in generate(teacher, prompts, [owners.of(t) for t in texts]).generations]

    few = answers()
    monkeypatch.setattr(decode, "FEW", 0)
    assert answers() == few


@pytest.mark.parametrize("engine", ["llguidance", "xgrammar", "outlines"])
def test_other_engines_decode_too(teacher, engine):
    """Their forced runs differ, because a run they cannot tell is asked of the model; what they accept is the same."""
    found = schema.from_pydantic(POS.output)
    constraint = build(found, teacher.tokens, engine)
    generation = generate(teacher, [teacher.student_prompt("Go !")], [constraint], Sampling(max_new_tokens=60))
    text = generation.generations[0].text
    assert check_beginning(build(found, teacher.tokens, "dfa"), text) == generation.generations[0].complete


def test_what_cannot_be_decoded_is_named(teacher, tokenizer):
    prompt = teacher.student_prompt("Go !")
    other = Constraints(POS, tokens.from_tokenizer(tokenizer), True).of("Go !")
    with pytest.raises(SchemaError, match="another tokenizer than tiny"):
        generate(teacher, [prompt], [other])
    with pytest.raises(SchemaError, match="2 prompts have 1 constraints"):
        generate(teacher, [prompt, prompt], [Constraints(POS, teacher.tokens, True).of("Go !")])


def test_a_text_that_the_tokenizer_cannot_write_is_named(teacher):
    spelled = tuple(b"" if b"z" in text else text for text in teacher.tokens.bytes_of)
    lacking = replace(teacher, tokens=tokens.TokenTable(spelled, teacher.eos))
    owner = DfaConstraint(template.automaton(("ab", ("zz", "zy")), "letters"), lacking.tokens)
    with pytest.raises(SchemaError, match="the schema 'letters' asks for after 'ab': no token begins with z"):
        generate(lacking, [teacher.student_prompt("Go !")], [owner])


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": -1}, {"temperature": float("nan")}, {"temperature": 1e-45}, {"top_p": 0}, {"top_k": -3},
     {"seed": 2**70}, {"max_new_tokens": 0}],
)  # fmt: skip
def test_sampling_that_makes_no_sense(wrong):
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))} does not make sense"):
        Sampling(**wrong)


@pytest.mark.parametrize(
    ("prompt", "message"), [([], "the prompt is empty"), ([99_999], "outside the vocabulary of 700")]
)
def test_prompts_that_cannot_be_read(teacher, prompt, message):
    with pytest.raises(ModelError, match=message):
        generate(teacher, [prompt])
