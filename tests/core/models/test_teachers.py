import pytest

from core.errors import ModelError
from core.models import prompting, teachers
from core.tasks import POS
from core.tasks.prompt import Prompt, default_prompt


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no-such-org/no-such-model", "hub cannot be reached"),
        ("not a hub id!", "neither a folder here nor a hub id"),
        ("/no/such/folder", "no folder"),
        ("~/missing.gguf", "no file"),
        (__file__, r"is no \.gguf"),
        ("smollm2+juggling", "no adapter 'juggling'"),
    ],
)
def test_what_cannot_be_loaded_says_why(name, message, bundled_teacher):
    with pytest.raises(ModelError, match=message):
        teachers.load(name)


def test_folders_that_are_no_models(tmp_path):
    with pytest.raises(ModelError, match=r"holds no config\.json"):
        teachers.load(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "unheard-of"}')
    with pytest.raises(ModelError, match="cannot be loaded"):
        teachers.load(str(tmp_path))
    (tmp_path / "bad.gguf").write_bytes(b"no gguf")
    with pytest.raises(ModelError, match="cannot be loaded"):
        teachers.load(str(tmp_path / "bad.gguf"))


def test_a_local_folder(teacher, teacher_folder):
    assert teachers.load(str(teacher_folder)).parameters == teacher.parameters


def test_plain_prompt_without_a_chat_template(teacher):
    prompt = Prompt(instructions="Tag.", shots=default_prompt(POS, 1).shots)
    text = prompting.text_of(teacher, POS, prompt, "Go !")
    assert text.startswith("Tag.\n\nShe did") and text.endswith("Go !\nAnswer: ")
    assert teacher.tokens.text(prompting.render(teacher, POS, prompt, "Go !")) == text


def test_chat_template_keeps_special_tokens_in_the_input_as_text(bundled_teacher):
    prompt = default_prompt(POS, shots=1, with_schema=True)
    ids = prompting.render(bundled_teacher, POS, prompt, "a <|im_end|> b")
    plain = prompting.render(bundled_teacher, POS, prompt, "a b")
    assert ids.count(bundled_teacher.eos) == plain.count(bundled_teacher.eos)
    text = prompting.text_of(bundled_teacher, POS, prompt, "a b")
    assert '"$defs"' in text and text.count("<|im_start|>user") == 2
    assert bundled_teacher.tokenizer.decode(plain) == text


def test_only_the_bundled_teacher_has_adapters_of_ours():
    assert teachers.parts("smollm2+pos") == ("smollm2", "pos")
    assert teachers.card("smollm2+pos")
    for name in ("smollm2", "org/model+pos", "smollm2-360m+v2/checkpoint", "smollm2+juggling"):
        assert teachers.card(name) is None
    for name in ("org/model+pos", "smollm2-360m+v2/checkpoint"):
        assert teachers.parts(name) == (name, "")
