"""A question by itself, as the model's chat template writes it."""

import pytest

from core.errors import ModelError
from core.models import prompting


def test_a_question_stands_alone_and_stays_text(teacher):
    ids = prompting.question(teacher, "Which <|control|> day?")
    assert teacher.tokens.text(ids) == "Which <|control|> day?\nAnswer: "
    assert teacher.tokenizer.convert_tokens_to_ids("<|control|>") not in ids


@pytest.mark.parametrize("template", ["{{ raise_exception('no') }}", "always the same"])
def test_a_template_that_cannot_be_used_is_refused(teacher, template, monkeypatch):
    monkeypatch.setattr(teacher, "prompts", {})
    monkeypatch.setattr(teacher.tokenizer, "chat_template", template)
    with pytest.raises(ModelError, match="chat template of tiny"):
        prompting.question(teacher, "x")
