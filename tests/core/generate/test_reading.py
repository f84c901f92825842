"""Reading an answer gives what deciding it token by token would have given."""

import pytest
import torch

from core.constrain import compile as compiler
from core.constrain import regex, template
from core.constrain.engines.dfa import DfaConstraint
from core.errors import ModelError, SchemaError
from core.generate.reading import beginning, read, read_free
from core.tasks import POS

EXAMPLE = POS.shots[1]


@pytest.fixture
def constraint(teacher):
    return DfaConstraint(template.automaton(POS.template(EXAMPLE.input)), teacher.tokens)


def test_one_pass_equals_token_by_token(teacher, constraint):
    prompt = teacher.student_prompt(EXAMPLE.input)
    steps = read(teacher, constraint, prompt, EXAMPLE.answer)
    ids = [*teacher.encode(EXAMPLE.answer), teacher.eos]
    assert [step.id for step in steps] == ids
    for i in (0, len(ids) // 2, len(ids) - 1):
        with torch.inference_mode():
            before = teacher.model(torch.tensor([[*prompt, *ids[:i]]])).logits[0, -1].softmax(-1)[ids[i]]
        assert steps[i].before == pytest.approx(float(before), abs=1e-5)


def test_a_beginning_has_no_end(teacher, constraint):
    steps = read(teacher, constraint, teacher.student_prompt(EXAMPLE.input), EXAMPLE.answer[:20])
    assert teacher.eos not in [step.id for step in steps]


def test_what_cannot_be_read(teacher, constraint):
    with pytest.raises(SchemaError, match="at byte 0"):
        read(teacher, constraint, [teacher.eos], "no")
    with pytest.raises(ModelError, match="shorten it"):
        read(teacher, constraint, [teacher.eos] * teacher.context, EXAMPLE.answer)


def test_a_free_answer_is_read_as_it_was_written(teacher):
    prompt, ids = teacher.student_prompt("Go !"), teacher.encode("<b>I do not know")
    steps = read_free(teacher, prompt, ids)
    assert [step.id for step in steps] == ids
    assert not any(step.forced or step.removed for step in steps)
    with torch.inference_mode():
        shares = teacher.model(torch.tensor([[*prompt, *ids[:-1]]])).logits[0, -1].softmax(-1)
    assert steps[-1].before == steps[-1].after == pytest.approx(float(shares[ids[-1]]), abs=1e-5)
    assert steps[-1].candidates[0].before == pytest.approx(float(shares.max()), abs=1e-5)
    assert read_free(teacher, prompt, []) == []
    with pytest.raises(ModelError, match="shorten it"):
        read_free(teacher, [teacher.eos] * teacher.context, ids)


def test_half_a_character_ends_a_beginning(teacher):
    constraint = DfaConstraint(compiler.compile(regex.parse('".*"'), "text"), teacher.tokens)
    text, why = beginning(constraint, '"a\ud800bc')
    assert text == '"a' and why
    assert beginning(constraint, '"añ') == ('"añ', "")
