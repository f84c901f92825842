"""Answers side by side: what departs from what."""

from ui import answers


def test_parts_that_are_missing_or_too_many():
    gold = (("a", "DET"), ("dog", "NOUN"))
    assert answers.wrong_places(gold, gold) == frozenset()
    assert answers.wrong_places(gold, gold[:1]) == {1}
    assert answers.wrong_places(gold, (*gold, ("!", "PUNCT"))) == {2}
    assert answers.wrong_places(gold, None) == {0, 1}
