"""The generated form: presets fill it, contradictions are named, YAML comes back as it went."""

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from core.distill import config as run_config
from core.distill.config import LabelConfig, RunConfig, SignalConfig, Stage
from core.distill.presets import PRESETS
from core.errors import ConfigError
from core.models.student_config import StudentConfig
from core.paths import ROOT
from tests.ui.conftest import IdleJobs, checked
from ui import engine, uploads
from ui.distill import run_file, run_form
from ui.run_text import describe
from ui.text import literal


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Opens the page over an empty place for runs; nothing heavy is loaded."""
    idle = IdleJobs(tmp_path / "runs")
    monkeypatch.setattr(engine, "jobs", lambda: idle)
    monkeypatch.setattr(engine, "warm_up", lambda: None)
    monkeypatch.setattr(engine, "teacher_names", lambda: ("smollm2",))
    monkeypatch.setattr(uploads, "UPLOADS", tmp_path / "uploads")

    def opened() -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
        return checked(app.switch_page("pages/distill.py").run())

    return opened


def texts(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in (*app.error, *app.code))


def shown(app: AppTest) -> RunConfig:
    """The configuration as the page's YAML says it."""
    return run_config.read_yaml(next(code.value for code in app.code if code.value.startswith("name:")))


def untuned(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"teacher": "smollm2"})


@pytest.mark.parametrize("name", PRESETS)
def test_presets_fill_the_form(page, name):
    app = page()
    checked(app.segmented_control(key="distill_preset").set_value(name).run())
    assert shown(app) == untuned(PRESETS[name])


def test_choosing_a_preset_resets_the_form(page):
    app = page()
    app.number_input(key="distill_batch_size").set_value(7).run()
    assert shown(app).batch_size == 7
    app.segmented_control(key="distill_preset").set_value("Tiny").run()
    assert shown(app) == untuned(PRESETS["Tiny"])
    app.text_input(key="distill_name").set_value("other").run()
    checked(app.button(key="distill_reset").click().run())
    assert shown(app) == untuned(PRESETS["Tiny"])


def test_a_contradiction_is_named_and_cannot_start(page):
    app = page()
    app.segmented_control(key="distill_student_kind").set_value("scratch").run()
    app.number_input(key="distill_student_width").set_value(100).run()
    checked(app.number_input(key="distill_student_heads").set_value(7).run())
    assert "width 100 is not a multiple of heads 7" in texts(app)
    assert app.button(key="distill_start").disabled
    checked(app.number_input(key="distill_student_heads").set_value(5).run())
    assert not app.button(key="distill_start").disabled


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("distill_name", "a b", "Name: write letters"),
        ("distill_student_layers", "0, x", "Student, Layers to keep: write a whole number in place of 'x'."),
        ("distill_student_layers", "", "Student, Layers to keep: write one at least."),
    ],
)
def test_wrong_fields_are_named(page, key, value, message):
    app = page()
    checked(app.text_input(key=key).set_value(value).run())
    assert message in texts(app)
    assert app.button(key="distill_start").disabled


def test_a_contradiction_calls_fields_and_choices_as_the_form_does(page):
    app = page()
    app.number_input(key="distill_batch_size").set_value(2).run()
    checked(app.number_input(key="distill_accumulate").set_value(3).run())
    assert "a batch of 2 has no 3 parts: lower “Passes a step”." in texts(app)
    app.number_input(key="distill_accumulate").set_value(1).run()
    app.segmented_control(key="distill_signals_form").set_value("sampled").run()
    checked(app.segmented_control(key="distill_stages_0_loss").set_value("reverse_kl").run())
    assert "take “Stage 1, Loss: Forward KL”, or “Teacher signals, Kept as: Top”." in texts(app)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("student: {kind: existing, precision: nf4}", "set “Student, Made from” to 'smollm2', or"),
        ("{student: {kind: existing, tuning: adalora}, patience: 3}", "leave “Time budget” and “Patience” out"),
        ("{signals: {form: exact}, stages: [{constraint: soft}]}", "Kept as: Top” or “Teacher signals, Kept as: Live”"),
        ("labels: {price_in: 1}", "leave “Teacher's answers, Price of tokens read” and “Teacher's answers, Price of"),
        ("{teacher: a, student: {kind: existing, prompted: true}}", "in “Student, Made from”, or take “Stage 1, Meth"),
        (
            "{teacher: 'https://host/v1#m', stages: [{method: gold}, {}]}",
            "“Stage 2, Method: Pseudo-labels” or “Stage 2",
        ),
        ("{teacher: 'https://host/v1#m', stages: [{method: gold}]}", "name a model in “Student, Made from”"),
        ("stages: [{method: pseudo_labels, labels: logprobs}]", "take “Stage 1, Method: Task”"),
        (
            "{teacher: 'https://host/v1#m', student: {model: m}, "
            "stages: [{method: pseudo_labels, labels: logprobs, constraint: soft}]}",
            "take “Stage 1, Constraint in the loss: Hard” or “Stage 1, Constraint in the loss: None”",
        ),
    ],
)
def test_every_contradiction_of_a_run_is_told_by_titles(text, words):
    with pytest.raises(ConfigError) as found:
        run_config.read_yaml(text)
    assert words in run_form.told(str(found.value))


def test_what_only_looks_like_a_field_is_left_as_it_was_typed():
    typed = "`student.nothing`+`nothing: top` `stages.x` ``"
    assert run_form.told(typed) == typed


def test_a_number_that_is_cleared_is_named(page):
    app = page()
    checked(app.number_input(key="distill_batch_size").set_value(None).run())
    assert "Batch size: write a whole number." in texts(app)
    app.number_input(key="distill_batch_size").set_value(4)
    checked(app.number_input(key="distill_stages_1_epochs").set_value(None).run())
    assert "Stage 2, Epochs: write a whole number." in texts(app)


def test_stages_are_added_and_removed(page):
    app = page()
    checked(app.button(key="distill_add_stage").click().run())
    app.number_input(key="distill_stages_2_epochs").set_value(9).run()
    assert [stage.epochs for stage in shown(app).stages] == [1, 2, 9]
    checked(app.button(key="distill_stages_0_remove").click().run())
    assert [stage.epochs for stage in shown(app).stages] == [2, 9]
    assert shown(app).stages[0].method == "gold"


def test_only_relevant_fields_are_shown(page):
    app = page()
    keys = {widget.key for widget in (*app.number_input, *app.text_input)}
    assert "distill_student_layers" in keys and "distill_student_width" not in keys
    app.segmented_control(key="distill_student_kind").set_value("scratch").run()
    keys = {widget.key for widget in (*app.number_input, *app.text_input)}
    assert "distill_student_width" in keys and "distill_student_layers" not in keys


def test_a_choice_that_is_not_on_screen_contradicts_nothing(page):
    app = page()
    app.segmented_control(key="distill_student_kind").set_value("existing").run()
    app.segmented_control(key="distill_student_tuning").set_value("adalora").run()
    app.text_input(key="distill_student_target_modules").set_value("q_proj, v_proj").run()
    app.number_input(key="distill_max_seconds").set_value(None).run()
    app.segmented_control(key="distill_stages_0_method").set_value("gold").run()  # it cannot teach itself
    checked(app.toggle(key="distill_student_prompted").set_value(True).run())
    student = shown(app).student
    assert (student.tuning, student.target_modules, student.prompted) == ("adalora", ("q_proj", "v_proj"), True)
    checked(app.segmented_control(key="distill_student_tuning").set_value("full").run())
    assert shown(app).student == StudentConfig(kind="existing", tuning="full", prompted=True)
    checked(app.segmented_control(key="distill_student_kind").set_value("cut").run())
    assert shown(app).student.tuning == "lora" and not shown(app).student.prompted


def test_what_another_method_owns_is_left_behind(page):
    app = page()
    app.segmented_control(key="distill_stages_0_loss").set_value("reverse_kl").run()
    app.number_input(key="distill_stages_0_temperature").set_value(5.0).run()
    checked(app.number_input(key="distill_stages_0_gold_weight").increment().run())
    stage = shown(app).stages[0]
    assert (stage.loss, stage.temperature, stage.gold_weight) == ("reverse_kl", 5.0, 0.1)
    for method in ("gold", "pseudo_labels"):
        checked(app.segmented_control(key="distill_stages_0_method").set_value(method).run())
        kept = {name: getattr(stage, name) for name in ("epochs", "examples", "learning_rate", "constraint")}
        assert shown(app).stages[0] == Stage(method=method, **kept)
        assert not app.error and not app.button(key="distill_start").disabled


def test_a_look_at_another_choice_forgets_nothing(page):
    app = page()
    app.segmented_control(key="distill_preset").set_value("Thorough").run()
    app.number_input(key="distill_stages_0_temperature").set_value(5.0).run()
    before = shown(app)
    for key, away, back in (("student_kind", "scratch", "cut"), ("stages_0_method", "gold", "task")):
        checked(app.segmented_control(key=f"distill_{key}").set_value(away).run())
        assert shown(app) != before
        checked(app.segmented_control(key=f"distill_{key}").set_value(back).run())
        assert shown(app) == before


def test_a_section_that_is_not_on_screen_contradicts_nothing_and_is_kept(page, monkeypatch):
    monkeypatch.setattr(engine, "teacher_names", lambda: ("smollm2+pos", "https://host/v1#m"))
    wanted = "{teacher: 'https://host/v1#m', student: {model: org/model}, stages: [{method: pseudo_labels}]"
    app = upload(page(), (wanted + ", labels: {price_in: 0.5}}").encode())
    before = shown(app)
    app.selectbox(key="distill_teacher").set_value("smollm2+pos").run()
    assert "has no price" in texts(app)
    checked(app.segmented_control(key="distill_stages_0_method").set_value("task").run())
    assert "has no price" not in texts(app) and shown(app).labels == LabelConfig()
    app.segmented_control(key="distill_signals_form").set_value("live").run()
    checked(app.segmented_control(key="distill_stages_0_method").set_value("gold").run())
    assert shown(app).signals == SignalConfig()
    app.selectbox(key="distill_teacher").set_value("https://host/v1#m").run()
    assert "distill_labels_score_teacher" in {widget.key for widget in app.toggle}  # for the report
    checked(app.segmented_control(key="distill_stages_0_method").set_value("pseudo_labels").run())
    assert shown(app) == before
    app.selectbox(key="distill_teacher").set_value("smollm2+pos").run()
    checked(app.segmented_control(key="distill_stages_0_method").set_value("task").run())
    assert shown(app).signals.form == "live"


def test_an_edit_followed_at_once_by_a_press_counts(page):
    app = page()
    app.number_input(key="distill_stages_1_epochs").set_value(9)
    checked(app.button(key="distill_add_stage").click().run())
    assert [stage.epochs for stage in shown(app).stages] == [1, 9, 9]
    app.number_input(key="distill_stages_2_epochs").set_value(5)
    app.number_input(key="distill_batch_size").set_value(7)
    checked(app.button(key="distill_stages_0_remove").click().run())
    assert [stage.epochs for stage in shown(app).stages] == [9, 5] and shown(app).batch_size == 7


def test_choices_are_called_by_their_titles_and_the_yaml_keeps_their_names(page):
    app = page()
    method = app.segmented_control(key="distill_stages_0_method")
    assert method.options == ["Logits", "Task", "Pseudo-labels", "Gold"]
    assert "Pseudo-labels: the answers that the teacher writes" in method.help
    checked(method.set_value("pseudo_labels").run())
    assert shown(app).stages[0].method == "pseudo_labels"


def test_another_task_brings_its_own_teacher_and_data(page):
    app = page()
    app.session_state[uploads.CHOSEN] = {"pos": "/some/where.conllu"}  # as the Datasets page keeps it
    checked(app.run())
    assert shown(app).data == "/some/where.conllu"
    checked(app.selectbox(key="distill_task").set_value("cars").run())
    assert shown(app).task == "cars" and shown(app).data is None


def upload(app: AppTest, content: bytes) -> AppTest:
    return checked(app.file_uploader(key="_distill_yaml").set_value([("run.yaml", content, "application/yaml")]).run())


def test_yaml_goes_into_the_form_and_comes_back(page):
    wanted = PRESETS["Tiny"].with_values(
        ["name=other", "teacher=org/model", "data=/a/b.jsonl", "task=cars", "max_seconds=12.5",
         "student={kind: scratch, width: 96}", "stages.0.constraint=soft", "stages.0.penalty=3.5",
         "prompt={instructions: 'Read it.', with_schema: true}"]
    )  # fmt: skip
    app = upload(page(), run_config.to_yaml(wanted).encode())
    assert shown(app) == wanted
    app.number_input(key="distill_student_width").set_value(48).run()
    assert shown(app) == wanted.with_values(["student.width=48"])


def test_a_reset_leaves_the_uploader_as_the_browser_has_it(page):
    """Else the file that the browser still sends would be news, and fill the form with the next click."""
    app = upload(page(), b"name: other")
    checked(app.button(key="_distill_reset").click().run())
    assert shown(app).name == "quick"
    assert app.file_uploader(key="_distill_yaml").value.name == "run.yaml"
    assert shown(checked(app.run())).name == "quick"
    assert shown(upload(app, b"name: other")).name == "other", "the same file, given once more"


def test_labels_have_fields_of_their_own(page):
    app = page()
    assert "distill_labels_max_tokens" not in {widget.key for widget in app.number_input}
    app.segmented_control(key="distill_stages_0_method").set_value("pseudo_labels").run()
    checked(app.number_input(key="distill_labels_max_tokens").set_value(99).run())
    assert shown(app).labels.max_tokens == 99
    checked(app.number_input(key="distill_labels_price_in").set_value(0.5).run())
    assert "has no price" in texts(app)


def test_a_teacher_behind_an_api(page):
    wanted = "{teacher: 'https://host/v1#m', student: {model: org/model}, stages: [{method: pseudo_labels}]}"
    app = upload(page(), wanted.encode())
    assert shown(app) == run_config.read_yaml(wanted)
    checked(app.text_input(key="distill_student_model").set_value("").run())
    assert "name a model in “Student, Made from”" in texts(app)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"task: [", "not YAML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"just text", "mapping"),
        (b"batch_size: 0\nnonsense: 1", "nonsense"),
    ],
)
def test_wrong_yaml_is_said_and_leaves_the_form(page, content, message):
    app = page()
    before = shown(app)
    upload(app, content)
    assert message in texts(app)
    assert shown(app) == before


def test_the_form_outlives_a_look_at_a_run(page):
    app = page()
    app.number_input(key="distill_batch_size").set_value(7).run()
    app.button(key="distill_start").click().run()
    checked(app.button(key="distill_new").click().run())
    assert shown(app).batch_size == 7


def test_a_run_in_words():
    words = describe(PRESETS["Tiny"])
    assert "6 layers of it, 192 wide" in words and "4 epochs" in words
    words = describe(RunConfig(student=StudentConfig(kind="scratch", width=96, depth=3)))
    assert "96 wide and 3 layers deep" in words
    student = StudentConfig(kind="existing", model="org/base", lora_rank=4, precision="nf4", prompted=True)
    words = describe(RunConfig(teacher="smollm2", student=student))
    assert r"org\/base with a LoRA adapter of rank 4 on all its layers, its own weights in NF4" in words
    assert "It reads the teacher's prompt." in words
    words = describe(RunConfig(student=StudentConfig(layers=(0, 1), cut_width=384)))
    assert "2 layers of it, 384 wide" in words
    assert literal("a_b *c* :red[d]") == "a\\_b \\*c\\* \\:\u200cred\\[d\\]"
    assert yaml.safe_load(run_config.to_yaml(PRESETS["Quick"]))["name"] == "quick"


def file_then_task() -> None:
    import streamlit as st

    from core.distill import config as run_config
    from core.distill.config import RunConfig
    from core.tasks.prompt import Prompt
    from ui.distill import new_run, run_file, run_form

    st.session_state.update({"distill_task": "pos", "distill_preset": "Tiny", run_form.FILLED: "Quick"})
    config = RunConfig(task="cars", data="/a/b.jsonl", teacher="org/model", prompt=Prompt(instructions="Read it."))
    run_file.take_yaml(run_config.to_yaml(config).encode())
    new_run._follow_choices()
    st.session_state["same"] = run_form.values() == config.model_dump(mode="json")


def test_a_file_that_fills_the_form_wins_over_a_task_and_a_preset_chosen_in_the_same_rerun():
    """It lets their widgets go, so that nothing is followed."""
    assert checked(AppTest.from_function(file_then_task).run()).session_state["same"]


def test_a_file_that_is_no_text_is_refused_in_words():
    assert run_file.take_yaml(b"name: \xff") == "the file is not UTF-8 (byte 6): save it as UTF-8."
