"""Answers are spelled as they stand, also by tokenizers that put a blank before every text."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tokenizers import pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

from core.constrain.constraints import Constraints
from core.constrain.masks import FORCED, MaskStore
from core.distill.sequences import tokenise, used_tokens
from core.generate.decode import Sampling, generate
from core.generate.reading import read
from core.models import prefix, prompting, students
from core.models.language_model import LanguageModel
from core.models.student_config import StudentConfig
from core.tasks import POS
from core.tasks.prompt import default_prompt
from tests.core.constrain.test_tokens import TEXTS, byte_level, fast, gemma, llama2, llama2_metaspace
from tests.core.models.test_vocabulary import unigram


def prefixed_bytes():
    backend = byte_level()
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return fast(backend)


KINDS = {
    "byte-level": fast(byte_level()),
    "byte-level after a blank": prefixed_bytes(),
    "Llama 2": llama2(),
    "Llama 2 by Metaspace": llama2_metaspace(),
    "Gemma": gemma(),
    "Unigram": fast(unigram(byte_fallback=True)),
}


def model(tokenizer):
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=2048, tie_word_embeddings=True, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return LanguageModel.of("tiny", LlamaForCausalLM(config).eval(), tokenizer)


@pytest.fixture(scope="module", params=KINDS)
def lm(request):
    return model(KINDS[request.param])


@given(text=TEXTS)
def test_a_text_is_spelled_as_it_stands(lm, text):
    assume("▁" not in text and "<0x" not in text)  # ▁ is a blank to them; Unigram takes <0x41> for an A
    assert lm.tokens.text(lm.encode(text)) == text


@given(texts=st.lists(TEXTS, min_size=1, max_size=3))
def test_a_text_is_read_as_transformers_would(lm, texts):
    """Whatever the last caller of the same tokenizer asked for."""
    text = "</s>".join(texts)
    expected = lm.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    lm.tokenizer.backend_tokenizer.enable_truncation(2)
    lm.tokenizer.backend_tokenizer.enable_padding(length=50)
    lm.tokenizer.backend_tokenizer.encode_special_tokens = False
    assert lm.student_prompt(text) == [*lm.beginning, *expected, lm.eos]
    if lm._in_the_middle is lm._plain:
        assert lm.encode(text) == expected


def test_a_tokenizer_without_a_prefix_is_not_copied_twice():
    for name, is_copied in {"Gemma": False, "Llama 2": True}.items():
        plain = prefix.plain(KINDS[name])
        assert plain is not KINDS[name].backend_tokenizer and (prefix.without(plain) is not plain) == is_copied


def test_gold_answers_are_read_and_forced(lm):
    examples = POS.load(None).dev[:2]
    constraints, store = Constraints(POS, lm.tokens, True), MaskStore(lm.tokens)
    for one, example in zip(tokenise(lm, constraints, examples, store, lm.student_prompt), examples):
        assert lm.tokens.text(list(one.answer)) == example.answer and FORCED in one.rows
    constraint = constraints.of(examples[0].input)
    assert read(lm, constraint, lm.student_prompt(examples[0].input), examples[0].answer)
    found = generate(lm, [lm.student_prompt("Go !")], [constraint], Sampling(max_new_tokens=9)).generations[0]
    assert found.forced[0]


def test_a_student_keeps_the_tokens_of_its_prompts(lm):
    examples = POS.load(None).dev[:2]
    student = students.build(StudentConfig(layers=(0,), vocabulary=300), lm, used_tokens(lm, POS, examples), seed=0)
    old = students.old_ids(student, lm)
    for example in examples:
        assert [old[i] for i in student.student_prompt(example.input)] == lm.student_prompt(example.input)
        assert [old[i] for i in student.encode(example.answer)] == lm.encode(example.answer)


def test_only_a_prompts_beginning_has_the_blank(lm, monkeypatch):
    monkeypatch.setattr(lm.tokenizer, "chat_template", "[INST] {{ messages[-1]['content'] }} [/INST]")
    ids = prompting.render(lm, POS, default_prompt(POS), "Go !")
    assert lm.tokens.text(ids).removeprefix(" ") == "[INST] Go ! [/INST]"
