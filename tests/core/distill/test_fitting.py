from dataclasses import replace

import pytest

from core.constrain.constraints import Constraints
from core.distill.fitting import Reading, fitting
from core.errors import DataError, MisfitError, SchemaError
from core.models import students
from core.models.student_config import StudentConfig
from core.tasks import POS, Dataset, Example

GOOD = tuple(sorted(POS.load(None).train, key=lambda e: len(e.answer))[:5])
REFUSED = Example("Go !", '{"tokens":[{"text":"Go","pos":"VERB"}]}')
OTHER = Example("Stop it", "{}")


@pytest.fixture(scope="module")
def student(teacher):
    return students.build(StudentConfig(layers=(0,), vocabulary=700, context=512), teacher, range(700), seed=0)


def answered(words: str, tag: str) -> Example:
    tokens = ",".join(f'{{"text":"{word}","pos":"{tag}"}}' for word in words.split())
    return Example(words, '{"tokens":[' + tokens + "]}")


def fitted(student, data, leave_out, conditioned=True, others=()):
    constraints = Constraints(POS, student.tokens, conditioned)
    readings = [Reading("student", student.student_prompt, student.context), *others]
    return fitting(student, constraints, data, readings, leave_out)


DATA = Dataset("d", (GOOD[0], REFUSED, GOOD[1], OTHER), (GOOD[2],), (GOOD[3], answered("so " * 300, "ADV"), GOOD[4]))


def test_all_are_counted_and_the_first_of_each_kind_is_shown(student):
    with pytest.raises(MisfitError) as caught:
        fitted(student, DATA, leave_out=False)
    message = str(caught.value)
    assert "The schema refuses 2 answers (2 of train). The first: train example 2 ('Go !'): " in message
    assert "at byte 37" in message
    assert "reads at most 512 tokens: 1 example (1 of test) is longer. The first: test example 2 ('so so" in message
    assert "drop_misfits" in message


def test_the_context_it_names_is_enough(student):
    with pytest.raises(MisfitError) as caught:
        fitted(student, DATA, leave_out=False)
    context = int(str(caught.value).split("student.context to ")[1].split(".")[0])
    student.model.config.max_position_embeddings = context
    try:
        _, found = fitted(student, DATA, leave_out=True)
        assert not any(m.length for m in found)
        student.model.config.max_position_embeddings = context - 1
        _, found = fitted(student, DATA, leave_out=True)
        assert sum(m.length > 0 for m in found) == 1
    finally:
        student.model.config.max_position_embeddings = 512


def test_a_teachers_prompt_counts_where_it_reads(student):
    """Whole data: the student reads all of it, the teacher all but the longest of those it is to teach."""
    data = Dataset("d", GOOD, GOOD, ())
    lengths = [len(student.student_prompt(e.input)) + len(student.encode(e.answer)) + 1 for e in GOOD]
    said = Reading("teacher", lambda text: [0] * 20 + student.student_prompt(text), 19 + max(lengths), ("train",))
    with pytest.raises(MisfitError) as caught:
        fitted(student, data, leave_out=False, others=[said])
    number = lengths.index(max(lengths)) + 1
    expected = f"The teacher reads at most {said.context} tokens: 1 example (1 of train) is longer. The first: train "
    assert expected + f"example {number} (" in str(caught.value) and "fewer worked examples" in str(caught.value)
    left, found = fitted(student, data, leave_out=True, others=[said])
    assert (len(left.train), len(left.dev), len(found)) == (4, 5, 1)


def test_an_answer_that_is_not_known_is_measured_by_the_shortest(student):
    unknown = Dataset("d", (replace(GOOD[0], answer=""), Example("so " * 300, "")), (), GOOD[:1])
    left, found = fitted(student, unknown, leave_out=True)
    assert left.train == unknown.train[:1] and [m.number for m in found] == [2] and found[0].length > 512


def test_left_out_on_request(student):
    left, found = fitted(student, DATA, leave_out=True)
    assert left == Dataset("d", GOOD[:2], DATA.dev, GOOD[3:])
    assert [(m.split, m.number, bool(m.length)) for m in found] == [
        ("train", 2, False), ("train", 4, False), ("test", 2, True),
    ]  # fmt: skip


def test_nothing_is_left(student):
    with pytest.raises(DataError, match=r"nothing of dev is left.*refuses 1 answer \(1 of dev\)"):
        fitted(student, replace(DATA, test=GOOD, train=GOOD, dev=(OTHER,)), leave_out=True)


def test_an_input_without_words_is_a_misfit(student):
    with pytest.raises(MisfitError, match="the sentence is empty"):
        fitted(student, replace(DATA, train=(Example(" ", GOOD[0].answer),)), leave_out=False)


def test_whole_data_stays_as_it_is(student):
    whole = Dataset("d", GOOD, (), GOOD[:1])
    assert fitted(student, whole, leave_out=False) == (whole, [])
    assert fitted(student, whole, leave_out=False, conditioned=False)[0] is whole


def test_a_schema_that_cannot_be_compiled_is_no_examples_fault(student, monkeypatch):
    def refuse(*_):
        raise SchemaError("too large.")

    monkeypatch.setattr("core.constrain.constraints.choose", refuse)
    with pytest.raises(SchemaError, match="too large"):
        fitted(student, DATA, leave_out=True, conditioned=False)
