import pytest
import torch

from core.constrain import template, tokens
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.processor import ConstraintLogitsProcessor
from core.errors import SchemaError
from core.tasks import POS


def constraints(teacher, *texts):
    return [DfaConstraint(template.automaton(POS.template(t)), teacher.tokens) for t in texts]


@pytest.mark.parametrize("how", [{}, {"do_sample": True, "temperature": 1.5}, {"num_beams": 2}])
def test_every_row_of_transformers_generate_matches_its_own_schema(teacher, how):
    texts = ["Go !", "She left early ."]
    teacher.tokenizer.padding_side = "left"
    teacher.tokenizer.pad_token_id = teacher.eos
    batch = teacher.tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
    owners = constraints(teacher, *texts)
    processor = ConstraintLogitsProcessor(owners, batch["input_ids"].shape[1])
    torch.manual_seed(0)
    out = teacher.model.generate(
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], max_new_tokens=200,
        logits_processor=[processor], pad_token_id=teacher.eos, **how,
    )  # fmt: skip
    for text, row in zip(texts, out[:, batch["input_ids"].shape[1] :].tolist()):
        parsed = POS.parse(teacher.tokens.text(row))
        assert parsed is not None and [t.text for t in parsed.tokens] == text.split()


def test_finished_rows_allow_eos_alone_and_padded_heads_stay_masked(teacher):
    processor = ConstraintLogitsProcessor(constraints(teacher, "Go !"), 1)
    ids = torch.tensor([[5, teacher.eos]])
    scores = processor(ids, torch.zeros(1, len(teacher.tokens) + 9))
    assert scores.isfinite().nonzero()[:, 1].tolist() == [teacher.eos]


def test_mixed_tables_and_unmasked_answers_are_refused(teacher):
    other = tokens.from_tokenizer(teacher.tokenizer)
    mixed = [*constraints(teacher, "Go !"), DfaConstraint(template.automaton(POS.template("Go !")), other)]
    with pytest.raises(SchemaError, match="one token table"):
        ConstraintLogitsProcessor(mixed, 0)
    processor = ConstraintLogitsProcessor(constraints(teacher, "Go !"), 0)
    scores = processor(torch.tensor([teacher.encode("x")]), torch.zeros(1, len(teacher.tokens)))
    assert processor.refused() == [0] and scores.isfinite().nonzero()[:, 1].tolist() == [teacher.eos]
