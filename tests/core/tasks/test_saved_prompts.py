"""Prompts on disk: they come back as they were, and what is damaged or misnamed is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from core.tasks import CARS, POS, saved_prompts
from core.tasks.prompt import Prompt, Shot, default_prompt

PROMPT = Prompt(instructions="Tag *it* <b>\n好", with_schema=True, shots=(Shot(input="a\u2028b", answer='{"x":1}'),))


def test_a_prompt_comes_back_and_belongs_to_its_task(tmp_path):
    saved_prompts.save(POS, " my best ", PROMPT, tmp_path)
    saved_prompts.save(POS, "Another", default_prompt(POS, 2), tmp_path)
    assert saved_prompts.names(POS, tmp_path) == ["Another", "my best"]
    assert saved_prompts.read(POS, "my best", tmp_path) == PROMPT
    assert saved_prompts.names(CARS, tmp_path) == []


def test_saving_again_replaces_and_deleting_twice_is_no_error(tmp_path):
    saved_prompts.save(POS, "one", PROMPT, tmp_path)
    saved_prompts.save(POS, "one", default_prompt(POS), tmp_path)
    assert saved_prompts.read(POS, "one", tmp_path) == default_prompt(POS)
    assert [file.name for file in (tmp_path / "pos").iterdir()] == ["one.json"]
    saved_prompts.delete(POS, "one", tmp_path)
    saved_prompts.delete(POS, "one", tmp_path)
    assert saved_prompts.names(POS, tmp_path) == []
    with pytest.raises(ConfigError, match="choose another"):
        saved_prompts.read(POS, "one", tmp_path)


@pytest.mark.parametrize("name", ["", "  ", "../x", "a/b", ".hidden", "a\nb", "x" * 61, "a\x00", "-rf", "<b>"])
def test_names_that_are_no_file(name, tmp_path):
    with pytest.raises(ConfigError, match="cannot name a prompt"):
        saved_prompts.save(POS, name, PROMPT, tmp_path)
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b'{"instructions":""}', b'{"instructions":"a","system":"b"}']
)
def test_a_damaged_file_is_said(content, tmp_path):
    path = saved_prompts.save(POS, "one", PROMPT, tmp_path)
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"'one' cannot be read .*delete it"):
        saved_prompts.read(POS, "one", tmp_path)


@given(st.text(max_size=80))
def test_no_name_leaves_the_folder(name):
    try:
        found = saved_prompts.check(name)
    except ConfigError:
        return
    assert not set(found) & set("/\\\x00\n") and not found.startswith((".", "-"))
