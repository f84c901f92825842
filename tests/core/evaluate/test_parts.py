from collections import Counter

import pytest

from core.evaluate.parts import NOTHING, part_scores
from core.tasks import CARS, POS, Example

FIRST, SECOND = POS.load(None).dev[:2]


def test_tags_are_scored_by_what_they_were_taken_for():
    gold = Example("a b c d", answer("DET NOUN VERB NOUN"))
    found = part_scores(POS, [gold], [answer("DET NOUN NOUN VERB")])
    assert found.confusion == {"DET": {"DET": 1}, "NOUN": {"NOUN": 1, "VERB": 1}, "VERB": {"NOUN": 1}}
    noun = found.tags["NOUN"]
    assert (noun.precision.hits, noun.precision.total) == (1, 2)
    assert (noun.recall.hits, noun.recall.total) == (1, 2)
    assert noun.f1.value == 0.5 and found.tags["VERB"].f1.value == 0 and found.tags["DET"].f1.value == 1
    assert set(found.tags) == {"DET", "NOUN", "VERB"} and not found.fields


def answer(tags: str) -> str:
    tokens = [f'{{"text":"{word}","pos":"{tag}"}}' for word, tag in zip("abcd", tags.split())]
    return '{"tokens":[' + ",".join(tokens) + "]}"


def test_f1_is_the_harmonic_mean_and_recalls_add_up_to_accuracy():
    wrong = SECOND.answer.replace('"NOUN"', '"PROPN"').replace('"VERB"', '"AUX"')
    found = part_scores(POS, [FIRST, SECOND], [FIRST.answer, wrong])
    for tag in found.tags.values():
        p, r = tag.precision.value, tag.recall.value
        assert tag.f1.value == pytest.approx(2 * p * r / (p + r) if p + r else 0.0)
    support = Counter((*FIRST.labels, *SECOND.labels))
    assert {t: s.recall.total for t, s in found.tags.items() if s.recall.total} == support
    right = sum(s.recall.hits for s in found.tags.values())
    counts = [POS.evaluate(e, o)["accuracy"] for e, o in ((FIRST, FIRST.answer), (SECOND, wrong))]
    assert right == sum(hits for hits, _ in counts)


def test_words_that_are_not_golds_are_one_too_few_and_one_too_many():
    gold = Example("a b", answer("DET NOUN"))
    found = part_scores(POS, [gold], [answer("DET NOUN").replace('"b"', '"x"')])
    assert found.confusion["NOUN"] == {NOTHING: 1} and found.confusion[NOTHING] == {"NOUN": 1}
    longer = part_scores(POS, [gold], [answer("DET NOUN VERB")])
    assert longer.tags["VERB"].precision.total == 1 and longer.tags["VERB"].recall.total == 0


def test_an_invalid_answer_says_nothing():
    found = part_scores(POS, [FIRST], ["{"])
    assert all(tag.recall.hits == 0 and tag.precision.total == 0 for tag in found.tags.values())
    assert sum(tag.recall.total for tag in found.tags.values()) == len(FIRST.labels)


def test_fields_of_cars_are_those_of_the_score():
    examples = CARS.load(None).dev[:6]
    outputs = [e.answer for e in examples]
    outputs[0] = outputs[0].replace('"year":19', '"year":18')
    outputs[1] = "not valid"
    found = part_scores(CARS, examples, outputs)
    assert {name: score.hits for name, score in found.fields.items()} == {"make": 5, "model": 5, "year": 4, "mpg": 5}
    assert all(score.effective is None and score.total == 6 for score in found.fields.values())
    assert not found.tags and not found.confusion
