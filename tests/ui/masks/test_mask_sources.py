"""The Masks page beyond its tasks: schemas that are written, models that write, driving, and the further views."""

import json
from dataclasses import replace
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import ModelError
from core.generate.drive import Drive
from core.models import bundled
from core.paths import ROOT
from core.runs import folder as run_folders
from core.tasks import CARS, POS
from tests.ui.conftest import checked
from ui import engine, uploads
from ui.masks import mask_corpus, mask_drive, mask_engine, schema_form
from ui.masks.mask_engine import Corpus
from ui.masks.mask_model import Model
from ui.masks.mask_samples import SAMPLES
from ui.masks.schema_form import Wanted
from ui.masks.schema_presets import PRESETS
from ui.page_tools import LONGEST
from ui.titles import MASKED

pytestmark = pytest.mark.skipif(
    not bundled.is_prepared(), reason="the bundled teacher is not prepared: run `make setup`"
)


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folders, "all_runs", partial(run_folders.all_runs, tmp_path, False))
    monkeypatch.setattr(engine, "warm_up", lambda: None)
    monkeypatch.setattr(engine, "teacher_names", lambda: (bundled.NAME,))

    def opened(**query: str) -> AppTest:
        page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
        page.switch_page("pages/masks.py")
        for name, value in query.items():
            page.query_params[name] = value
        return checked(page.run())

    return opened


def linked(page: AppTest, name: str) -> str:
    value = page.query_params.get(name, "")
    return value[0] if isinstance(value, list) else value


def codes(page: AppTest) -> str:
    return "\n".join(c.value for c in page.code)


def captions(page: AppTest) -> str:
    return "\n".join(c.value for c in page.caption)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_held_and_its_text_can_be_walked(app, name):
    page = app(kind="preset", preset=name)
    assert page.text_area(key="masks_text").value == PRESETS[name].text
    assert not page.warning and any(m.label == "Tokens of the answer" for m in page.metric)
    held = "llguidance**, because" if name == "tree" else "our automaton**,"
    assert held in captions(page)


def test_where_a_text_leaves_the_schema_it_is_called_as_on_the_page(app):
    page = app(kind="preset", preset="date", text="1969-13")
    assert "the schema 'A date (regular expression)' at byte 6" in "\n".join((codes(page), captions(page)))
    page = app(task="pos", words="own", text="{}")
    assert f"the schema '{POS.title}, its own words' at byte 1" in "\n".join((codes(page), captions(page)))


def test_a_preset_can_be_edited(app):
    page = app(kind="preset", preset="date")
    checked(page.button(key="masks_edit").click().run())
    assert page.segmented_control(key="masks_kind").value == "regex"
    assert page.text_area(key="masks_regex").value == PRESETS["date"].source
    checked(page.text_area(key="masks_regex").set_value("(ab|cd){2}").run())
    assert page.text_area(key="masks_text").value in ("abab", "abcd", "cdab", "cdcd")
    assert "(ab|cd){2}" in page.text_area(key="masks_question").value
    assert linked(page, "regex") == "(ab|cd){2}"


@pytest.mark.parametrize(
    ("kind", "text", "line"),
    [
        ("pydantic", "class A(BaseModel):\n    a: int\n    b: nope(1)\n", "3 |     b: nope(1)\n           ^"),
        ("pydantic", "class A(BaseModel:\n    a: int\n", "1 | class A(BaseModel:"),
        ("json", '{\n "type": "object",\n}', "3 | }\n    ^"),
        ("json", '{\n "type": "object",\n "properties": {"a": {"type": "strin"}}\n}', "3 |  "),
        ("regex", "a(b", "1 | a(b\n     ^"),
    ],
)
def test_an_error_is_shown_at_its_line(app, kind, text, line):
    page = app(kind=kind, **{kind: text})
    assert page.error
    assert line in codes(page)
    assert any("Mend the schema" in i.value for i in page.info)


HOSTILE = {
    "pydantic": ["", "\x00", "class", "import os\nos.system('x')", "class A(BaseModel):\n    a: " + "list[" * 400,
                 "x" * 101_000, "class A(BaseModel):\n    a: int = __import__('os')"],
    "json": ["", "\x00", "{" * 5000, "[]", "1e999", '{"a":' * 900 + "1" + "}" * 900, "{" + '"' * 100_001,
             '{"$ref":"#"}',
             '{"type":"string","pattern":"(a+)+$"}', '{"type":"object","properties":{"a":{"$ref":"#"}}}'],
    "regex": ["", "\x00", "(((", "(a+)+$", r"(a)\1", "a{99999}", "(a{1000}){1000}", "[", "\\", "(?=x)", "x" * 30_000,
              "<script>alert(1)</script>", "é\u202e\U0001f600"],
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_is_typed_ends_in_a_schema_or_a_reason(app, kind):
    page = app(kind=kind)
    for text in HOSTILE[kind]:
        checked(page.text_area(key=f"masks_{kind}").set_value(text).run())
        assert page.error or "Held by" in captions(page), text[:60]


@pytest.mark.parametrize("text", ["", "\x00", "<b>", "x" * 100_000, "1969-07-20 and more"])
def test_whatever_is_walked_is_no_traceback(app, text):
    page = app(kind="preset", preset="date")
    checked(page.text_area(key="masks_text").set_value(text).run())
    assert page.warning or page.info or page.error


def test_a_long_schema_says_that_the_link_does_not_carry_it(app):
    page = app(kind="regex")
    long = "|".join(f"word{i:04}" for i in range(400))
    assert len(long) > LONGEST
    checked(page.text_area(key="masks_regex").set_value(long).run())
    assert "does not carry it" in captions(page) and not linked(page, "regex")


def test_two_texts_from_one_seed_and_either_is_walked(app):
    page = app(kind="preset", preset="plate", way="generate", seed="7", limit="12")
    assert any("Press Generate" in i.value for i in page.info)
    page.number_input(key="masks_limit").set_value(11)
    checked(page.button(key="masks_generate").click().run())  # in one run with what was typed just before
    asked = page.session_state["masks_asked"]
    under, free = (asked.found[label] for label in MASKED.values())
    assert under.why_not == "" and under.text in codes(page) and free.text in codes(page)
    assert free.tokens <= 11 and free.model_calls >= under.model_calls
    assert linked(page, "seed") == "7" and linked(page, "way") == "generate"
    checked(page.button(key="masks_walk_constrained").click().run())
    assert page.segmented_control(key="masks_way").value == "walk"
    assert page.text_area(key="masks_text").value == under.text == linked(page, "text")
    assert page.metric and not page.warning


def test_stopping_keeps_what_was_written_and_it_can_be_walked(app):
    page = app(kind="preset", preset="plate", way="generate", limit="12")
    checked(page.button(key="masks_generate").click().run())
    assert page.button(key="masks_stop").disabled and not page.button(key="masks_generate").disabled
    asked = page.session_state["masks_asked"]
    asked.found, asked.partial, asked.stopped = {}, {MASKED[True]: "perhaps: it"}, True
    checked(page.run())
    assert page.session_state["masks_asked"].found == {}  # it does not begin again by itself
    assert "perhaps: it" in codes(page) and page.button(key="masks_walk_raw").disabled
    checked(page.button(key="masks_walk_constrained").click().run())
    assert page.text_area(key="masks_text").value == "perhaps: it"


def test_a_seed_draws_the_same_again_and_greedy_needs_none(app):
    source = mask_engine.Source(Model(bundled.NAME), Wanted("regex", "[a-z]{5}"), "A word?")
    chance = mask_engine.Chance(1.0, 5, 20)
    texts = {mask_engine.write(source, chance, True, lambda _: None).text for _ in range(2)}
    assert len(texts) == 1 and len(texts.pop()) == 5
    page = app(kind="preset", preset="date", way="generate")
    assert not page.number_input(key="masks_seed").disabled
    assert any(c.value == "Seed 0 for both texts" for c in page.sidebar.caption)
    checked(page.slider(key="masks_temperature").set_value(0.0).run())
    assert page.number_input(key="masks_seed").disabled
    assert not any(c.value.startswith("Seed") for c in page.sidebar.caption)  # nothing is drawn


def test_driving_takes_refuses_undoes_and_finishes(app):
    page = app(kind="preset", preset="date", way="drive")
    assert any("Choose the first token" in i.value for i in page.info)
    checked(page.button(key="masks_take_0_0").click().run())
    ids = linked(page, "tokens")
    assert ids and page.metric
    checked(page.button(key="masks_refused_1_0").click().run())
    assert "Refused" in page.error[0].value and "is refused at its byte 0" in codes(page)
    assert linked(page, "tokens") == ids
    page.text_input(key="masks_own_token").set_value("zz")
    checked(page.button(key="masks_add").click().run())
    assert "is refused at its byte 0" in codes(page) and page.text_input(key="masks_own_token").value == "zz"
    checked(page.button(key="masks_finish").click().run())
    assert page.success and not page.error and len(linked(page, "tokens").split(",")) == 11
    assert page.query_params["step"] in ("10", ["10"])
    checked(page.button(key="masks_undo").click().run())
    assert not page.success
    checked(page.button(key="masks_again").click().run())
    assert not linked(page, "tokens") and not page.metric


def test_the_second_click_of_two_takes_no_token_that_was_not_to_be_seen(app):
    page = app(kind="preset", preset="date", way="drive")
    take = page.button(key="masks_take_0_0")
    checked(take.click().run())
    ids = linked(page, "tokens")
    checked(take.click().run())
    assert linked(page, "tokens") == ids and not page.error
    drive = page.session_state[mask_drive.DRIVE][1]
    mask_drive.take(drive, 0, drive.ids[0])  # as when the click comes before the page is drawn to its end
    assert linked(page, "tokens") == ",".join(map(str, drive.ids)) == ids


def test_a_dead_end_leads_back(app):
    page = app(kind="regex", regex=r"b|a\x04", way="drive")  # no token of SmolLM2's is the byte 4
    page.text_input(key="masks_own_token").set_value("a")
    checked(page.button(key="masks_add").click().run())
    assert "no token of this tokenizer begins" in codes(page) and page.metric
    checked(page.button(key="masks_finish").click().run())
    assert "a" in [c.value for c in page.code] and page.error
    checked(page.button(key="masks_undo").click().run())
    assert page.button(key="masks_take_0_0") and not page.error


def test_what_the_model_had_written_stays_if_it_cannot_go_on(app, monkeypatch):
    page = app(kind="preset", preset="date", way="drive")

    def cut_short(drive, limit, show, finish=Drive.finish):
        finish(drive, 3, show)
        raise ModelError("the memory is full: take a smaller model.")

    monkeypatch.setattr(Drive, "finish", cut_short)
    checked(page.button(key="masks_finish").click().run())
    assert page.error[0].value == mask_drive.CUT_SHORT and "the memory is full" in codes(page)
    assert len(linked(page, "tokens").split(",")) == 3
    checked(page.button(key="masks_refused_3_0").click().run())
    assert page.error[0].value == mask_drive.REFUSED_MOVE


def test_typed_text_is_added_as_tokens(app):
    page = app(kind="preset", preset="date", way="drive")
    page.text_input(key="masks_own_token").set_value("1969-0")
    checked(page.button(key="masks_add").click().run())
    assert "1969-0" in codes(page) and page.text_input(key="masks_own_token").value == ""


def test_a_link_restores_what_was_driven(app):
    lm = engine.teacher(bundled.NAME)
    ids = ",".join(map(str, lm.encode("1984-1")))
    page = app(kind="preset", preset="date", way="drive", tokens=ids, step="2")
    assert "1984-1" in codes(page)
    assert linked(page, "tokens") == ids and linked(page, "step") == "2"


@pytest.mark.parametrize("tokens", ["x", "-1", "99999999999", "49151,1", ",,"])
def test_tokens_of_a_wrong_link_are_harmless(app, tokens):
    assert app(kind="preset", preset="date", way="drive", tokens=tokens).button(key="masks_take_0_0")


def test_sample_texts_are_shown_and_the_seed_changes_them(app):
    page = app(kind="preset", preset="date")
    assert not page.dataframe  # folded away, and not worked out
    page = app(kind="preset", preset="date", view="samples")
    assert page.session_state["masks_further"] is True
    first = [frame.value for frame in page.dataframe]
    assert list(first[0]["Bytes"]) == [10] * 8
    assert len(first[1]) == 8 and {"Byte", "Expected", "Changed"} <= set(first[1].columns)
    checked(page.number_input(key="masks_samples").set_value(3).run())
    assert list(page.dataframe[0].value["Text"]) != list(first[0]["Text"])
    assert linked(page, "samples") == "3"


def test_samples_of_a_recursive_schema_are_trees(app):
    for text in app(kind="preset", preset="tree", view="samples").dataframe[0].value["Text"]:
        assert set(json.loads(text)) == {"name", "children"}


def test_engines_are_lines_of_one_table(app):
    page = app(kind="preset", preset="tree", view="engines")
    assert not page.dataframe
    checked(page.button(key="masks_measure").click().run())
    table = page.dataframe[0].value.set_index("Engine")
    assert list(table.index) == ["our automaton", "llguidance", "xgrammar", "outlines"]
    assert "refers to itself" in table.loc["our automaton", "Masks"]
    assert table.loc["llguidance", "Masks"] == "✓ the same in every bit" and table.loc["llguidance", "First, ms"] > 0
    checked(page.text_area(key="masks_text").set_value('{"name":"x"').run())
    assert not page.dataframe  # measured on another text


def test_engines_without_limits_are_not_run_on_a_large_schema(app):
    large = "class A(BaseModel):\n    a: str = Field(max_length=200)\n"
    page = app(kind="pydantic", pydantic=large, view="engines", text='{"a":"x"}')
    checked(page.button(key="masks_measure").click().run())
    table = page.dataframe[0].value.set_index("Engine")
    assert "cannot be stopped" in table.loc["outlines", "Masks"]
    assert "cannot be stopped" in table.loc["xgrammar", "Masks"]
    assert table.loc["our automaton", "Masks"] == "✓ the same in every bit"


def test_a_corpus_is_measured(app):
    page = app(view="corpus")
    shown = {m.label: m.value for m in page.metric}
    wanted = Corpus("pos", None, "dev", mask_corpus.USUAL, True)
    found = mask_engine.corpus(Model(bundled.NAME), wanted, uploads.stamp(None))
    assert shown["Positions"] == f"{found.positions:,}" and shown["Different masks"] == f"{found.rows:,}"
    assert len(found.allowed) == len(POS.load(None).dev)
    step = mask_corpus._width(found.allowed)
    cells = mask_corpus.table(found, step)
    assert (cells["example"].min(), cells["example"].max()) == (1, len(found.places))
    assert len(cells) <= mask_corpus.MARKS and cells["of"].sum() == found.positions
    assert cells["forced"].sum() == found.forced


def test_a_corpus_of_ones_own_may_not_fit(app, tmp_path, monkeypatch):
    """The Datasets page's file is measured, whatever schema is above; what does not fit is left out, and said."""
    adverts = [{"text": e.input, **json.loads(e.answer)} for e in CARS.load(None).train[:12]]
    adverts[1]["year"] = 1850  # the advert has no such year
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(map(json.dumps, adverts)))
    monkeypatch.setattr(uploads, "chosen", lambda task: str(file) if task.name == "cars" else None)
    data = CARS.load(str(file))
    first, second, third, *others = data.train
    mixed = replace(data, train=(first, second, replace(third, answer=""), *others))
    monkeypatch.setattr(uploads, "load", lambda task, path: mixed)
    page = app(kind="preset", preset="date", view="corpus", corpus_task="cars", corpus_split="train", corpus_count="5")
    assert page.selectbox(key="masks_corpus_data cars").value == str(file)
    assert linked(page, "corpus_count") == "5" and linked(page, "corpus_data") == str(file)
    assert {m.label for m in page.metric} >= {"Positions", "Memory kept", "Dense it would be"}
    assert any("1 of 4 answers do not keep" in w.value for w in page.warning)
    assert "1 of these inputs have no gold answer" in captions(page)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_a_view_of_its_own(app, name):
    page = app(**SAMPLES[name])
    assert all(linked(page, key) == value for key, value in SAMPLES[name].items())


def test_reset_forgets_everything(app):
    page = app(kind="regex", regex="abc", way="drive", view="engines")
    checked(page.button(key="_masks_reset").click().run())
    assert page.segmented_control(key="masks_kind").value == "task"
    assert page.segmented_control(key="masks_way").value == "walk"
    assert page.text_area(key="masks_text").value == POS.load(None).dev[0].answer
    assert not {"kind", "regex", "way", "view"} & set(page.query_params)


def test_a_long_line_is_cut_around_its_caret():
    text = "a" * 500 + "X" + "b" * 500
    line, caret = schema_form.marked(text, 1, 501).split("\n")
    assert line[caret.index("^")] == "X" and len(line) < 120
    assert schema_form.marked("", 1, 1) == "1 | \n    ^"
