import pytest
import torch

from core.constrain.constraints import Constraints
from core.constrain.masks import FORCED, MaskStore
from core.distill.sequences import used_tokens
from core.errors import ModelError, SchemaError
from core.evaluate.disagreement import disagreement
from core.models import students
from core.models.student_config import StudentConfig
from core.tasks import POS

EXAMPLE = POS.load(None).dev[3]


@pytest.fixture(scope="module")
def student(teacher):
    """Cut from the teacher, with fewer tokens, whose ids differ."""
    config = StudentConfig(layers=(0, 2), vocabulary=500, context=512)
    made = students.build(config, teacher, used_tokens(teacher, POS, [EXAMPLE]), seed=1)
    assert students.old_ids(made, teacher) != list(range(len(made.tokens)))
    return made


def places(reference, other, answer=EXAMPLE.answer, prompt=None):
    constraint = Constraints(POS, other.tokens, True).of(EXAMPLE.input)
    prompts = prompt or reference.student_prompt(EXAMPLE.input), other.student_prompt(EXAMPLE.input)
    return disagreement(reference, other, prompts, constraint, answer)


def test_as_dense_as_it_gets(teacher, student):
    """Both models' full logits, a mask of the whole vocabulary, one position after the other."""
    prompt = teacher.encode("Tag each word. " + EXAMPLE.input)  # the teacher reads more than the student
    found = places(teacher, student, prompt=prompt)
    ids = [*student.encode(EXAMPLE.answer), student.eos]
    old = students.old_ids(student, teacher)
    store = MaskStore(student.tokens)
    constraint = Constraints(POS, student.tokens, True).of(EXAMPLE.input)
    rows = store.positions(constraint, ids, student.encode)
    own = student.student_prompt(EXAMPLE.input)
    with torch.no_grad():
        theirs = teacher.model(input_ids=torch.tensor([[*prompt, *(old[i] for i in ids)]])).logits[0].double()
        mine = student.model(input_ids=torch.tensor([[*own, *ids]])).logits[0].double()
    assert [p.id for p in found] == ids and "".join(p.text for p in found) == EXAMPLE.answer
    assert [p.forced for p in found] == [row == FORCED for row in rows]
    assert any(not p.agree for p in found)
    for i, place in enumerate(found):
        if place.forced:
            assert place.divergence == 0 and place.agree
            continue
        allowed = store.ids(rows[i]).tolist()
        p = theirs[len(prompt) + i - 1, [old[t] for t in allowed]].softmax(0)
        q = mine[len(own) + i - 1, allowed].softmax(0)
        assert place.divergence == pytest.approx(float((p * (p / q).log()).sum()), abs=1e-5)
        assert place.agree == bool(p.argmax() == q.argmax())
        at = allowed.index(ids[i])
        assert place.likely == pytest.approx((float(p[at]), float(q[at])), abs=1e-5)
        assert place.reference[0][0] == student.tokens.text([allowed[int(p.argmax())]])
        assert place.other[0][1] == pytest.approx(float(q.max()), abs=1e-5)


def test_a_model_never_departs_from_itself(teacher):
    found = places(teacher, teacher)
    assert any(not p.forced for p in found)
    assert all(p.agree and p.divergence == 0 for p in found)


def test_a_reference_that_lacks_a_token_is_refused(teacher, student):
    with pytest.raises(ModelError, match="different tokenizers"):
        places(student, teacher)


def test_an_answer_that_is_none_is_refused(teacher, student):
    with pytest.raises(SchemaError):
        places(teacher, student, answer='{"tokens":[]}')


def test_more_than_the_student_reads_is_refused(teacher, student):
    with pytest.raises(ModelError, match="shorten it"):
        places(teacher, student, prompt=teacher.encode(EXAMPLE.input * 100))
