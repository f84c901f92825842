"""The Teacher page, with a tiny random teacher in place of the bundled one."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import ModelError
from core.evaluate.report import scores
from core.models import students, teachers
from core.models.student_config import StudentConfig
from core.models.teachers import AdapterCard
from core.paths import ROOT
from core.tasks import CARS, POS
from core.tasks.prompt import Prompt, as_shot
from ui import asking, engine
from ui.teacher import prompt_form, prompt_store, teacher_job
from ui.teacher.teacher_input import drawn
from ui.text import percent

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
    app.session_state["teacher_shots"] = ()
    return app.toggle(key="teacher_schema").set_value(False).run()


def test_an_untuned_teacher_gets_two_shots_and_the_schema() -> None:
    app = page()
    assert app.text_area(key="teacher_instructions").value == POS.instructions
    assert app.session_state["teacher_shots"] == tuple(map(as_shot, POS.shots[:2]))
    assert app.session_state["teacher_schema"] is True
    exact = next(expander for expander in app.expander if expander.label == "The exact prompt")
    assert POS.shots[1].answer in exact.code[0].value
    parts = next(caption.value for caption in app.caption if caption.value.startswith("instructions "))
    assert all(part in parts for part in ("schema ", "worked examples ", "input "))


def test_a_tuned_teacher_comes_first_and_gets_its_own_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "teacher_names", lambda: ("smollm2+pos", "smollm2"))
    monkeypatch.setattr(teachers, "card", lambda name: CARD if name == "smollm2+pos" else None)
    app = page()
    assert app.text_area(key="teacher_instructions").value == "Tag it."
    assert (app.session_state["teacher_shots"], app.session_state["teacher_schema"]) == ((), False)
    app.selectbox(key="teacher_name").set_value("smollm2").run()
    assert (len(app.session_state["teacher_shots"]), app.session_state["teacher_schema"]) == (2, True)
    app.text_area(key="teacher_instructions").set_value("Mine.").run()
    app.selectbox(key="teacher_name").set_value("smollm2+pos").run()
    assert app.text_area(key="teacher_instructions").value == "Mine."  # an edited prompt is tried on another teacher


def test_run_shows_both_answers_until_the_prompt_changes() -> None:
    app = short(page())
    app.button(key="teacher_run").click().run()
    assert not app.exception
    assert {"#### With the mask", "#### Without the mask", "#### Token by token"} <= {m.value for m in app.markdown}
    found = app.session_state["teacher_asked"].found
    assert found["With the mask"].answer.valid
    app.segmented_control(key="teacher_shade").set_value("allowed").run()
    app.selectbox(key="teacher_line").set_value("removed").run()
    assert {"shade", "line"} <= set(app.query_params)
    app.button_group(key="teacher_tokens").set_value("Without the mask").run()
    assert not app.exception
    assert app.selectbox(key="teacher_line").options == ["Nothing", "Probability", "Agreement", "Loss"]  # no mask
    free = found["Without the mask"]
    assert [step.id for step in free.steps] == list(free.answer.ids)
    app.text_area(key="teacher_instructions").set_value("Something else.").run()
    assert "#### Without the mask" not in {m.value for m in app.markdown}


def test_one_way_asks_once_and_stands_in_the_link() -> None:
    app = short(page(way="without"))
    app.button(key="teacher_run").click().run()
    assert not app.exception
    assert list(app.session_state["teacher_asked"].found) == ["Without the mask"]
    app.button_group(key="teacher_way").set_value("both").run()
    assert set(app.session_state["teacher_asked"].found) == {"With the mask", "Without the mask"}


def test_nothing_opens_while_an_answer_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening draws the page anew, and the answer would begin again."""
    app, drawn = short(page()), []
    for module, name in ((prompt_form, "samples"), (prompt_store, "draw")):
        monkeypatch.setattr(module, name, lambda *_, disabled: drawn.append(disabled))
    app.button(key="teacher_run").click().run()
    assert not app.exception and drawn == [True] * 4 + [False] * 2  # while either is written, and after


def test_stopping_keeps_what_had_come() -> None:
    app = short(page())
    app.button(key="teacher_run").click().run()
    kept = app.session_state["teacher_asked"]
    kept.found, kept.partial, kept.stopped = {}, {"Without the mask": "<b>half"}, True
    app.run()
    assert not app.exception
    assert not kept.found
    assert any(text.value == "<b>half" for text in app.text)
    assert not app.button(key="teacher_run").disabled and app.button(key="teacher_stop").disabled


def test_an_input_of_ones_own_has_no_gold() -> None:
    app = short(page(task="cars"))
    app.button_group(key="teacher_source").set_value("own").run()
    assert app.button(key="teacher_run").disabled
    app.text_area(key="teacher_text cars").set_value("1974 ford pinto, 20 mpg").run()
    app.button(key="teacher_run").click().run()
    assert not app.exception
    assert app.session_state["teacher_asked"].found["With the mask"].answer.valid
    assert not any("gold" in badge.value for badge in app.markdown)


def test_score_counts_hits_of_dev_and_shows_the_worst_first() -> None:
    app = short(page(task="cars"))
    app.slider(key="teacher_n").set_value(5).run()
    app.button(key="teacher_score_go").click().run()
    assert not app.exception
    dev = CARS.load(None).dev
    examples = [dev[i] for i in drawn(len(dev), 0)[:5]]
    (kept,) = (answers for answers in app.session_state["teacher_answers"].values() if answers)
    assert set(kept) == {example.input for example in examples}
    found = scores(CARS, examples, [kept[e.input] for e in examples])
    assert next(metric for metric in app.metric if metric.label == "Valid").delta == "5 of 5"
    low, high = found["field_accuracy"].interval
    assert any(f"{percent(low)} to {percent(high)}" in caption.value for caption in app.caption)
    frame = next(frame.value for frame in app.dataframe if "Right" in frame.value)
    shares = [int(row.split()[1]) / int(row.split()[3]) for row in frame["Right"]]
    assert shares == sorted(shares) and len(shares) == 5
    app.slider(key="teacher_n").set_value(6).run()
    assert any("5 of 6 answers are here" in bar.proto.text for bar in app.get("progress"))


def test_two_prompts_are_compared_on_the_same_examples() -> None:
    app = short(page(task="cars"))
    app.text_area(key="teacher_instructions").set_value(CARS.instructions).run()
    assert any("A and B are the same prompt" in info.value for info in app.info)
    app.text_area(key="teacher_instructions").set_value("Something else.").run()
    app.slider(key="teacher_n").set_value(5).run()
    app.button(key="teacher_versus_go").click().run()
    assert not app.exception
    of_a, of_b = (answers for answers in app.session_state["teacher_answers"].values() if answers)
    assert set(of_a) == set(of_b) and len(of_a) == 5
    table = next(frame.value for frame in app.dataframe if "Exactly right" in frame.value)
    assert table["Examples"].sum() == 5
    assert any("No verdict yet" in text.value for text in app.markdown)


def test_another_model_is_loaded_on_demand_and_its_error_shown() -> None:
    app = page()
    app.selectbox(key="teacher_name").set_value("another model …").run()
    assert any("Name a model above" in info.value for info in app.info)
    app.text_input(key="teacher_other").set_value("missing/model").run()
    assert not app.error
    app.button(key="teacher_load").click().run()
    assert not app.exception
    assert any("the hub has no model" in code.value for code in app.code)
    app.text_input(key="teacher_other").set_value("/models/other").run()
    app.button(key="teacher_load").click().run()
    assert app.button(key="teacher_run")


def test_a_student_as_a_teacher_is_given_the_input_alone(monkeypatch: pytest.MonkeyPatch, teacher: Any) -> None:
    config = StudentConfig(kind="cut", layers=(0,), vocabulary=400, context=256)
    student = students.build(config, teacher, [], seed=0)
    monkeypatch.setattr(engine, "teacher", lambda name: student)
    app = page()
    assert any("given the input alone" in info.value for info in app.info)
    exact = next(expander for expander in app.expander if expander.label == "The exact prompt")
    assert "Tag" not in exact.code[0].value and exact.code[0].value.endswith(student.tokenizer.eos_token)
    app.button(key="teacher_run").click().run()
    assert not app.exception
    asked = app.session_state["teacher_asked"].found["With the mask"]
    assert asked.answer.valid


def test_a_prompt_is_handed_to_distill() -> None:
    app = page()
    app.text_area(key="teacher_instructions").set_value("Tag *well*.").run()
    app.button(key="teacher_use").click().run()
    assert not app.exception
    kept = app.session_state["prompt"]["pos"]
    assert isinstance(kept, Prompt)
    assert (kept.instructions, kept.with_schema, len(kept.shots)) == ("Tag *well*.", True, 2)


def test_what_is_pressed_holds_for_what_was_typed_just_before() -> None:
    """Leaving the field and the click come as one: nothing of the old prompt is asked or handed over."""
    app = short(page(task="cars", way="with", n="5"))
    app.text_area(key="teacher_instructions").set_value("Mine.")
    app.button(key="teacher_use").click().run()
    assert app.session_state["prompt"]["cars"].instructions == "Mine."
    app.text_area(key="teacher_instructions").set_value("Mine as well.")
    app.button(key="teacher_run").click().run()
    assert not app.exception
    assert app.session_state["teacher_asked"].key[3].instructions == "Mine as well."
    assert "#### Token by token" in {m.value for m in app.markdown}
    app.text_area(key="teacher_instructions").set_value("And mine.")
    app.button(key="teacher_score_go").click().run()
    assert {
        (prompt.instructions, len(found)) for (*_, prompt), found in app.session_state["teacher_answers"].items()
    } == {("And mine.", 5)}


def test_a_press_that_nothing_came_of_asks_nothing_later() -> None:
    def nothing_asked() -> bool:
        asked, answers = (name in app.session_state for name in ("teacher_asked", "teacher_answers"))
        return not app.exception and not asked and not answers

    app = short(page(task="cars", n="5"))
    app.text_area(key="teacher_instructions").set_value("")  # and so the page ends early
    app.button(key="teacher_run").click()
    app.button(key="teacher_score_go").click().run()
    app.text_area(key="teacher_instructions").set_value("Mine.").run()
    assert nothing_asked()
    app.text_area(key="teacher_instructions").set_value(CARS.instructions)  # A and B are the same
    app.button(key="teacher_versus_go").click().run()
    app.text_area(key="teacher_instructions").set_value("Mine.").run()
    assert nothing_asked()


def test_a_press_is_forgotten_with_its_page() -> None:
    """The page was left before its section was drawn, as while a model was loaded."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)  # leads to another page
    app.session_state["_page"] = "teacher"
    app.session_state[asking.PRESSED] = {"teacher_score"}
    assert not app.run().exception and asking.PRESSED not in app.session_state


def test_an_input_that_was_emptied_can_be_neither_asked_nor_stopped() -> None:
    app = short(page(task="cars"))
    app.button_group(key="teacher_source").set_value("own").run()
    app.text_area(key="teacher_text cars").set_value("1974 ford pinto, 20 mpg").run()
    app.text_area(key="teacher_text cars").set_value("")
    app.button(key="teacher_run").click().run()
    assert not app.exception and "teacher_asked" in app.session_state
    assert app.button(key="teacher_run").disabled and app.button(key="teacher_stop").disabled


def test_an_answer_whose_tokens_cannot_be_read_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def explain(*_: Any) -> None:
        raise ModelError("the context is too short: take another.")

    monkeypatch.setattr(engine, "explain", explain)
    app = short(page(task="cars"))
    app.button(key="teacher_run").click().run()
    assert not app.exception
    asked = app.session_state["teacher_asked"]
    assert set(asked.found) == {"With the mask", "Without the mask"} and not asked.wrong
    assert asked.found["With the mask"].answer.valid and not asked.found["With the mask"].steps
    said = [code.value for code in app.code if "tokens of this answer cannot be shown" in code.value]
    assert said == ["With the mask: the tokens of this answer cannot be shown: the context is too short: take another."]


def test_a_folder_that_changed_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    app = short(page(task="cars", way="with", n="5"))
    app.button(key="teacher_run").click().run()
    app.button(key="teacher_score_go").click().run()
    assert "#### Token by token" in {m.value for m in app.markdown}
    monkeypatch.setattr(engine, "stamp", lambda _: 1.0)
    assert not app.run().exception
    assert "#### Token by token" not in {m.value for m in app.markdown}
    assert any(bar.proto.text == "5 answers to ask for." for bar in app.get("progress"))


def test_prompts_that_were_only_looked_at_cost_no_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher_job, "KEPT", 1)
    app = short(page(task="cars", n="5"))
    app.text_area(key="teacher_instructions").set_value("Mine.").run()
    app.button(key="teacher_score_go").click().run()
    for text in ("One.", "Two.", "Mine."):
        app.text_area(key="teacher_instructions").set_value(text).run()
    assert any(bar.proto.text == "Done." for bar in app.get("progress"))


def test_a_chat_template_that_cannot_be_used_is_an_error_beside_what_works(
    monkeypatch: pytest.MonkeyPatch, teacher: Any
) -> None:
    monkeypatch.setattr(teacher.tokenizer, "chat_template", "{{ raise_exception('no system role') }}")
    monkeypatch.setattr(teacher, "prompts", {})
    app = short(page())
    app.text_area(key="teacher_instructions").set_value("Mine.").run()
    assert not app.exception
    said = [code.value for code in app.code if "chat template" in code.value]
    assert len(said) == 2  # where its length would be, and in place of the comparison
    app.button(key="teacher_use").click().run()
    assert not app.exception and app.session_state["prompt"]["pos"].instructions == "Mine."


def test_without_instructions_there_is_nothing_to_run() -> None:
    app = page()
    app.text_area(key="teacher_instructions").set_value("  ").run()
    assert not app.exception
    assert any("Write instructions" in warning.value for warning in app.warning)
    app.button(key="teacher_restore").click().run()
    assert app.text_area(key="teacher_instructions").value == POS.instructions
