from itertools import chain

import numpy as np
import pytest

from core.constrain import compile as compiler
from core.constrain import regex, schema, template, tokens
from core.constrain.engines import llguidance
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.masks import FORCED, SMALL, MaskStore
from core.errors import SchemaError
from core.tasks import CARS, POS


def general(task, lm):
    found = schema.from_pydantic(task.output)
    return DfaConstraint(compiler.compile(found.expression, found.name), lm.tokens)


def own(task, text, lm):
    return DfaConstraint(template.automaton(task.template(text)), lm.tokens)


def spelled(lm, examples):
    return [[*lm.encode(e.answer), lm.eos] for e in examples]


@pytest.mark.parametrize("task", [POS, CARS], ids=lambda t: t.name)
def test_a_corpus_has_the_masks_of_its_steps(task, teacher):
    """Masked = dense: what a row number stands for is the mask that walking step by step gives."""
    constraint, store = general(task, teacher), MaskStore(teacher.tokens)
    answers = spelled(teacher, task.load(None).dev[:20])
    starts = np.cumsum([0, *map(len, answers)])[:-1]
    rows = store.rows(constraint, list(chain.from_iterable(answers)), starts)
    dense = []
    for ids in answers:
        state = constraint.start
        for token in ids:
            dense.append(teacher.tokens.unpack(constraint.mask(state)))
            state = constraint.advance(state, token)
    assert (store.allowed(rows.tolist()) == np.array(dense)).all()
    assert [store.count(n) for n in rows] == [int(mask.sum()) for mask in dense]
    assert all(store.ids(n).tolist() == np.flatnonzero(mask).tolist() for n, mask in zip(rows, dense))
    assert len(store) < 100 < len(rows)


def test_in_pieces_and_with_a_schema_each_it_is_the_same(teacher):
    examples = POS.load(None).dev[:10]
    answers = spelled(teacher, examples)
    store = MaskStore(teacher.tokens)
    for example, ids in zip(examples, answers):
        constraint = own(POS, example.input, teacher)
        rows = store.rows(constraint, ids)
        states, _ = constraint.states(np.array(ids, np.int32), np.zeros(1, np.int64))
        expected = np.array([teacher.tokens.unpack(constraint.mask(s)) for s in states.tolist()])
        assert (store.allowed(rows.tolist()) == expected).all()
        assert rows.tolist() == store.rows(constraint, ids).tolist()
    assert len(store) < sum(map(len, answers))


def test_memory_grows_with_different_rows_only(teacher):
    constraint, store = general(POS, teacher), MaskStore(teacher.tokens)
    ids = spelled(teacher, POS.load(None).dev[:1])[0]
    store.rows(constraint, ids)
    size, rows = store.nbytes, len(store)
    for _ in range(20):
        store.rows(constraint, ids)
    assert (store.nbytes, len(store)) == (size, rows)
    assert size <= sum(min(4 * store.count(n), 4 * teacher.tokens.words) + 4 * SMALL for n in range(rows))


def test_equal_rows_have_one_number_whatever_they_come_from(teacher):
    constraint, store = general(POS, teacher), MaskStore(teacher.tokens)
    states = range(len(constraint.automaton))
    numbers = store.rows_of_states(constraint)
    assert numbers.tolist() == [store.add(constraint.mask(s)) for s in states]


def test_another_engines_rows(teacher):
    """Any engine's masks can be kept this way."""
    found = schema.from_pydantic(POS.output)
    constraint = llguidance.compile(found.json_schema, None, teacher.tokens, "pos")
    store = MaskStore(teacher.tokens)
    for ids in spelled(teacher, POS.load(None).dev[:2]):
        rows, state = store.rows(constraint, ids), constraint.start
        for row, token in zip(rows.tolist(), ids):
            assert (store.packed([row])[0] == constraint.mask(state)).all()
            state = constraint.advance(state, token)


def test_forced_positions_are_marked_and_need_no_row(teacher):
    example = POS.load(None).dev[0]
    constraint, store = own(POS, example.input, teacher), MaskStore(teacher.tokens)
    ids = spelled(teacher, [example])[0]
    rows, every = store.positions(constraint, ids, teacher.encode), MaskStore(teacher.tokens).rows(constraint, ids)
    assert (rows == FORCED).sum() > len(ids) // 2 and len(rows) == len(every)
    free = [i for i, row in enumerate(rows) if row != FORCED]
    assert all(store.count(int(rows[i])) > 1 for i in free)
    text = lambda ids: teacher.tokens.text(list(ids))
    assert "".join(text(ids[i : i + 1]) for i in free).count('"') < text(ids).count('"') / 2


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            ["ab1", "abX"],
            r"answer 2, token \d: the answer does not match the schema 'digits' at byte 2: found 'X', expected 0 to 9",
        ),
        (["ab1", "ab"], "answer 2 ends too early"),
        (["ab1x"], "at byte 3: found 'x', expected the end"),
    ],
)
def test_what_the_schema_refuses_is_named(teacher, answers, message):
    constraint = DfaConstraint(compiler.compile(regex.parse("ab[0-9]"), "digits"), teacher.tokens)
    ids = [[*teacher.encode(a), teacher.eos] for a in answers]
    starts = np.cumsum([0, *map(len, ids)])[:-1]
    with pytest.raises(SchemaError, match=message):
        MaskStore(teacher.tokens).rows(constraint, list(chain.from_iterable(ids)), starts)


def test_other_bad_input(teacher, tokenizer):
    constraint = DfaConstraint(compiler.compile(regex.parse("ab?"), "x"), teacher.tokens)
    store, a = MaskStore(teacher.tokens), teacher.encode("a")
    with pytest.raises(SchemaError, match=r"token id 99999 at place 1 is outside the vocabulary of 700"):
        store.rows(constraint, [*a, 99999])
    with pytest.raises(SchemaError, match="goes on after its end, at token 2"):
        store.rows(constraint, [*a, teacher.eos, *a])
    control = tokenizer.convert_tokens_to_ids("<|control|>")
    with pytest.raises(SchemaError, match=f"holds the special token {control}"):
        store.rows(constraint, [control])
    with pytest.raises(SchemaError, match="another tokenizer"):
        MaskStore(tokens.from_tokenizer(tokenizer)).rows(constraint, a)
    assert store.rows(constraint, []).tolist() == []


def test_ids_and_bits_are_never_taken_for_each_other():
    """In a small vocabulary the bits of one mask can read like the ids of another."""
    table = tokens.TokenTable((*(bytes([i // 256 + 1, i % 256]) for i in range(8191)), b""), eos=8191)
    store = MaskStore(table)
    first = np.zeros(table.words, np.uint32)
    first[:8] = 0xFFFFFFFF
    ids_as_bits = np.arange(256, dtype=np.uint32)
    assert store.add(ids_as_bits) != store.add(first) and len(store) == 2


def test_answers_that_are_empty_or_cut_within_a_character(teacher):
    constraint = DfaConstraint(compiler.compile(regex.parse("aé?"), "x"), teacher.tokens)
    store, a = MaskStore(teacher.tokens), teacher.encode("a")[0]
    rows = store.rows(constraint, [a, teacher.eos, a, teacher.eos], [0, 0, 2])
    assert rows.tolist() == [*store.rows(constraint, [a, teacher.eos])] * 2
    half = teacher.tokens.bytes_of.index(b"\xc3")
    with pytest.raises(SchemaError, match=r"at byte 2: found '.*', expected 0xA9"):
        store.rows(constraint, [a, half, a])
