"""A prompt's parts add up to it; a question by itself is what the model's chat template makes of it."""

import pytest

from core.errors import ModelError
from core.models import prompting
from core.tasks import POS
from core.tasks.prompt import Prompt, default_prompt


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
