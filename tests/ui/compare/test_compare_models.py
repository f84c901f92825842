"""What Compare asks of real models: samples from one seed, and where two part."""

import pytest

from core.errors import DataError
from core.tasks import POS
from core.tasks.prompt import default_prompt
from ui import engine

SENTENCE = POS.shots[2]


def draw(lm, seed=0, constrained=True, text=SENTENCE.input, tick=lambda: None):
    return engine.samples(
        lm, POS, text, None, count=5, seed=seed, constrained=constrained, conditioned=True, tick=tick
    )  # fmt: skip


def test_samples_follow_the_seed_and_the_mask(teacher):
    found = draw(teacher)
    assert found == draw(teacher) != draw(teacher, seed=1)
    assert len(found) == 5 and len(set(found)) > 1
    assert all(POS.parse(sample) is not None for sample in found)
    free = draw(teacher, constrained=False)
    assert free == draw(teacher, constrained=False) and any(POS.parse(sample) is None for sample in free)


def test_drawing_can_be_stopped(teacher):
    class Stop(Exception):
        pass

    def tick():
        raise Stop

    with pytest.raises(Stop):
        draw(teacher, tick=tick)
    assert len(draw(teacher)) == 5  # the lock was given back


def test_nothing_is_drawn_for_nothing(teacher):
    with pytest.raises(DataError, match="empty"):
        draw(teacher, text="  ")


def test_two_models_part_where_one_reads_a_prompt(teacher):
    prompts = default_prompt(POS), None
    places = engine.disagreement((teacher, teacher), POS, SENTENCE.input, prompts, SENTENCE.answer, True)
    free = [place for place in places if not place.forced]
    assert free and all(place.divergence > 0 for place in free)
    assert "".join(place.text for place in places) == SENTENCE.answer
