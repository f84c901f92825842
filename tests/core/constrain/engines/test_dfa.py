from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import pytest

from core.constrain import compile as compiler
from core.constrain import regex
from core.constrain.engines import llguidance
from core.constrain.engines.constraint import NONE
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.engines.outlines import OutlinesConstraint
from core.constrain.engines.recent import MASKS_KEPT


def constraint_of(schema, table):
    return DfaConstraint(compiler.compile(schema.expression, schema.name), table)


def test_a_mask_is_what_trying_every_token_finds(a_schema, tables):
    table = tables[0]
    constraint = constraint_of(a_schema, table)
    for state in range(0, len(constraint.automaton), max(1, len(constraint.automaton) // 25)):
        allowed = table.unpack(constraint.mask(state))
        assert allowed.tolist() == [constraint.advance(state, token) != NONE for token in range(len(table))]


def test_bit_equal_to_outlines_core_with_byte_keys_at_every_position(a_schema, table, answers, spell):
    ours = constraint_of(a_schema, table)
    theirs = OutlinesConstraint(regex.render(a_schema.expression), table, "x")
    for text in answers:
        for seed in (None, 1, 2):
            mine, other = ours.start, theirs.start
            for token in [*spell(table, text, seed), None]:
                assert np.array_equal(ours.mask(mine), theirs.mask(other))
                if token is not None:
                    mine, other = ours.advance(mine, token), theirs.advance(other, token)


def test_llguidance_allows_no_more(a_schema, table, answers, spell):
    """It may allow less: of control characters it holds those alone that JSON has a letter for."""
    ours = constraint_of(a_schema, table)
    theirs = llguidance.compile(a_schema.json_schema, a_schema.regex, table, "x")
    for text in answers:
        mine, other = ours.start, theirs.start
        for token in [*spell(table, text), None]:
            extra = table.unpack(theirs.mask(other)) & ~table.unpack(ours.mask(mine))
            assert not extra.any(), [table.bytes_of[i] for i in np.flatnonzero(extra)]
            if token is None or (other := theirs.advance(other, token)) == NONE:
                break
            mine = ours.advance(mine, token)


def test_few_are_the_same_tokens(a_schema, table):
    constraint = constraint_of(a_schema, table)
    states = np.arange(0, len(constraint.automaton), 3, dtype=np.int32)
    counts, ids = constraint.few(states, 40)
    for state, count, row in zip(states.tolist(), counts.tolist(), ids):
        expected = np.flatnonzero(table.unpack(constraint.mask(state)))
        assert count == min(len(expected), 41)
        if count <= 40:
            assert row[:count].tolist() == expected.tolist()


def test_states_of_a_text_are_those_of_each_step(a_schema, table, answers, spell):
    constraint = constraint_of(a_schema, table)
    spelled = [[*spell(table, text), table.eos] for text in answers]
    starts = np.cumsum([0, *map(len, spelled)])[:-1]
    states, refused = constraint.states(np.array(list(chain.from_iterable(spelled)), np.int32), starts)
    assert refused == NONE
    expected = []
    for ids in spelled:
        state = constraint.start
        for token in ids:
            expected.append(state)
            state = constraint.advance(state, token)
    assert states.tolist() == expected


@pytest.fixture
def digits(tables):
    return DfaConstraint(compiler.compile(regex.parse("ab[0-9]|.*好"), "digits"), tables[0])


def test_special_tokens_never_and_eos_only_at_the_end(digits, tokenizer):
    table = digits.tokens
    control = tokenizer.convert_tokens_to_ids("<|control|>")
    assert not table.unpack(digits.mask(digits.start))[[control, table.eos]].any()
    assert digits.advance(digits.start, control) == digits.advance(digits.start, table.eos) == NONE
    end = digits.automaton.walk(b"ab7", digits.start)
    assert digits.may_end(end) and digits.advance(end, table.eos) == end


def test_reading_says_how_far_and_what_was_expected(tables):
    plain = DfaConstraint(compiler.compile(regex.parse("ab[0-9]"), "digits"), tables[0])
    found = plain.read(plain.start, b"abX")
    assert (found.length, found.expected, found.may_end) == (2, b"0123456789", False)
    assert plain.read(plain.start, b"ab1").may_end and plain.forced(plain.start) == b"ab"


def test_partial_characters_may_not_be_followed_by_a_quote(tables):
    """Half a character inside a string: only its other half may follow."""
    table = tables[1]
    machine = compiler.compile(regex.parse('"[^"]*"'), "s")
    constraint = DfaConstraint(machine, table)
    state = machine.walk('"好'.encode()[:-1], machine.start)
    assert all(0x80 <= table.bytes_of[i][0] < 0xC0 for i in table.ids(constraint.mask(state)))


def test_one_constraint_serves_several_threads(tables):
    """The walk releases the interpreter's lock: nothing it writes to may be shared."""
    constraint = DfaConstraint(compiler.compile(regex.parse('"([^"]|好)*"[a-z]{3}'), "s"), tables[1])
    states = np.arange(len(constraint.automaton), dtype=np.int32)
    expected = constraint.masks(states)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: constraint.masks(states), range(60)))
    assert all(np.array_equal(rows, expected) for rows in found)


def test_masks_in_memory_are_bounded(tables):
    constraint = DfaConstraint(compiler.compile(regex.parse("a{1500}"), "long"), tables[0])
    for state in range(1500):
        constraint.mask(state)
    assert len(constraint._masks) == MASKS_KEPT
