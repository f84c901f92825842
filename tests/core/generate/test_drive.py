"""An answer driven by hand equals one that was read at once."""

import pytest

from core.constrain import schema
from core.constrain.engines.choice import build
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.template import automaton
from core.errors import ModelError, SchemaError
from core.generate.decode import Sampling, generate
from core.generate.drive import Drive
from core.generate.reading import beginning, read_ids
from core.tasks import POS

EXAMPLE = POS.shots[1]


@pytest.fixture
def drive(teacher):
    constraint = DfaConstraint(automaton(POS.template(EXAMPLE.input)), teacher.tokens)
    return Drive(teacher, constraint, teacher.student_prompt(EXAMPLE.input))


def ids_of(teacher):
    return [*teacher.encode(EXAMPLE.answer), teacher.eos]


def test_token_by_token_equals_at_once(teacher, drive):
    ids = ids_of(teacher)
    for token in ids:
        drive.add([token])
    assert drive.complete and drive.text == EXAMPLE.answer
    once = read_ids(teacher, drive.constraint, drive.prompt, ids)
    assert [s.id for s in drive.steps] == [s.id for s in once] == ids
    for mine, theirs in zip(drive.steps, once):
        assert (mine.state, mine.part, mine.allowed, mine.forced) == (
            theirs.state, theirs.part, theirs.allowed, theirs.forced,
        )  # fmt: skip
        assert mine.before == pytest.approx(theirs.before, abs=1e-4)


def test_a_refused_token_is_named_and_nothing_is_lost(teacher, drive):
    drive.add(teacher.encode('{"'))
    before, look = drive.ids, drive.look()
    with pytest.raises(SchemaError, match=r"at its byte 0 .*expected t"):
        drive.add(teacher.encode("x"))
    with pytest.raises(SchemaError, match=r"after 'tok'.*at its byte 0.*expected e"):
        drive.add([teacher.encode(c)[0] for c in "tokx"])
    with pytest.raises(SchemaError, match="may not end here"):
        drive.add([teacher.eos])
    with pytest.raises(SchemaError, match="is no text"):
        drive.add([teacher.tokenizer.convert_tokens_to_ids("<|control|>")])
    assert drive.ids == before and drive.look() == look


def test_candidates_are_the_likeliest_allowed_and_refused(teacher, drive):
    step = drive.look(6)
    allowed = [c for c in step.candidates if c.allowed]
    assert allowed and allowed[0].after >= allowed[-1].after
    assert any(not c.allowed and c.expected == "{" for c in step.candidates)


def test_undo_brings_back_what_was_there(teacher, drive):
    ids = ids_of(teacher)
    drive.add(ids[:5])
    five = drive.look()
    drive.add(ids[5:9])
    drive.undo(4)
    again = drive.look()
    assert drive.ids == ids[:5] and again.id == five.id
    assert again.before == pytest.approx(five.before, abs=1e-4)
    drive.undo(99)
    assert drive.steps == [] and drive.text == ""


def test_the_model_finishes_as_it_would_have(teacher, drive):
    whole = generate(teacher, [drive.prompt], [drive.constraint], Sampling()).generations[0].ids
    drive.add(whole[:7])
    drive.finish(400)
    assert drive.complete and drive.ids == whole
    drive.finish(400)  # nothing is left to do
    with pytest.raises(SchemaError, match="has ended"):
        drive.add([whole[0]])


def test_what_was_written_until_a_stop_stays_and_is_gone_on_from(teacher, drive):
    whole = generate(teacher, [drive.prompt], [drive.constraint], Sampling()).generations[0].ids
    shown = []

    def stop(text):
        shown.append(text)
        if len(shown) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive.finish(400, stop)
    assert drive.ids == whole[:5] and shown == [teacher.tokens.text(whole[:i]) for i in range(1, 6)]
    drive.finish(400)
    assert drive.complete and drive.ids == whole


def test_other_engines_drive_alike(teacher):
    found = schema.from_regex("[0-9]{2}(ab|cd)")
    for engine in ("dfa", "llguidance"):
        drive = Drive(teacher, build(found, teacher.tokens, engine), [teacher.eos])
        drive.add(teacher.encode("12"))
        drive.finish(20)
        assert drive.text in ("12ab", "12cd") and drive.complete


def test_what_does_not_fit_is_refused(teacher):
    constraint = build(schema.from_regex("a*"), teacher.tokens, "dfa")
    with pytest.raises(ModelError, match="reads at most"):
        Drive(teacher, constraint, [5] * 1024)
    drive = Drive(teacher, constraint, [5] * 1000)
    with pytest.raises(ModelError, match="reads at most"):
        drive.add(teacher.encode("a") * 30)
    assert drive.steps == []


def test_the_beginning_of_a_text_that_leaves_its_schema(teacher):
    constraint = build(schema.from_regex("é[0-9]{2}"), teacher.tokens, "dfa")
    assert beginning(constraint, "é1") == ("é1", "")
    text, why = beginning(constraint, "é1x!")
    assert text == "é1" and "at byte 3" in why
    assert beginning(constraint, "\ud800")[0] == ""
    assert beginning(constraint, "è")[0] == ""  # its first byte would do, which is no text
