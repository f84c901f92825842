"""Engines side by side: agreement is found, and so is each kind of difference."""

import numpy as np
import pytest

from core.constrain import schema
from core.constrain.engines.agreement import judge, too_slow
from core.constrain.engines.choice import build
from core.tasks import POS


@pytest.fixture(scope="module")
def found():
    return schema.from_pydantic(POS.output)


def judge_all(found, reference, ids):
    engines = ("dfa", "llguidance", "xgrammar", "outlines")
    return [judge(e, lambda e=e: build(found, reference.tokens, e), reference, ids) for e in engines]


def test_all_engines_agree_on_an_answer(found, teacher):
    reference = build(found, teacher.tokens, "dfa")
    ids = [*teacher.encode(POS.shots[0].answer), teacher.eos]
    judged = judge_all(found, reference, ids)
    assert [j.engine for j in judged] == ["dfa", "llguidance", "xgrammar", "outlines"]
    for one in judged:
        assert one.steps == len(ids) and one.first_ms > 0 and one.mask_us > 0
    assert judged[0].agrees
    # llguidance never writes DEL, which JSON allows in a string as it is.
    assert {d.text for d in judged[1].differences} <= {"\x7f"} and not judged[1].extra


def test_regular_expressions_mean_the_same_to_xgrammar(teacher):
    date = schema.from_regex(r"[0-9]{4}-(0[1-9]|1[0-2])[ .é]?")
    reference = build(date, teacher.tokens, "dfa")
    judged = judge("xgrammar", lambda: build(date, teacher.tokens, "xgrammar"), reference, teacher.encode("2024-12"))
    assert judged.agrees, judged


def test_what_differs_is_named_with_its_reason(teacher):
    digits, letters = schema.from_regex("[0-9]{3}"), schema.from_regex("[0-7]{2}[0-9x]")
    reference = build(digits, teacher.tokens, "dfa")
    judged = judge("other", lambda: build(letters, teacher.tokens, "dfa"), reference, teacher.encode("128")[:3])
    assert not judged.agrees and judged.missing and judged.extra
    lost = [d for d in judged.differences if not d.extra and d.text == "8"]
    assert lost[0].step == 0 and "expects 0 to 7" in lost[0].why
    assert all("expected" in d.why for d in judged.differences if d.extra)


def test_a_mask_of_some_spellings_only_is_told_from_a_refusal(teacher):
    digits = schema.from_regex("[0-9]{2}[a-z]+")

    class Narrow(type(build(digits, teacher.tokens, "dfa"))):
        def mask(self, state):
            row, words = super().mask(state).copy(), self.tokens
            long = [i for i in words.ids(row).tolist() if len(words.bytes_of[i]) > 1]
            for token in long:
                row[token >> 5] &= ~np.uint32(1 << (token & 31))
            return row

    whole = build(digits, teacher.tokens, "dfa")
    judged = judge("narrow", lambda: Narrow(whole.automaton, whole.tokens), whole, teacher.encode("12ab"))
    assert judged.missing and not judged.extra
    assert "leaves this spelling of them out" in judged.differences[0].why


def test_an_engine_that_refuses_the_text_says_where(teacher):
    reference = build(schema.from_regex("[0-9]+"), teacher.tokens, "dfa")
    ids = [teacher.encode(c)[0] for c in "128"]
    judged = judge("other", lambda: build(schema.from_regex("[0-7]+"), teacher.tokens, "dfa"), reference, ids)
    assert judged.stopped == 2 and judged.steps == 3


def test_a_schema_that_an_engine_cannot_hold_is_a_row(teacher):
    tree = schema.from_source("class Node(BaseModel):\n    children: list['Node']\n")
    reference = build(tree, teacher.tokens, "llguidance")
    ids = teacher.encode('{"children":[]}')
    judged = {j.engine: j for j in judge_all(tree, reference, ids)}
    assert "refers to itself" in judged["dfa"].not_run
    assert "refers to itself" in judged["outlines"].not_run
    assert judged["llguidance"].agrees and judged["xgrammar"].not_run == ""


@pytest.mark.parametrize("engine", ["outlines", "xgrammar"])
def test_engines_without_limits_are_not_run_on_what_is_large(engine, found):
    assert too_slow(engine, found, 74, 49_152) == ""
    assert "cannot be stopped" in too_slow(engine, found, 5_000, 49_152)
    assert "cannot be stopped" in too_slow(engine, found, 0, 49_152)
    large = schema.from_json_schema({"type": "array", "items": {"$ref": "#"}, "maxItems": 1_000_000})
    assert "cannot be stopped" in too_slow(engine, large, 0, 49_152)
    assert too_slow("llguidance", large, 0, 49_152) == ""
