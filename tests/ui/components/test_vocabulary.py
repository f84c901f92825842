"""The vocabulary's grid and table say what the mask says."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core.constrain import schema, template
from core.constrain.engines import choice
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.token_classes import CLASSES, classify
from core.constrain.tokens import TokenTable, from_tokenizer
from core.tasks import POS
from tests.ui.conftest import checked, saying
from ui.components import vocabulary_grid, vocabulary_table
from ui.text import whole

SMALL = {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"], "additionalProperties": False}


@pytest.fixture(scope="module")
def constraint(tokenizer) -> DfaConstraint:
    automaton = template.automaton(POS.template(POS.load(None).dev[0].input))
    return DfaConstraint(automaton, from_tokenizer(tokenizer))


def decoded(found, tokens) -> np.ndarray:
    """Each token's cell, by id."""
    cell = np.frombuffer(base64.b64decode(found["reason"]), np.uint16 if found["wide"] else np.uint8)
    by_id = np.empty(len(cell), np.int64)
    by_id[vocabulary_grid.vocabulary(tokens).ids] = cell
    return by_id


def test_cells_equal_the_mask(constraint):
    for state in range(0, len(constraint.automaton), 11):
        found = vocabulary_grid.cells(constraint, state)
        allowed = constraint.tokens.unpack(constraint.mask(state))
        cell = decoded(found, constraint.tokens)
        assert np.array_equal(cell == 0, allowed)
        assert cell.max() <= len(found["reasons"])
        assert found["total"].startswith(f"{allowed.sum():,} of {len(constraint.tokens):,} ")
        assert sum(band["count"] for band in found["bands"]) == len(constraint.tokens)


def test_bands_count_their_class(constraint):
    state = constraint.start
    kind = classify(constraint.tokens).kind
    allowed = constraint.tokens.unpack(constraint.mask(state))
    for band in vocabulary_grid.cells(constraint, state)["bands"]:
        mine = kind == CLASSES.index(band["name"])
        assert band["count"] == mine.sum()
        assert band["text"].startswith(f"{(allowed & mine).sum():,} of {mine.sum():,} ")


def test_many_reasons_take_wider_cells():
    texts = tuple(chr(c) for c in range(0x4E00, 0x4E00 + 300))
    tokens = TokenTable((*(f"{t}!".encode() for t in texts), b""), 300)
    found = vocabulary_grid.cells(DfaConstraint(template.automaton((tuple(t + t for t in texts),)), tokens), 0)
    assert found["wide"] and len(found["reasons"]) >= 300
    assert decoded(found, tokens).max() == len(found["reasons"]) and decoded(found, tokens).min() == 1


def test_another_engine_says_whether_and_on_request_why(tokenizer):
    tokens = from_tokenizer(tokenizer)
    other = choice.build(schema.from_json_schema(SMALL), tokens, "llguidance")
    found = vocabulary_grid.cells(other, other.start)
    allowed = tokens.unpack(other.mask(other.start))
    assert found["reasons"] == [] and np.array_equal(decoded(found, tokens) == 0, allowed)
    refused = int(np.flatnonzero(~allowed)[5])
    reason = vocabulary_grid.reason_of(other, other.start, refused)
    assert reason is not None and "{" in reason.expected
    assert vocabulary_grid.reason_of(other, other.start, int(np.flatnonzero(allowed)[0])) is None


def test_the_table_says_the_same(constraint):
    state = constraint.start
    ids = vocabulary_table.matching(constraint, state, "", "all", vocabulary_table.ANY)
    before = np.random.default_rng(1).dirichlet(np.ones(len(ids))).astype(np.float32)
    shown = vocabulary_table.frame(constraint, state, ids, before)
    allowed = constraint.tokens.unpack(constraint.mask(state))
    assert shown["allowed"].tolist() == allowed.tolist()
    assert shown["p after"].sum() == pytest.approx(1.0, abs=1e-5)
    assert (shown.loc[~allowed, "p after"] == 0).all()
    assert shown.loc[allowed, "dies at byte"].isna().all() and shown.loc[~allowed, "dies at byte"].notna().all()


@settings(max_examples=50)
@given(st.text(max_size=3) | st.integers(0, 9).map(str), st.sampled_from(list(vocabulary_table.SHOW)))
def test_search_finds_what_holds_the_text(constraint, search, show):
    found = vocabulary_table.matching(constraint, constraint.start, search, show, vocabulary_table.ANY)
    allowed = constraint.tokens.unpack(constraint.mask(constraint.start))
    for token in found.tolist():
        text = vocabulary_grid.spelled(constraint.tokens, token)
        assert search.casefold() in text.casefold() or whole(search) == token or search.lower() in text.lower()
        assert show == "all" or allowed[token] == (show == "allowed")


def test_files_hold_exact_texts_that_are_no_formulas():
    tokens = TokenTable((b"=1+1", b" \n", b""), 2)
    constraint = DfaConstraint(template.automaton(("=1+1",)), tokens)
    found = vocabulary_table.frame(constraint, 0, np.arange(3), None, exact=True)
    assert [json.loads(text) for text in found["text"]] == ["=1+1", " \n", "⟨end⟩"]
    assert all(text.startswith('"') for text in found["text"])


def test_no_mass_on_what_is_allowed_is_shared_alike():
    after = vocabulary_table.after_mask(np.array([1.0, 0.0, 0.0]), np.array([False, True, True]))
    assert after.tolist() == [0.0, 0.5, 0.5]


def grid() -> None:
    import streamlit as st

    from core.constrain import template
    from core.constrain.engines.dfa import DfaConstraint
    from core.constrain.tokens import BYTES
    from ui import page_tools
    from ui.components.vocabulary_grid import Pinned, pinned_token, vocabulary_grid

    constraint = DfaConstraint(template.automaton(("ab",)), BYTES)
    st.button("Reset", key="reset", on_click=page_tools.forget, args=("page",))
    token = st.session_state["found"] = pinned_token(BYTES, key="page_grid", first=st.session_state.get("link", -1))
    vocabulary_grid(constraint, constraint.start, key="page_grid", pinned=token and Pinned("a", ()))


def clicked(app: AppTest, token: int, turn: int) -> int | None:
    """What is pinned after a message of a browser in which this cell was clicked, now or long ago."""
    identity = json.loads(app.get("bidi_component")[0].proto.json)["identity"]
    found = saying(app, {"pinned": {"identity": identity, "token": token, "turn": turn}}).session_state["found"]
    return found if found is None else int(found)


def turn_of(app: AppTest) -> int:
    return int(json.loads(app.get("bidi_component")[0].proto.json)["turn"])


def test_a_reset_unpins_whatever_the_browser_sends_again():
    app = checked(AppTest.from_function(grid, default_timeout=60).run())
    assert app.session_state["found"] is None
    assert clicked(app, 97, 1) == 97 and clicked(app, 98, turn_of(app) + 1) == 98
    last = turn_of(app)
    checked(app.button(key="reset").click().run())
    assert app.session_state["found"] is None
    assert clicked(app, 98, last) is None
    assert clicked(app, 98, last + 1) == 98, "the same cell once more: now it is meant"


def test_a_link_pins_until_a_click_does_and_not_after_a_reset():
    app = AppTest.from_function(grid, default_timeout=60)
    app.session_state["link"] = 97
    assert checked(app.run()).session_state["found"] == 97
    assert clicked(app, 98, 1) == 98
    del app.session_state["link"]
    checked(app.button(key="reset").click().run())
    app.session_state["link"] = 97  # the address that the browser still has
    assert checked(app.run()).session_state["found"] is None
