"""What a prompt's parts cost: they add up to the prompt."""

import pytest

from core.models import prompting
from core.tasks import POS
from core.tasks.prompt import default_prompt


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
