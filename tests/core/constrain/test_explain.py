import pytest
import torch

from core.constrain import compile as compiler
from core.constrain import regex, template
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.explain import explain
from core.errors import SchemaError
from core.tasks import POS


@pytest.fixture
def constraint(teacher):
    return DfaConstraint(compiler.compile(regex.parse("ab[0-9]"), "digits"), teacher.tokens)


def test_steps_add_up(constraint, teacher):
    ids = [*teacher.encode("ab7"), teacher.eos]
    logits = torch.randn(len(ids), len(teacher.tokens))
    steps = explain(constraint, ids, logits)
    assert "".join(step.text for step in steps) == "ab7"
    for step, row in zip(steps, logits.softmax(-1)):
        allowed = teacher.tokens.unpack(constraint.mask(step.state))
        assert step.allowed == allowed.sum()
        assert step.removed == pytest.approx(1 - row[torch.from_numpy(allowed)].sum().item(), abs=1e-5)
        assert step.before == pytest.approx(row[step.id].item(), abs=1e-6)
        assert step.after == pytest.approx(step.before / (1 - step.removed), rel=1e-3)
        assert all(c.after == 0 and c.expected for c in step.candidates if not c.allowed)
    assert [step.forced for step in steps][-2:] == [False, True]
    assert all(step.forced for step in steps[:-2])


def test_a_mask_that_takes_nothing_takes_nothing_less(teacher):
    free = DfaConstraint(compiler.compile(regex.parse("[a-z]*"), "letters"), teacher.tokens)
    refused = torch.from_numpy(~teacher.tokens.unpack(free.mask(free.start)))
    torch.manual_seed(0)
    logits = torch.randn(50, len(teacher.tokens)).masked_fill(refused, -torch.inf)
    removed = [step.removed for step in explain(free, teacher.encode("z" * 50), logits)]
    assert min(removed) == 0.0 and max(removed) < 1e-6


def test_refusal_names_token_and_byte(constraint, teacher):
    ids = teacher.encode("aX")
    with pytest.raises(SchemaError, match=r"token 1 \('X'\) is refused at its byte 0: expected b"):
        explain(constraint, ids, torch.zeros(len(ids), len(teacher.tokens)))


def test_steps_name_the_part_they_write(teacher):
    words = template.automaton(POS.template("Go !"))
    own = DfaConstraint(words, teacher.tokens)
    answer = POS.template("Go !")
    ids = teacher.encode("".join(p if isinstance(p, str) else p[0] for p in answer))
    steps = explain(own, ids, torch.zeros(len(ids), len(teacher.tokens)))
    assert [part for part in dict.fromkeys(step.part for step in steps) if part] == ["pos 1", "pos 2"]
