"""The Teacher page, with a tiny random teacher in place of the bundled one."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import ModelError
from core.evaluate.report import scores
from core.models import teachers
from core.models.teachers import AdapterCard
from core.paths import ROOT
from core.tasks import CARS, POS
from core.tasks.prompt import Prompt
from ui import engine

CARD = AdapterCard("pos", "Tag it.", "EWT", "CC", "python", "0.9")


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch, teacher: Any) -> None:
    def load(name: str) -> Any:
        if name == "missing/model":
            raise ModelError("the hub has no model 'missing/model': check the spelling.")
        return teacher

    monkeypatch.setattr(engine, "warm_up", lambda: None)
    monkeypatch.setattr(engine, "teacher", load)
    monkeypatch.setattr(engine, "teacher_names", lambda: ("smollm2",))


def page(**params: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    app.switch_page("pages/teacher.py")
    for name, value in params.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def short(app: AppTest) -> AppTest:
    """A prompt that a small context holds."""
    app.button_group(key="teacher_shots").set_value(0)
    return app.toggle(key="teacher_schema").set_value(False).run()


def test_an_untuned_teacher_gets_two_shots_and_the_schema() -> None:
    app = page()
    assert app.text_area(key="teacher_instructions").value == POS.instructions
    assert app.session_state["teacher_shots"] == 2
    assert app.session_state["teacher_schema"] is True
    assert any(expander.label.startswith("The exact prompt: ") for expander in app.expander)


def test_a_tuned_teacher_comes_first_and_gets_its_own_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "teacher_names", lambda: ("smollm2+pos", "smollm2"))
    monkeypatch.setattr(teachers, "card", lambda name: CARD if name == "smollm2+pos" else None)
    app = page()
    assert app.text_area(key="teacher_instructions").value == "Tag it."
    assert (app.session_state["teacher_shots"], app.session_state["teacher_schema"]) == (0, False)
    app.selectbox(key="teacher_name").set_value("smollm2").run()
    assert (app.session_state["teacher_shots"], app.session_state["teacher_schema"]) == (2, True)


def test_run_shows_both_answers_until_the_prompt_changes() -> None:
    app = short(page())
    app.button(key="teacher_run").click().run()
    assert not app.exception
    assert {"With the schema", "Without"} <= {heading.value for heading in app.subheader}
    found = app.session_state["teacher_asked"]["answers"]
    assert found["With the schema"].valid
    app.text_area(key="teacher_instructions").set_value("Something else.").run()
    assert "Without" not in {heading.value for heading in app.subheader}


def test_an_input_of_ones_own_has_no_gold() -> None:
    app = short(page(teacher_task=CARS.title))
    app.button_group(key="teacher_source").set_value("My own").run()
    assert app.button(key="teacher_run").disabled
    app.text_area(key="teacher_text_cars").set_value("1974 ford pinto, 20 mpg").run()
    app.button(key="teacher_run").click().run()
    assert not app.exception
    assert app.session_state["teacher_asked"]["answers"]["With the schema"].valid
    assert not any("gold" in badge.value for badge in app.markdown)


def test_score_counts_hits_of_dev() -> None:
    app = short(page(teacher_task=CARS.title))
    app.slider(key="teacher_score_n").set_value(5).run()
    app.button(key="teacher_score_go").click().run()
    assert not app.exception
    state = app.session_state["teacher_score"]
    assert len(state["outputs"]) == 5
    assert not state["running"]
    expected = scores(CARS, CARS.load(None).dev, state["outputs"])["valid"]
    assert (expected.hits, expected.total) == (5, 5)
    assert next(metric for metric in app.metric if metric.label == "Valid").delta == "5 of 5"


def test_another_model_is_loaded_on_demand_and_its_error_shown() -> None:
    app = page()
    app.selectbox(key="teacher_name").set_value("another model…").run()
    assert any("Name a model above" in info.value for info in app.info)
    app.text_input(key="teacher_other").set_value("missing/model").run()
    assert not app.error
    app.button(key="teacher_load").click().run()
    assert not app.exception
    assert any("the hub has no model" in code.value for code in app.code)
    app.text_input(key="teacher_other").set_value("/models/other").run()
    app.button(key="teacher_load").click().run()
    assert app.button(key="teacher_run")


def test_a_prompt_is_handed_to_distill() -> None:
    app = page()
    app.text_area(key="teacher_instructions").set_value("Tag *well*.").run()
    app.button(key="teacher_use").click().run()
    assert not app.exception
    kept = app.session_state["prompt"]["pos"]
    assert isinstance(kept, Prompt)
    assert (kept.instructions, kept.with_schema, len(kept.shots)) == ("Tag *well*.", True, 2)


def test_without_instructions_there_is_nothing_to_run() -> None:
    app = page()
    app.text_area(key="teacher_instructions").set_value("  ").run()
    assert not app.exception
    assert any("Write instructions" in warning.value for warning in app.warning)
    app.button(key="teacher_restore").click().run()
    assert app.text_area(key="teacher_instructions").value == POS.instructions
