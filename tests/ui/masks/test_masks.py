"""The Masks page as a whole, over the bundled teacher, and its small parts on their own."""

from dataclasses import dataclass, field
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from core.constrain import compile as compiler
from core.constrain import schema, template
from core.models import bundled
from core.paths import ROOT
from core.runs import folder as run_folders
from core.tasks import CARS, POS
from tests.ui.conftest import checked
from ui import engine
from ui.components import candidates, strip_metrics, vocabulary_table
from ui.masks import schema_form
from ui.text import share

END = 2

needs_teacher = pytest.mark.skipif(
    not bundled.is_prepared(), reason="the bundled teacher is not prepared: run `make setup`"
)


@dataclass
class Candidate:
    id: int
    text: str
    before: float
    after: float
    dies_at: int | None = None
    expected: str = ""

    @property
    def allowed(self) -> bool:
        return self.dies_at is None


@dataclass
class Step:
    id: int = 7
    text: str = "NO"
    before: float = 0.001
    after: float = 0.01
    removed: float = 0.9
    allowed: int = 3
    candidates: list[Candidate] = field(default_factory=list)


@pytest.fixture
def app(tmp_path, monkeypatch):
    """The page, freshly opened, with the bundled teacher and no runs."""
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


def step_of(page: AppTest) -> str:
    step = page.query_params["step"]
    return step[0] if isinstance(step, list) else step


def select(page: AppTest, index: int) -> None:
    """As a click on a token does."""
    state = page.session_state["_masks_strip_last"]
    page.session_state["masks_strip"] = {"selection": {**state, "index": index, "turn": state["turn"] + 1}}
    checked(page.run())


def figures(page: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in page.metric}


@needs_teacher
def test_default_view_shows_the_gold_answer(app):
    page = app()
    example = POS.load(None).dev[0]
    assert page.text_area(key="masks_text").value == example.answer
    shown = figures(page)
    assert int(shown["Tokens of the answer"]) > 20
    assert shown["Automaton states"] == f"{len(template.automaton(POS.template(example.input))):,}"
    assert page.session_state["masks_setup"] is False and page.session_state["masks_cells"] is True
    assert any("Free choice" in m.value for m in page.markdown)


@needs_teacher
def test_the_link_follows_the_selected_step_whatever_is_shaded(app):
    page = app()
    first = int(step_of(page))
    select(page, first + 1)
    assert int(step_of(page)) == first + 1
    checked(page.segmented_control(key="masks_shade").set_value("allowed").run())
    checked(page.selectbox(key="masks_line").set_value("loss").run())
    assert int(step_of(page)) == first + 1


@needs_teacher
def test_a_link_pins_the_token_that_was_pinned(app):
    page = app(pin="345", count="12")
    assert page.session_state["masks_grid_pinned"]["token"] == 345
    assert page.slider(key="masks_count").value == 12
    page.session_state["masks_grid_pinned"] = {**page.session_state["masks_grid_pinned"], "token": 8}
    checked(page.run())
    assert page.query_params["pin"] in ("8", ["8"])
    assert "pin" not in app(pin="4999999").query_params


@needs_teacher
def test_the_selected_step_is_in_the_words_of_the_automaton(app):
    page = app()
    free = int(step_of(page))
    assert any("one of 17: ADJ" in c.value and f"Passed by token {free}." in c.value for c in page.code)
    select(page, free + 1)
    assert any("on the way from state" in c.value for c in page.code)
    assert any(f"vocabulary before token {free + 1}" in m.value for m in page.markdown)


def vocabulary(page):
    return next(frame.value for frame in page.dataframe if "p before" in frame.value)


@needs_teacher
def test_the_vocabulary_as_a_table_can_be_searched(app):
    page = app()
    checked(page.segmented_control(key="masks_vocabulary").set_value("Table").run())
    table = vocabulary(page)
    assert len(table) == vocabulary_table.SHOWN and table["p before"].is_monotonic_decreasing
    checked(page.segmented_control(key="masks_table_show").set_value("allowed").run())
    checked(page.text_input(key="masks_table_search").set_value("NO").run())
    table = vocabulary(page)
    assert table["allowed"].all() and "NO" in set(table["text"]) and table["expected"].eq("").all()


@needs_teacher
def test_more_candidates_on_request(app):
    page = app()
    checked(page.slider(key="masks_count").set_value(20).run())
    assert page.slider(key="masks_count").value == 20


@needs_teacher
def test_a_link_restores_example_and_step(app):
    page = app(example="3", step="5")
    assert page.text_area(key="masks_text").value == POS.load(None).dev[3].answer
    assert step_of(page) == "5"


@needs_teacher
@pytest.mark.parametrize("step", ["-1", "99999", "x", ""])
def test_a_wrong_link_is_harmless(app, step):
    page = app(example="1000", step=step, model="nobody", kind="?", way="?", view="?")
    assert page.text_area(key="masks_text").value == POS.load(None).dev[0].answer
    assert step_of(page).isdecimal()


@needs_teacher
def test_an_answer_that_leaves_the_schema_is_named_by_its_byte_and_kept(app):
    page = app()
    wrong = '{"tokens":[{"text":"<script>'
    checked(page.text_area(key="masks_text").set_value(wrong).run())
    assert any("at byte 20" in c.value for c in page.code)
    assert page.text_area(key="masks_text").value == wrong
    assert page.warning and int(figures(page)["Tokens of the answer"]) < 9
    checked(page.button(key="masks_gold").click().run())
    assert page.text_area(key="masks_text").value == POS.load(None).dev[0].answer
    assert page.metric


@needs_teacher
def test_where_a_text_leaves_the_schema_is_looked_at_whenever_it_does(app):
    page = app()
    for wrong in ('{"tokens":[{"text":"<script>', '{"tokens":["'):
        checked(page.text_area(key="masks_text").set_value(wrong).run())
        assert int(step_of(page)) == int(figures(page)["Tokens of the answer"]) - 1
    select(page, 0)
    assert step_of(page) == "0"  # and one may look elsewhere
    assert step_of(app(text='{"tokens":["', step="1")) == "1"


@needs_teacher
def test_a_beginning_is_enough_and_nothing_says_what_to_do(app):
    page = app()
    checked(page.text_area(key="masks_text").set_value('{"tokens":').run())
    assert int(figures(page)["Tokens of the answer"]) < 6
    checked(page.text_area(key="masks_text").set_value("").run())
    assert any("Not one token" in i.value for i in page.info)


@needs_teacher
def test_the_general_schema_has_its_own_states(app):
    page = app()
    checked(page.segmented_control(key="masks_words").set_value("general").run())
    general = schema.from_pydantic(POS.output)
    assert figures(page)["Automaton states"] == f"{len(compiler.compile(general.expression, general.name)):,}"


@needs_teacher
def test_a_clicked_state_is_forgotten_with_its_automaton(app):
    """The same text under a schema with fewer states, which has none of that number."""
    page = app(step="3")
    page.session_state["masks_picked"] = (max(page.session_state["masks_trail"][1].picture.leaving), 3)
    checked(page.run())
    assert "masks_picked" in page.session_state
    checked(page.segmented_control(key="masks_words").set_value("general").run())
    assert step_of(page) == "3" and "masks_picked" not in page.session_state


@needs_teacher
def test_examples_are_those_of_the_data_that_was_chosen(app, tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("".join(f"Go number {i} !\n" for i in range(20)))
    page = app(data_pos=str(file))
    assert page.selectbox(key="masks_example").options[1] == "1  Go number 16 !"
    assert page.query_params["data_pos"] in (str(file), [str(file)])
    file.write_text("")
    checked(page.run())
    assert page.selectbox(key="masks_example").options[1].endswith(POS.load(None).dev[0].input)


@needs_teacher
def test_cars_and_own_text(app):
    page = app()
    checked(page.selectbox(key="masks_task").set_value("cars").run())
    assert page.text_area(key="masks_text").value == CARS.load(None).dev[0].answer
    checked(page.selectbox(key="masks_example").set_value(schema_form.OWN).run())
    assert page.text_area(key="masks_text").value == ""
    assert any("type one" in i.value for i in page.info)


@needs_teacher
@pytest.mark.parametrize(("text", "reason"), [(" ", "is empty"), ("word " * 3000, "shorten it")])
def test_inputs_that_do_not_work_are_named(app, text, reason):
    page = app()
    checked(page.selectbox(key="masks_example").set_value(schema_form.OWN).run())
    checked(page.text_input(key="masks_input").set_value(text).run())
    assert any(reason in c.value for c in page.code)


def test_refused_candidates_say_where_they_die():
    step = Step(
        candidates=[
            Candidate(1, " the", 0.6, 0.0, 0, "D"),
            Candidate(3, "NOx", 0.2, 0.0, 2, "U"),
            Candidate(4, "DET", 0.1, 0.9),
            Candidate(END, "", 0.05, 0.0, 0, "D"),
            Candidate(9, "", 0.04, 0.0, 0, "D"),
        ]
    )
    rows = candidates.of_step(step, END)
    assert [row.text for row in rows] == ["·the", "NOx", "DET", "⟨end⟩", "⟨special token 9⟩", "NO"]
    assert [bool(row.why) for row in rows] == [True, True, False, True, True, False]
    assert rows[0].why == "dies at byte 0 ( · ): expected D"
    assert rows[1].why == "dies at byte 2 ( x ): expected U"
    assert rows[3].why == "may not end here: expected D"
    assert rows[-1].written and rows[-1].before == 0.001
    assert [row.text for row in candidates.of_step(step, END, 1)] == ["·the", "DET", "NO"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0 %"),
        (1e-9, "< 0.01 %"),
        (0.00005, "0.01 %"),
        (0.12345, "12.35 %"),
        (0.99999, "> 99.99 %"),
        (1.0, "100.00 %"),
    ],
)
def test_shares_are_honest(value, shown):
    assert share(value) == shown


@pytest.mark.parametrize("name", strip_metrics.OF_STEP)
def test_metrics_lie_between_nothing_and_all(name):
    for before, after in ((0.0, 0.0), (1e-30, 1e-9), (0.5, 1.0), (1.0, 1.0)):
        step = Step(before=before, after=after, candidates=[Candidate(1, "x", before, after)])
        assert 0.0 <= strip_metrics.measure(step, 100, name) <= 1.0


@pytest.mark.parametrize(
    ("text", "shown"), [(" a ", "·a·"), ("  ", "··"), ("a\n", "a⏎"), ("\x00", "␀"), ("<b>", "<b>"), ("é", "é")]
)
def test_blanks_and_control_characters_are_visible(text, shown):
    assert candidates.visible(text) == shown


@needs_teacher
def test_what_was_typed_is_there_after_a_look_at_another_page(app):
    page = app()
    checked(page.selectbox(key="masks_example").set_value(schema_form.OWN).run())
    checked(page.text_input(key="masks_input").set_value("Go on !").run())
    checked(page.text_area(key="masks_text").set_value('{"tokens":[{"text":"Go"').run())
    page.switch_page("pages/anatomy.py")
    checked(page.run())
    page.switch_page("pages/masks.py")
    checked(page.run())
    assert page.text_input(key="masks_input").value == "Go on !"
    assert page.text_area(key="masks_text").value == '{"tokens":[{"text":"Go"'


@needs_teacher
def test_what_was_chosen_is_there_after_a_look_at_another_page(app):
    page = app(kind="regex", regex="(ab|cd){2}", way="drive")
    assert page.segmented_control(key="masks_kind").value == "regex"
    checked(page.segmented_control(key="masks_way").set_value("walk").run())
    checked(page.text_area(key="masks_text").set_value("abcd").run())
    checked(page.selectbox(key="masks_line").set_value("loss").run())
    page.switch_page("pages/anatomy.py")
    checked(page.run())
    page.switch_page("pages/masks.py")
    checked(page.run())
    assert page.segmented_control(key="masks_kind").value == "regex"
    assert page.text_area(key="masks_regex").value == "(ab|cd){2}" and page.text_area(key="masks_text").value == "abcd"
    assert page.selectbox(key="masks_line").value == "loss"
    assert {"kind", "regex", "line"} <= set(page.query_params)


def without_automaton() -> None:
    from core.constrain import schema
    from core.constrain.engines import choice
    from core.constrain.tokens import BYTES
    from ui.masks import mask_steps
    from ui.masks.mask_source import Explained

    found = schema.from_json_schema({"enum": ["x", "y"]})
    mask_steps._automaton(Explained((), len(BYTES), BYTES.eos), choice.build(found, BYTES, "llguidance"), 0)


def test_an_engine_without_automaton_is_said_so():
    page = checked(AppTest.from_function(without_automaton, default_timeout=60).run())
    assert any("engine llguidance holds this schema" in i.value for i in page.info)
