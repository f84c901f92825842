"""A prompt's parts add up to it; a question by itself is what the model's chat template makes of it."""

import pytest

from core.errors import ModelError
from core.models import checkpoint, prompting, students, teachers
from core.models.language_model import LanguageModel
from core.models.student_config import StudentConfig
from core.tasks import POS
from core.tasks.prompt import Prompt, default_prompt
from tests.core.models.test_vocabulary import fast, sentencepiece_bpe


@pytest.fixture(scope="module", params=["normaliser", "metaspace"])
def llama(request, tmp_path_factory):
    """Its tokenizer puts <s> before every text, as Llama's and Gemma's do (and </s> after it, as they do not)."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = fast(
        sentencepiece_bpe(request.param), tmp_path_factory, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )
    shape = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        tie_word_embeddings=True, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return LanguageModel.of("llama", LlamaForCausalLM(shape).eval(), tokenizer)


def read_whole(lm, text):
    return lm.tokenizer(text)["input_ids"][:-1]


def test_what_the_tokenizer_puts_first_is_read_first(llama):
    prompt = default_prompt(POS, 1)
    text = prompting.text_of(llama, POS, prompt, "Go !")
    ids = prompting.render(llama, POS, prompt, "Go !")
    assert text.startswith("<s>" + prompt.instructions[:9]) and ids.count(1) == 1
    first = prompt.instructions.split()[0]
    assert ids[:2] == read_whole(llama, first)[:2]
    assert prompting.question(llama, "Why?")[0] == 1
    assert sum(prompting.lengths(llama, POS, prompt, "Go !").values()) == len(ids)
    assert llama.student_prompt("Go !") == [*read_whole(llama, "Go !"), 2]
    assert llama.encode("Go !")[0] != 1


def test_a_chat_template_writes_the_beginning_itself(llama, monkeypatch):
    monkeypatch.setattr(llama, "prompts", {})
    for written in ("", "<s>"):
        llama.prompts.clear()
        monkeypatch.setattr(llama.tokenizer, "chat_template", written + "[{{ messages[-1]['content'] }}]")
        assert prompting.question(llama, "x").count(1) == len(written) // 3
        assert prompting.text_of(llama, POS, Prompt(instructions="Tag."), "Go !") == written + "[Go !]"


@pytest.mark.parametrize("kind", ["cut", "scratch"])
def test_a_student_reads_the_beginning_of_the_model_it_is_made_from(llama, tmp_path, kind):
    shape = {"cut": {"layers": (0,)}, "scratch": {"width": 16, "heads": 2, "depth": 1}}[kind]
    student = students.build(StudentConfig(kind=kind, vocabulary=400, context=256, **shape), llama, [], seed=0)
    checkpoint.save(student, tmp_path)
    for lm in (student, checkpoint.load(tmp_path, "again")):
        bos = lm.tokenizer.bos_token_id
        assert bos != lm.eos and lm.student_prompt("Go !")[0] == lm.model.config.bos_token_id == bos


def test_without_a_beginning_nothing_is_put_first(teacher, bundled_teacher):
    for lm in (teacher, bundled_teacher):
        assert lm.beginning == [] and lm.student_prompt("Go !") == [*lm.encode("Go !"), lm.eos]


def test_a_question_stands_alone_and_stays_text(teacher):
    ids = prompting.question(teacher, "Which <|control|> day?")
    assert teacher.tokens.text(ids) == "Which <|control|> day?\nAnswer: "
    assert teacher.tokenizer.convert_tokens_to_ids("<|control|>") not in ids


@pytest.mark.parametrize("template", ["{{ raise_exception('no') }}", "{{ nothing.at.all }}", "always the same"])
def test_a_template_that_cannot_be_used_is_refused(teacher, template, monkeypatch):
    monkeypatch.setattr(teacher, "prompts", {})
    monkeypatch.setattr(teacher.tokenizer, "chat_template", template)
    with pytest.raises(ModelError, match="chat template of tiny"):
        prompting.question(teacher, "x")
    with pytest.raises(ModelError, match="chat template of tiny"):
        prompting.render(teacher, POS, default_prompt(POS), "x")


def test_a_template_without_a_system_role_reads_it_with_the_first_turn(teacher, monkeypatch):
    template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
        "[{{ m.content }}]{% endfor %}"
    )
    monkeypatch.setattr(teacher, "prompts", {})
    monkeypatch.setattr(teacher.tokenizer, "chat_template", template)
    assert prompting.text_of(teacher, POS, Prompt(instructions="Tag."), "Go !") == "[Tag.\n\nGo !]"


@pytest.mark.parametrize(("shots", "schema"), [(0, False), (0, True), (2, False), (2, True)])
def test_the_parts_add_up_to_the_prompt(teacher, shots, schema):
    prompt = default_prompt(POS, shots, schema)
    found = prompting.lengths(teacher, POS, prompt, "The dog sleeps .")
    assert sum(found.values()) == len(prompting.render(teacher, POS, prompt, "The dog sleeps ."))
    assert found["input"] == len(teacher.encode("The dog sleeps ."))
    assert (found["shots"] > 0, found["schema"] > 0) == (bool(shots), schema)
    assert found["instructions"] == len(teacher.encode(POS.instructions))


def test_the_parts_of_a_chat_template(bundled_teacher):
    prompt = default_prompt(POS, 2, True)
    found = prompting.lengths(bundled_teacher, POS, prompt, "Go !")
    assert sum(found.values()) == len(prompting.render(bundled_teacher, POS, prompt, "Go !"))
    assert found["template"] > 0 and min(found.values()) >= 0


@pytest.mark.parametrize("kind", ["cut", "scratch", "full", "prompted"])
def test_a_student_that_teaches_reads_what_it_learned_to_read(teacher, teacher_folder, tmp_path, kind):
    shapes = {
        "cut": {"kind": "cut", "layers": (0,), "vocabulary": 400, "context": 256},
        "scratch": {"kind": "scratch", "width": 16, "depth": 1, "heads": 2, "vocabulary": 400, "context": 256},
        "full": {"kind": "existing", "tuning": "full"},
        "prompted": {"kind": "existing", "tuning": "full", "prompted": True},
    }
    base = teachers.load(str(teacher_folder))
    student = students.build(StudentConfig(**shapes[kind]), base, [], seed=0)
    checkpoint.save(student, tmp_path / "student")
    again, prompt = teachers.load(str(tmp_path / "student")), default_prompt(POS, 1)
    alone = again.student_prompt("Go !")
    found = prompting.render(again, POS, prompt, "Go !")
    assert again.reads_input_alone == (found == alone) == (kind != "prompted")
    assert again.tokenizer.decode(found) == prompting.text_of(again, POS, prompt, "Go !")
    assert sum(prompting.lengths(again, POS, prompt, "Go !").values()) == len(found)
    assert (prompting.question(again, "Go !") == alone) == again.reads_input_alone


def test_an_adapter_leaves_its_base_a_teacher(teacher_folder):
    base = teachers.load(str(teacher_folder))
    students.build(StudentConfig(kind="existing", lora_rank=2), base, [], seed=0)
    assert not base.reads_input_alone
