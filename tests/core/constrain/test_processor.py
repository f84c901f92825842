import pytest
import torch

from core.constrain import processor as processors
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


def test_rows_with_the_same_text_keep_their_own_schemas(teacher):
    """A row finds its state by its text, among the rows of its own constraint."""
    yes = DfaConstraint(template.automaton((("ab", "ac"), "x")), teacher.tokens)
    no = DfaConstraint(template.automaton((("ab", "ac"), "y")), teacher.tokens)
    processor = ConstraintLogitsProcessor([yes, no], 1)
    ids = torch.zeros(2, 1, dtype=torch.long)
    for letter in "ab":
        processor(ids, torch.zeros(2, len(teacher.tokens)))
        ids = torch.cat([ids, torch.full((2, 1), teacher.encode(letter)[0])], 1)
    scores = processor(ids, torch.zeros(2, len(teacher.tokens)))
    allowed = [{teacher.tokens.text([i]) for i in row.isfinite().nonzero().flatten().tolist()} for row in scores]
    assert allowed == [{"x"}, {"y"}]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_scores_keep_their_type_and_allowed_values(teacher, dtype):
    (constraint,) = constraints(teacher, "Go !")
    scores = torch.randn(1, len(teacher.tokens)).to(dtype)
    found = ConstraintLogitsProcessor([constraint], 0)(torch.zeros(1, 0, dtype=torch.long), scores)
    allowed = torch.from_numpy(teacher.tokens.unpack(constraint.mask(constraint.start)))
    assert found.dtype == dtype and torch.equal(found[0, allowed], scores[0, allowed])
    assert found[0, ~allowed].isneginf().all()


@pytest.mark.parametrize("how", [{"do_sample": True}, {"num_beams": 3}])
@pytest.mark.parametrize("kept_on", ["device", "cpu"])
def test_states_beside_the_logits_and_on_the_cpu_are_the_same(teacher, monkeypatch, how, kept_on):
    """Large automata and other engines keep their states on the CPU: what is generated does not change."""
    texts = ["Go !", "Go on !"]
    prompts = torch.tensor([teacher.encode("Go")] * 2)

    def generated():
        torch.manual_seed(3)
        processor = ConstraintLogitsProcessor(constraints(teacher, *texts), prompts.shape[1])
        out = teacher.model.generate(
            input_ids=prompts, attention_mask=torch.ones_like(prompts), max_new_tokens=150,
            logits_processor=[processor], pad_token_id=teacher.eos, **how,
        )  # fmt: skip
        assert processor.refused() == []
        return out.tolist()

    expected = generated()
    monkeypatch.setattr(processors, "MOST_STATES", 10**6 if kept_on == "device" else 0)
    assert generated() == expected


def test_every_step_equals_the_engines_own_masks(teacher):
    """Device = step by step, for several answers of one constraint that go different ways."""
    (constraint,) = constraints(teacher, "She left early .")
    generator = torch.Generator().manual_seed(0)
    processor = ConstraintLogitsProcessor([constraint], 0)
    ids = torch.zeros(4, 0, dtype=torch.long)
    states = [constraint.start] * 4
    for _ in range(60):
        scores = processor(ids, torch.rand(4, len(teacher.tokens), generator=generator))
        for row, state in zip(scores, states):
            assert row.isfinite().tolist() == teacher.tokens.unpack(constraint.mask(state)).tolist()
        order = torch.randperm(4, generator=generator)  # as a beam search would
        chosen = scores[order].argmax(-1)
        ids = torch.cat([ids[order], chosen[:, None]], 1)
        states = [constraint.advance(states[i], int(t)) for i, t in zip(order.tolist(), chosen)]
        if any(t == teacher.eos for t in chosen.tolist()):
            break


def test_rows_that_cannot_be_shared_out(teacher):
    with pytest.raises(SchemaError, match="3 rows cannot be shared out among 2 constraints"):
        processor = ConstraintLogitsProcessor(constraints(teacher, "Go !", "On !"), 0)
        processor(torch.zeros(3, 0, dtype=torch.long), torch.zeros(3, len(teacher.tokens)))
    with pytest.raises(SchemaError, match="at least one constraint"):
        ConstraintLogitsProcessor([], 0)


@pytest.mark.parametrize("kept_on", ["device", "cpu"])
def test_tokens_beyond_the_table_are_refused_and_end_nothing(teacher, monkeypatch, kept_on):
    monkeypatch.setattr(processors, "MOST_STATES", 10**6 if kept_on == "device" else 0)
    processor = ConstraintLogitsProcessor(constraints(teacher, "Go !"), 0)
    processor(torch.tensor([[len(teacher.tokens) + 3]]), torch.zeros(1, len(teacher.tokens) + 9))
    assert processor.refused() == [0]
