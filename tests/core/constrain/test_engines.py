import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.constrain import automaton, schema, tokens
from core.constrain.automaton import NONE
from core.constrain.engines import DfaConstraint, check_answer, check_beginning, describe_bytes
from core.constrain.masks import MaskStore
from core.errors import ModelError, SchemaError
from core.tasks import CARS, POS

REGEXES = ["yes|yesterday", r"[0-9]+(\.[0-9]+)?", r"[0-9]{4}-[0-9]{2}", "[^a]{3}", "好+ and Ł*", r"(the|a) [a-z]+"]


@pytest.fixture(scope="module")
def table(tokenizer):
    return tokens.from_tokenizer(tokenizer)


def machines():
    yield from (automaton.from_schema(schema.from_regex(regex)) for regex in REGEXES)
    yield from (automaton.from_schema(schema.from_pydantic(task.output)) for task in (POS, CARS))
    yield automaton.from_template(POS.template("She said “no” ."))


@pytest.mark.parametrize("machine", machines(), ids=lambda m: m.name)
def test_mask_is_what_trying_every_token_finds(machine, table):
    constraint = DfaConstraint(machine, table)
    for state in range(0, len(machine), max(1, len(machine) // 25)):
        allowed = table.unpack(constraint.mask(state))
        tried = np.array([constraint.advance(state, token) != NONE for token in range(len(table))])
        assert (allowed == tried).all()


def test_masks_equal_outlines_core_with_byte_keys(table):
    from outlines_core import Guide, Index, Vocabulary

    machine = automaton.from_schema(schema.from_pydantic(POS.output))
    constraint = DfaConstraint(machine, table)
    by_bytes: dict[bytes, list[int]] = {}
    for i, text in enumerate(table.bytes_of):
        if text:
            by_bytes.setdefault(text, []).append(i)
    guide = Guide(Index(schema.from_pydantic(POS.output).regex, Vocabulary(table.eos, by_bytes)))
    example = POS.load(None).dev[0]
    state, answer = constraint.start, _encode(table, example.answer)
    for token in [*answer, table.eos]:
        assert np.flatnonzero(table.unpack(constraint.mask(state))).tolist() == sorted(guide.get_tokens())
        state = constraint.advance(state, token)
        if token != table.eos:
            guide.advance(token)


def _encode(table, text):
    """Longest match: any spelling will do here."""
    ids, data = [], text.encode()
    longest_first = sorted((t, i) for i, t in enumerate(table.bytes_of) if t)[::-1]
    while data:
        spelled, token = next((t, i) for t, i in longest_first if data.startswith(t))
        ids.append(token)
        data = data[len(spelled) :]
    return ids


def test_special_tokens_are_never_allowed_and_eos_only_at_the_end(table, tokenizer):
    constraint = DfaConstraint(automaton.from_schema(schema.from_regex(".*")), table)
    control = tokenizer.convert_tokens_to_ids("<|control|>")
    assert not table.unpack(constraint.mask(constraint.start))[control]
    assert constraint.advance(constraint.start, control) == NONE
    word = DfaConstraint(automaton.from_schema(schema.from_regex("ab")), table)
    assert word.advance(word.start, table.eos) == NONE
    end = word.automaton.walk(b"ab", word.start)
    assert np.flatnonzero(table.unpack(word.mask(end))).tolist() == [table.eos]


@given(st.text())
def test_tokens_spell_the_text_exactly(tokenizer, text):
    table = tokens.from_tokenizer(tokenizer)
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert b"".join(table.bytes_of[i] for i in ids) == text.encode()


def test_trie_holds_every_token_once(table):
    trie = table.trie
    assert sorted(trie.tokens.tolist()) == [i for i, text in enumerate(table.bytes_of) if text]
    assert (trie.end > np.arange(len(trie.end))).all() and trie.end.max() == len(trie.byte)


def test_sentencepiece_spelling():
    assert tokens._spell_sentencepiece("▁the") == b" the"
    assert tokens._spell_sentencepiece("<0xE5>") == b"\xe5"


def test_tokenizer_without_eos_or_of_unknown_kind():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordLevel({"a": 0, "e": 1}, unk_token="a"))
    with pytest.raises(ModelError, match="end-of-sequence"):
        tokens.from_tokenizer(PreTrainedTokenizerFast(tokenizer_object=backend))
    with pytest.raises(ModelError, match="not known"):
        tokens.from_tokenizer(PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="e"))


def test_answers_are_checked_with_offset_and_expectation(table):
    constraint = DfaConstraint(automaton.from_template(POS.template("Go !")), table)
    with pytest.raises(SchemaError, match=r"at byte 31: found 'Z.*expected"):
        check_answer(constraint, '{"tokens":[{"text":"Go","pos":"Z"')
    with pytest.raises(SchemaError, match="ends too early"):
        check_answer(constraint, '{"tokens":[')
    assert not check_beginning(constraint, '{"tok')
    assert describe_bytes(b"abcdefgh12", True) == "a to h, 1 to 2, the end"


def test_mask_store_keeps_equal_rows_once(table):
    store = MaskStore(table)
    constraint = DfaConstraint(automaton.from_template(POS.template("Go on !")), table)
    rows = [constraint.mask(s) for s in range(len(constraint.automaton))]
    numbers = [store.add(row) for row in rows]
    assert len(store) < len(rows)
    assert (store.allowed(numbers) == np.stack([table.unpack(row) for row in rows])).all()
