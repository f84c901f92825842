"""The Distill page as a whole, without a browser and without training."""

import json
from functools import partial
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.distill import config as run_config
from core.distill.config import RunConfig
from core.distill.presets import PRESETS
from core.evaluate.report import LabelReport, ModelReport, Report, ReportExample, Score, scores
from core.paths import ROOT
from core.runs import folder as run_folders
from core.runs.folder import RunFolder, Status
from core.runs.jobs import Jobs
from core.tasks import POS, Example, saved_prompts
from core.tasks.prompt import Prompt, Shot
from tests.ui.conftest import IdleJobs, checked
from ui import engine, uploads
from ui.distill import run_list
from ui.page_tools import VISIT

STEP = {"total": 4, "method": "gold", "epoch": 0, "agreement": 0.5, "learning_rate": 1e-3, "positions": 9, "tokens": 90}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty place for runs; nothing heavy is loaded."""
    idle = IdleJobs(tmp_path / "runs")
    monkeypatch.setattr(engine, "jobs", lambda: idle)
    monkeypatch.setattr(engine, "warm_up", lambda: None)
    monkeypatch.setattr(engine, "teacher_names", lambda: ("smollm2",))
    monkeypatch.setattr(run_folders, "DEMO_RUN", tmp_path / "none")
    monkeypatch.setattr(uploads, "UPLOADS", tmp_path / "uploads")
    return idle.root


@pytest.fixture
def page(root):
    """Opens the page, with a run's name in the address if one is given."""

    def opened(run: str | None = None) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
        app.switch_page("pages/distill.py")
        if run is not None:
            app.query_params["run"] = run
        return checked(app.run())

    return opened


def a_run(root: Path, **status) -> RunFolder:
    folder = run_folders.create(PRESETS["Quick"].model_copy(update={"teacher": "smollm2"}), root)
    for step in range(1, 5):
        folder.add_metrics(
            {"step": step, "stage": step // 3, "loss": 5 / step, "seconds": step, "progress": step / 4} | STEP
        )
    folder.add_metrics({"step": 4, "validation": {"accuracy": 0.8125, "exact_match": 0.25, "valid": 1.0}})
    folder.log("training")
    folder.write_status(Status(state="finished", step=4, total=4, progress=1.0, started=1.0).model_copy(update=status))
    return folder


def texts(app: AppTest) -> str:
    shown = (*app.error, *app.info, *app.caption, *app.code, *app.markdown, *app.subheader)
    return "\n".join(str(element.value) for element in shown)


def test_without_runs_the_form_is_offered(page):
    app = page()
    assert "No runs yet" in texts(app)
    assert app.button(key="distill_start").disabled is False


def test_start_creates_the_run_and_shows_it(page, root):
    app = page()
    app.text_input(key="distill_name").set_value("mine").run()
    checked(app.button(key="distill_start").click().run())
    assert RunFolder(root / "mine").config().teacher == "smollm2"
    assert app.query_params["run"] == "mine"
    assert app.subheader[-1].value == "mine"
    assert "Waiting" in str(app.get("progress")[0].proto.text)


def test_a_run_is_chosen_though_its_start_was_the_last_that_the_script_did(root, monkeypatch):
    """A second click ends a script at its next word with Streamlit."""
    state, address = {}, {}
    monkeypatch.setattr(st, "session_state", state)
    monkeypatch.setattr(st, "query_params", address)
    assert run_list.start(PRESETS["Quick"]) == "quick" and run_list.CHOSEN not in state
    assert run_list.chosen().path == root / "quick" and address == {"run": "quick"}
    run_list.choose(None)
    assert run_list.chosen() is None


def test_an_address_that_comes_too_late_chooses_nothing(root, monkeypatch):
    for name in ("one", "two"):
        run_folders.create(RunConfig(name=name), root)
    state, address = {VISIT: ("distill", 1)}, {"run": "one"}
    monkeypatch.setattr(st, "session_state", state)
    monkeypatch.setattr(st, "query_params", address)
    assert run_list.chosen().name == "one"
    run_list.choose("two")
    address["run"] = "one"  # as the browser had it when the next click was made
    assert run_list.chosen().name == "two" and address == {"run": "two"}
    run_list.choose(None)
    address["run"] = "two"
    assert run_list.chosen() is None and not address
    state[VISIT], address["run"] = ("distill", 2), "one"  # a link from another page
    assert run_list.chosen().name == "one"


def test_a_second_run_is_said_to_wait(page):
    app = page()
    app.button(key="distill_start").click().run()
    checked(app.button(key="distill_new").click().run())
    assert app.button(key="distill_start").label == "Start after the run under way"
    assert "will wait" in texts(app)


def test_a_run_that_waits_leaves_the_queue(page, root):
    app = page()
    app.button(key="distill_start").click().run()
    assert app.button(key="distill_stop").label == "Take out of the queue"
    checked(app.button(key="distill_stop").click().run())
    assert [run.status().state for run in run_folders.all_runs(root)] == ["stopped"]
    assert not app.button(key="distill_resume").disabled


def test_stop_is_asked_once(page):
    app = page()
    app.button(key="distill_start").click().run()
    engine.jobs()._waiting.clear()  # it has its turn
    checked(app.button(key="distill_stop").click().run())
    assert app.button(key="distill_stop").disabled


def test_a_run_that_ended_a_moment_ago_is_said_to_have(page, root, monkeypatch):
    app = page()
    app.button(key="distill_start").click().run()
    stop = Jobs.stop

    def end_and_stop(jobs, name):
        RunFolder(root / name).write_status(Status(state="finished"))
        del jobs._jobs[name]
        stop(jobs, name)

    monkeypatch.setattr(Jobs, "stop", end_and_stop)
    checked(app.button(key="distill_stop").click().run())
    assert "has ended already" in texts(app)


def test_a_run_of_another_process_is_to_be_stopped_there(page, root):
    folder = a_run(root, state="running")
    with folder.lock():
        app = page("quick")
        checked(app.button(key="distill_stop").click().run())
        assert "stop it where it was started" in texts(app)


def test_finished_run_shows_its_curves(page, root):
    a_run(root)
    app = page("quick")
    assert {metric.label: metric.value for metric in app.metric}["Best accuracy"] == "81.25 %"
    assert len(app.get("vega_lite_chart")) == 2
    assert "no report" in texts(app)


def test_buttons_lead_from_run_to_run(page, root):
    a_run(root)
    a_run(root)
    app = page()
    assert app.button(key="distill_previous").disabled
    names = list(app.dataframe[0].value["run"])
    for name, button in zip([*names, names[0]], ("distill_next", "distill_next", "distill_previous")):
        checked(app.button(key=button).click().run())
        assert "".join(app.query_params["run"]) == name and app.subheader[-1].value == name.replace("-", r"\-")
    assert set(app.dataframe[0].value["student"]) == {"Cut"}


@pytest.mark.parametrize(
    ("address", "rows", "chosen"),
    [
        ("demo", [1], "two"),
        ("", [1], "demo"),  # from before the choice: the address had nothing yet
        ("two", [0], "demo"),
        ("demo", [], "demo"),  # a click on the selected line
    ],
)
def test_what_a_browser_says_too_late_chooses_nothing(monkeypatch, address, rows, chosen):
    monkeypatch.setattr(st, "query_params", {"run": address} if address else {})
    state = {run_list.CHOSEN: "demo", "table": {"selection": {"rows": rows}}}
    monkeypatch.setattr(st, "session_state", state)
    run_list._clicked("table", ["demo", "two"])
    assert state[run_list.CHOSEN] == chosen


def test_a_line_selected_in_an_older_list_is_not_one_of_the_new(page, root):
    a_run(root)
    app = page()
    before = app.dataframe[0].proto.id
    assert checked(app.run()).dataframe[0].proto.id == before
    a_run(root)
    assert checked(app.run()).dataframe[0].proto.id != before


def test_a_finished_run_says_what_its_labels_were_like(page, root):
    folder = a_run(root)
    score = Score(hits=3, total=4)
    distant = ModelReport(
        name="https://host/v1#m", role="teacher", parameters=0, megabytes=0.0, ms_per_example=5.0, model_calls=1,
        scores={"accuracy": score}, outputs=("{}",),
    )  # fmt: skip
    labels = LabelReport(
        asked=9, learned=7, refused=1, scores={"accuracy": score}, tokens_in=10, tokens_out=20, cost=0.25
    )
    example = ReportExample(input="Go !", gold="{}")
    found = Report(
        task="pos", data="bundled", machine="m", seconds=1.0, leaks=0, examples=(example,), models=(distant,),
        labels=labels, gold_by="teacher",
    )  # fmt: skip
    folder.write_report(found)
    shown = texts(page("quick"))
    assert "no gold answers: scores are the agreement with the teacher's" in shown
    assert "asked over the network" in shown
    assert "Learned from 7 answers of the teacher, 75.00 % right by gold, 1 more refused by the schema" in shown
    assert "cost 0.2500" in shown


def test_failed_run_says_why(page, root):
    a_run(root, state="failed", error="the *loss* is nan at step 3.", traceback="Traceback: here")
    app = page("quick")
    assert "the *loss* is nan at step 3." in [code.value for code in app.code]
    assert "Traceback: here" in [code.value for code in app.code]
    assert app.button(key="distill_resume")


def test_what_does_not_fit_is_left_out_by_a_new_run(page, root):
    a_run(root, state="failed", error="The schema refuses 2 answers (2 of train).", failure="MisfitError")
    app = page("quick")
    checked(app.button(key="distill_leave_out").click().run())
    assert app.query_params["run"] in ("quick-2", ["quick-2"])
    before, after = (RunFolder(root / name).config() for name in ("quick", "quick-2"))
    assert after == before.model_copy(update={"drop_misfits": True})


def test_other_failures_have_no_such_button(page, root):
    a_run(root, state="failed", error="no memory", failure="ModelError")
    assert not [b for b in page("quick").button if b.key == "distill_leave_out"]


def test_a_finished_run_shows_its_headline_with_the_interval(page, root):
    examples = [Example(s.input, s.answer) for s in POS.shots]
    outputs = tuple(e.answer.replace('"PART"', '"ADV"') for e in examples)
    model = ModelReport(
        name="s", role="trained", parameters=10, megabytes=1.0, ms_per_example=5.0, model_calls=1,
        scores=scores(POS, examples, outputs), outputs=outputs,
    )  # fmt: skip
    a_run(root).write_report(
        Report(
            task="pos",
            data="bundled",
            machine="m",
            seconds=1.0,
            leaks=0,
            left_out=3,
            models=(model,),
            examples=tuple(ReportExample(input=e.input, gold=e.answer) for e in examples),
        )
    )
    low, high = model.scores["accuracy"].interval
    app = page("quick")
    assert [c.value for c in app.sidebar.caption if c.value.startswith("Seed")] == ["Seed 0 for this run"]
    shown = texts(app)
    assert f"95 % interval {100 * low:.1f}–{100 * high:.1f} %" in shown
    assert "3 examples of the data did not fit" in shown


def test_resume_queues_the_run(page, root):
    folder = a_run(root, state="stopped")
    app = page("quick")
    checked(app.button(key="distill_resume").click().run())
    assert folder.status().state == "queued"


def test_interrupted_run_can_be_resumed(page, root):
    a_run(root, state="running")  # says so, but nobody holds its lock
    app = page("quick")
    assert "the process ended" in "\n".join(c.value for c in app.caption).replace("\\", "")
    assert app.button(key="distill_resume")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / "config.yaml").unlink(),
        lambda path: (path / "config.yaml").write_bytes(b"\xff\xfe task: *["),
        lambda path: (path / "config.yaml").write_text("task: no-such-task"),
    ],
)
def test_damaged_config_is_said_and_can_be_deleted(page, root, damage):
    folder = a_run(root)
    damage(folder.path)
    app = page("quick")
    assert "damaged" in texts(app)
    checked(app.button(key="distill_delete_confirm").click().run())
    assert not folder.path.exists()
    assert app.button(key="distill_start")
    assert not app.error and "run" not in app.query_params


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.jsonl", b'{"step": 1, "loss"'),
        ("metrics.jsonl", b'7\n{"step": 2}\n{"validation": 3, "step": 1}\n\xff\n'),
        ("metrics.jsonl", b""),
        ("report.json", b'{"task": "pos"'),
        ("status.json", b"{"),
        ("log.txt", b"\xff\xfe"),
    ],
)
def test_damaged_files_never_break_the_page(page, root, name, content):
    folder = a_run(root)
    (folder.path / name).write_bytes(content)
    page("quick")
    page()


def test_an_empty_folder_is_a_damaged_run(page, root):
    (root / "empty").mkdir(parents=True)
    app = page("empty")
    assert "damaged" in texts(app)


@pytest.mark.parametrize(
    ("content", "reason"), [("Go !\nCome !\n" * 20, "learns the data's own answers"), ("", "holds no input")]
)
def test_data_that_the_stages_cannot_learn_is_said_before_the_start(page, root, tmp_path, content, reason):
    (tmp_path / "inputs.txt").write_text(content)
    app = page()
    app.session_state[uploads.CHOSEN] = {"pos": str(tmp_path / "inputs.txt")}
    checked(app.run())
    assert reason in texts(app) and app.button(key="distill_start").disabled


def test_a_link_to_a_run_that_is_gone(page, root):
    a_run(root)
    app = page("no-such-run")
    assert "there is no run named" in texts(app)
    assert app.button(key="distill_start")


def test_data_and_prompt_of_the_other_pages_are_taken(page, root, tmp_path):
    app = page()
    app.session_state[uploads.CHOSEN] = {"pos": str(tmp_path / "mine.conllu")}
    app.session_state["prompt"] = {"pos": Prompt(instructions="Tag *them*.")}
    checked(app.run())
    config = run_config.validate(app.session_state["distill_values"])
    assert config.data == str(tmp_path / "mine.conllu")
    assert config.prompt == Prompt(instructions="Tag *them*.")
    checked(app.button(key="distill_prompt_drop").click().run())
    assert app.session_state["distill_values"]["prompt"] is None
    assert POS.instructions in [code.value for code in app.code]


def test_a_saved_prompt_is_taken_and_a_run_shows_the_one_it_recorded(page, root, tmp_path, monkeypatch):
    for name in ("save", "names", "read"):
        monkeypatch.setattr(saved_prompts, name, partial(getattr(saved_prompts, name), root=tmp_path))
    prompt = Prompt(instructions="Tag *them* <b>.", shots=(Shot(input="a *b*", answer="{}"),))
    path = saved_prompts.save(POS, "my best", prompt)
    app = page()
    checked(app.button(key="distill_prompt_use_saved").click().run())
    config = run_config.validate(app.session_state["distill_values"])
    assert config.prompt == prompt
    path.write_text("{")
    checked(app.button(key="distill_prompt_use_saved").click().run())
    assert "cannot be read" in texts(app)
    assert run_config.validate(app.session_state["distill_values"]).prompt == prompt
    run_folders.create(config.with_values(["name=mine"]), root)
    app = page("mine")
    assert prompt.instructions in [code.value for code in app.code]
    assert any(list(frame.value.get("Input", ())) == ["a *b*"] for frame in app.dataframe)


def test_the_preview_is_kept_until_the_configuration_changes(page, monkeypatch):
    from core.errors import DataError

    def refuse(text: str, stamp: float) -> None:
        raise DataError("cannot read it: check the path.")

    monkeypatch.setattr(engine, "preview", refuse)
    app = page()
    checked(app.button(key="distill_preview").click().run())
    assert "cannot read it: check the path." in texts(app)
    checked(app.run())
    assert "cannot read it: check the path." in texts(app)
    checked(app.number_input(key="distill_seed").set_value(3).run())
    assert "has changed" in texts(app)


def test_the_preview_says_what_has_no_gold(page, monkeypatch):
    from core.runs.preview import Preview, PreviewToken

    token = PreviewToken("Go", "answer", True)
    found = Preview(
        parameters=10, trainable=10, vocabulary=5, megabytes=1.0, training_megabytes=2.0, measured=None, steps=4,
        examples=8, left_out=0, ungraded={"train": 7, "test": 2}, teacher_prompt="Tag.", first_batch=((token,),),
    )  # fmt: skip
    monkeypatch.setattr(engine, "preview", lambda text, stamp: found)
    app = page()
    checked(app.button(key="distill_preview").click().run())
    assert "no gold answer to some inputs (7 of train, 2 of test)" in texts(app)
    assert "how well the student agrees with its teacher" in texts(app)


def test_the_preview_offers_to_leave_out_what_does_not_fit(page, monkeypatch):
    from core.errors import MisfitError

    def refuse(text: str, stamp: float) -> None:
        raise MisfitError("The schema refuses 1 answer (1 of train).")

    monkeypatch.setattr(engine, "preview", refuse)
    app = page()
    checked(app.button(key="distill_preview").click().run())
    assert "The schema refuses 1 answer" in texts(app)
    checked(app.button(key="distill_preview_leave_out").click().run())
    assert app.toggle(key="distill_drop_misfits").value
    assert run_config.validate(app.session_state["distill_values"]).drop_misfits


def test_samples_leave_the_form_as_it_was(page, root):
    a_run(root)
    app = page()
    checked(app.segmented_control(key="distill_preset").set_value("Thorough").run())
    checked(app.toggle(key="distill_drop_misfits").set_value(True).run())
    app.session_state[run_list.CHOSEN] = "quick"
    assert "quick" in [heading.value for heading in checked(app.run()).subheader]
    checked(app.menu_button(key="_distill_samples").set_value("A run of your own").run())
    assert app.toggle(key="distill_drop_misfits").value
    assert app.segmented_control(key="distill_preset").value == "Thorough"


def test_metrics_survive_json_that_is_not_ours(root):
    from ui.distill import run_charts

    folder = a_run(root)
    folder.add_metrics(["a", "list"])
    folder.add_metrics({"step": 5, "validation": json.loads("[]")})
    assert len(run_charts.metrics(folder)) == 5
    folder.add_metrics(run_charts.metrics(folder)[0] | {"step": 6})
    assert [r["step"] for r in run_charts.metrics(folder)][-1] == 6  # what was kept is not what is there now


def test_only_what_is_new_in_metrics_is_read(root, monkeypatch):
    from ui.distill import run_charts

    read = []
    take = run_charts._records
    monkeypatch.setattr(run_charts, "_records", lambda lines: read.append(len(lines.splitlines())) or take(lines))
    folder = a_run(root)
    record = run_charts.metrics(folder)[0]
    with (folder.path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(record | {"step": 5}) + '\n{"step": 6')  # half a line, as while it is written
    assert [r["step"] for r in run_charts.metrics(folder)] == [1, 2, 3, 4, 4, 5]
    run_charts.metrics(folder)
    assert read == [5, 1]
    folder.keep_metrics_until(2)  # as a resumed run does
    assert [r["step"] for r in run_charts.metrics(folder)] == [1, 2]
    folder.add_metrics(record | {"step": 3})
    assert [r["step"] for r in run_charts.metrics(folder)] == [1, 2, 3]
    (folder.path / "metrics.jsonl").write_text("")
    assert not run_charts.metrics(folder)


def test_metrics_of_another_run_in_the_same_place_are_read_from_their_start(root):
    """Its file may have the number that the old one had, and be longer."""
    from ui.distill import run_charts

    path = (folder := a_run(root)).path / "metrics.jsonl"
    record = run_charts.metrics(folder)[0]
    path.write_text("".join(json.dumps(record | {"step": step, "seconds": 0.5 + step}) + "\n" for step in range(9)))
    assert [r["step"] for r in run_charts.metrics(folder)] == list(range(9))


def test_a_run_that_is_deleted_while_it_is_listed(root):
    from ui.distill import run_list

    folder = a_run(root)
    run_folders.delete(folder)
    assert run_list._row(folder)["when"] is None


def test_a_file_takes_what_was_wrong_with_it_along(page, root):
    a_run(root)
    app = page()
    checked(app.file_uploader(key="_distill_yaml").set_value([("run.yaml", b"task: [", "application/yaml")]).run())
    assert "not YAML" in texts(app)
    app.session_state[run_list.CHOSEN] = "quick"
    checked(app.run())
    checked(app.button(key="distill_new").click().run())
    assert "not YAML" not in texts(app)
