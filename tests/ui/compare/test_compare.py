"""The Compare page as a whole, over reports made here: no model is loaded."""

import csv
import io
import json
import os
from functools import partial
from pathlib import Path

import pytest
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState
from streamlit.testing.v1 import AppTest

from core.distill.config import RunConfig, Stage, to_yaml
from core.errors import ModelError
from core.evaluate.disagreement import Place
from core.evaluate.report import Bin, LabelReport, Likelihood, ModelReport, Report, ReportExample, completed, scores
from core.export.report_html import to_html
from core.models.student_config import StudentConfig
from core.paths import ROOT, write_whole
from core.runs import folder as run_folders
from core.runs.folder import RunFolder, Status
from core.tasks import CARS, POS, TASKS, Example, Task
from tests.ui.conftest import checked
from ui import answers, engine
from ui.compare import (
    compare_charts,
    compare_csv,
    compare_details,
    compare_models,
    compare_stages,
    compare_tokens,
    comparison,
    take_away,
)

HOSTILE = "<script>alert(1)</script> **bold** $x$ :red[y]"
SENTENCE = Example(POS.shots[0].input, POS.shots[0].answer)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty place for runs; nothing heavy is loaded."""
    monkeypatch.setattr(run_folders, "all_runs", partial(run_folders.all_runs, tmp_path, False))
    monkeypatch.setattr(engine, "warm_up", lambda: None)
    return tmp_path


def model(
    task: Task, role: str, given: list[str], examples: list[Example], free: list[str], small: bool
) -> ModelReport:
    return ModelReport(
        name=role, role=role, parameters=10 if small else 100, megabytes=1.0 if small else 20.0,
        ms_per_example=5.0 if small else 50.0, model_calls=7, scores=scores(task, examples, given),
        outputs=tuple(given), free_scores=scores(task, examples, free), free_outputs=tuple(free),
    )  # fmt: skip


def report(task: Task, examples: list[Example], teacher: list[str], trained: list[str], **values: object) -> Report:
    untrained = [HOSTILE] * len(examples)
    return Report(
        **{"task": task.name, "data": "bundled", "machine": "a machine", "seconds": 60.0, "leaks": 0} | values,
        examples=tuple(ReportExample(input=e.input, gold=e.answer) for e in examples),
        models=(
            model(task, "trained", trained, examples, trained[:1], small=True),
            model(task, "untrained", untrained, examples, untrained[:1], small=True),
            model(task, "teacher", teacher, examples, [], small=False),
        ),
    )


def run(root: Path, name: str, found: Report, age: float = 0.0) -> RunFolder:
    folder = run_folders.create(RunConfig(name=name, task=found.task, teacher="smollm2"), root)
    folder.write_status(Status(state="finished", progress=1.0))
    folder.write_report(completed(found, TASKS[found.task]))
    written = 1_700_000_000 - age
    os.utime(folder.path / "config.yaml", (written, written))
    return folder


def pos_report(**values: object) -> Report:
    """Two sentences: the student has one tag of the first wrong, the teacher has the second wrong."""
    examples = [SENTENCE, Example(POS.shots[1].input, POS.shots[1].answer)]
    trained = [SENTENCE.answer.replace('"PART"', '"ADV"'), examples[1].answer]
    teacher = [SENTENCE.answer, examples[1].answer.replace('"INTJ"', '"X"')]
    return report(POS, examples, teacher, trained, **values)


def page(**query: str | list[str]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/compare.py")
    for name, value in query.items():
        app.query_params[name] = value
    return checked(app.run())


def cells(app: AppTest, table: int) -> dict[str, list[str]]:
    return app.dataframe[table].value.astype(str).to_dict("list")


def answered(app: AppTest) -> dict[str, list[str]]:
    """The answers side by side."""
    return next(table for i in range(len(app.dataframe)) if "Gold" in (table := cells(app, i)))


def markup(app: AppTest) -> str:
    return " ".join(str(e.value) for e in [*app.markdown, *app.caption, *app.warning, *app.info, *app.error])


def test_no_run_yet(root):
    app = page()
    assert "Distil a student first" in app.info[0].value
    assert not app.multiselect and not app.dataframe


def test_unfinished_runs_are_not_offered(root):
    folder = run(root, "half", pos_report())
    folder.write_status(Status(state="stopped"))
    assert "Distil a student first" in page().info[0].value


def test_default_view(root):
    run(root, "first", pos_report())
    app = page()
    assert app.multiselect(key="compare_runs").value == ["first"]
    assert app.query_params["run"] in ("first", ["first"])
    table = cells(app, 0)
    by_measure = {m: i for i, m in enumerate(table["Measure"])}
    assert list(table)[1:] == ["Teacher", "Untrained student", "Trained student"]
    assert [table[name][by_measure["Accuracy"]] for name in list(table)[1:]] == ["★ 94.44 %", "0.00 %", "★ 94.44 %"]
    intervals = [table[name][by_measure["Accuracy, 95 % interval"]] for name in list(table)[1:]]
    low, high = (100 * end for end in pos_report().models[0].scores["accuracy"].interval)
    assert intervals[0] == intervals[2] == f"{low:.2f}–{high:.2f} %" and intervals[1].startswith("0.00–")
    assert table["Trained student"][by_measure["Recovery (student / teacher)"]] == "100.00 %"
    assert table["Trained student"][by_measure["Size on disk"]] == "★ 1.0 MB"
    assert table["Untrained student"][by_measure["Without the mask: valid"]] == "0.00 %"
    assert table["Teacher"][by_measure["Without the mask: valid"]] == "–"


def test_a_model_behind_an_api_has_no_size_and_is_not_the_smallest(root):
    found = pos_report()
    distant = found.models[2].model_copy(update={"parameters": 0, "megabytes": 0.0})
    run(root, "first", found.model_copy(update={"models": (*found.models[:2], distant)}))
    table = cells(page(), 0)
    rows = [table["Measure"].index(measure) for measure in ("Parameters", "Size on disk")]
    assert [table["Teacher"][row] for row in rows] == ["–", "–"]
    assert all(value.split()[0] != "0" for row in rows for value in (table["Trained student"][row],))


def test_an_adapter_is_no_small_model(root):
    """It needs its base: no factor, no star and no place by size."""
    folder, student = run(root, "first", pos_report()), StudentConfig(kind="existing", model="other")
    config = RunConfig(name="first", teacher="smollm2", student=student)
    write_whole(folder.path / "config.yaml", to_yaml(config))
    app = page()
    table = cells(app, 0)
    sizes = table["Measure"].index("Size on disk")
    assert table["Trained student"][sizes] == "1.0 MB beside its base"
    assert table["Untrained student"][sizes] == "★ 1.0 MB" and table["Teacher"][sizes] == "20.0 MB"
    assert next(m.value for m in app.metric if m.label == "Smaller") == "–"
    assert any("an adapter of 1.0 MB beside its base model" in c.value for c in app.caption)
    runs = [comparison.scored_runs()[0]["first"]]
    frame = compare_charts._table(comparison.entries(runs), "accuracy").set_index("model")
    assert list(frame.index[frame.megabytes.notna()]) == ["Teacher", "Untrained student"]
    found = take_away.comparison_of(POS, comparison.entries(runs), runs)
    assert len(found.points["Size on disk, MB"]) == 2
    *_, row = csv.DictReader(io.StringIO(compare_csv.of_figures(POS, comparison.entries(runs))))
    assert (row["size_mb"], row["adapter_mb"], row["adapter_beside"]) == ("", "1.0", "other")


def test_what_was_chosen_is_there_after_a_look_at_another_page(root):
    run(root, "second", pos_report(), age=9)
    run(root, "first", pos_report())
    app = page()
    checked(app.multiselect(key="compare_runs").set_value(["second"]).run())
    app.text_input(key="compare_text pos").set_value("Dogs bark .")
    checked(app.toggle(key="compare_free").set_value(True).run())
    checked(app.button(key="compare_next").click().run())
    assert app.query_params["example"] in ("1", ["1"])
    app.switch_page("pages/anatomy.py")
    checked(app.run())
    app.switch_page("pages/compare.py")
    checked(app.run())
    assert app.multiselect(key="compare_runs").value == ["second"]
    assert app.text_input(key="compare_text pos").value == "Dogs bark ." and app.toggle(key="compare_free").value
    link = {name: "".join(app.query_params[name]) for name in ("run", "example", "free")}
    assert link == {"run": "second", "example": "1", "free": "1"}


def test_a_link_of_another_page_leads_to_its_run_and_a_run_that_is_gone_is_not_chosen(root):
    gone = run(root, "second", pos_report(), age=9)
    run(root, "first", pos_report())
    app = page()
    app.session_state["datasets_search"] = "no such text"  # whose tokens would be shown
    app.switch_page("pages/datasets.py")
    checked(app.run())
    app.switch_page("pages/compare.py")
    app.query_params["run"] = "second"
    checked(app.run())
    assert app.multiselect(key="compare_runs").value == ["second"]
    run_folders.delete(gone)
    assert checked(app.run()).multiselect(key="compare_runs").value == []


def test_the_wrong_word_carries_a_sign(root):
    run(root, "first", pos_report())
    table = answered(page())
    place = table["Word"].index("n't")
    assert table["Gold"][place] == "PART"
    assert table["Trained student"][place] == "✗ ADV"
    assert table["Teacher"][place] == "PART"
    assert sum(cell.startswith("✗") for cell in table["Trained student"]) == 1
    assert set(table["Untrained student"]) == {"✗ not valid"}


def examples(app: AppTest) -> dict[str, list[str]]:
    """The table from which an example is taken."""
    return next(table for i in range(len(app.dataframe)) if "No." in (table := cells(app, i)))


def test_filters(root):
    run(root, "first", pos_report())
    app = page()
    choice = lambda: app.segmented_control(key="compare_filter first")
    assert choice().options == [
        "All (2)", "Student wrong (1)", "Student wrong, teacher right (1)", "Both wrong (0)",
        "Untrained student wrong (2)", "Invalid without the mask (0)",
    ]  # fmt: skip
    assert examples(app)["Trained student"] == ["✗ 1 of 9", "✓"]
    assert examples(app)["Teacher"] == ["✓", "✗ 1 of 9"]
    assert examples(app)["Untrained student"] == ["✗ not valid"] * 2
    checked(choice().set_value("teacher").run())
    assert examples(app)["Sentence"] == [SENTENCE.input]
    assert app.query_params["filter"] in ("teacher", ["teacher"])
    checked(choice().set_value("all").run())
    assert "filter" not in app.query_params


def test_both_wrong_and_invalid_without_the_mask(root):
    wrong = SENTENCE.answer.replace('"PART"', '"ADV"')
    found = report(POS, [SENTENCE], [wrong], [wrong])
    student = found.models[0].model_copy(update={"free_outputs": ("She",)})
    run(root, "first", found.model_copy(update={"models": (student, *found.models[1:])}))
    app = page(filter="both")
    options = app.segmented_control(key="compare_filter first").options
    assert options[2:4] == ["Student wrong, teacher right (0)", "Both wrong (1)"]
    assert options[5] == "Invalid without the mask (1)"
    assert app.segmented_control(key="compare_filter first").value == "both"


def test_the_link_names_filter_order_and_example(root):
    run(root, "first", measured_report())
    app = page(filter="untrained", hardest="1", example="0")
    assert examples(app)["No."] == ["2", "1"]
    assert answered(app)["Word"][0] == "She"
    assert app.query_params["example"] in ("0", ["0"])
    app = page(filter="nonsense", hardest="nonsense", example="77")
    assert app.segmented_control(key="compare_filter first").value == "all"
    assert examples(app)["No."] == ["1", "2"] and answered(app)["Word"][0] == "She"


def test_filters_can_be_about_another_run(root):
    run(root, "wrong", pos_report())
    run(root, "right", report(POS, *([SENTENCE, Example(POS.shots[1].input, POS.shots[1].answer)],), *(
        [SENTENCE.answer, POS.shots[1].answer],) * 2), age=5)  # fmt: skip
    app = page(run=["wrong", "right"])
    assert "Student wrong (1)" in app.segmented_control(key="compare_filter wrong").options
    checked(app.selectbox(key="compare_judged wrong right").set_value("right").run())
    assert "Student wrong (0)" in app.segmented_control(key="compare_filter right").options


def test_models_can_be_left_out_and_keep_their_colour(root):
    run(root, "first", pos_report())
    app = page(model=["first/trained", "first/nobody"])
    assert list(cells(app, 0)) == ["Measure", "Trained student"]
    key = "compare_models first/teacher first/untrained first/trained"
    assert app.multiselect(key=key).value == ["first/trained"]
    shown = comparison.entries([comparison.scored_runs()[0]["first"]])
    colours = [compare_charts.colour(entry) for entry in shown]
    assert len(set(colours)) == 3
    spec = compare_charts.metric_chart(shown[2:], "accuracy", "Accuracy").to_dict()
    assert spec["layer"][0]["encoding"]["color"]["scale"]["range"] == colours[2:]
    checked(app.multiselect(key=key).set_value([]).run())
    assert "Choose at least one model" in app.info[0].value


def test_many_runs_at_once(root):
    names = [f"r{i}" for i in range(7)]
    for i, name in enumerate(names):
        run(root, name, pos_report(), age=i)
    app = page(run=names)
    assert len(cells(app, 0)) == 1 + 3 * 7


def test_cost_is_known_for_an_api_with_prices_alone(root):
    labels = LabelReport(asked=50, learned=49, refused=1, scores={}, tokens_in=9, tokens_out=9, cost=0.25)
    run(root, "first", pos_report(labels=labels))
    table = cells(page(), 0)
    row = table["Measure"].index("Cost of 1,000 answers")
    assert [table[m][row] for m in ("Teacher", "Untrained student", "Trained student")] == ["5", "–", "–"]
    assert comparison.entries([comparison.scored_runs()[0]["first"]])[0].cost == pytest.approx(5.0)


def test_the_page_can_be_reset(root):
    run(root, "first", pos_report())
    run(root, "second", pos_report(), age=9)
    app = page(run=["second"], filter="student", pin="second/trained")
    checked(app.button(key="_compare_reset").click().run())
    assert app.multiselect(key="compare_runs").value == ["first"]
    assert not {"filter", "pin"} & set(app.query_params)


def test_an_empty_filter_says_so(root):
    examples = [SENTENCE]
    run(root, "first", report(POS, examples, [SENTENCE.answer], [SENTENCE.answer]))
    app = page()
    checked(app.segmented_control(key="compare_filter first").set_value("student").run())
    assert any("No example is of this kind" in i.value for i in app.info)


def test_hostile_answers_and_inputs_are_text(root):
    hostile = Example(HOSTILE, SENTENCE.answer)
    run(root, "first", report(POS, [hostile], [HOSTILE], [SENTENCE.answer], machine=HOSTILE, data=HOSTILE))
    app = page()
    assert "script" not in markup(app)
    assert [c.value for c in app.code].count(HOSTILE) == 3  # the input, teacher and untrained student
    assert any(HOSTILE in t.value for t in app.text)


def test_damaged_reports_are_named_and_the_page_works(root):
    run(root, "good", pos_report())
    (run(root, "broken", pos_report()).path / "report.json").write_text('{"task": "pos"')
    app = page()
    assert app.multiselect(key="compare_runs").options == ["good"]
    assert any("'broken' is damaged" in c.value for c in app.code)
    assert answered(app)["Word"]


@pytest.mark.parametrize("text", ["", "[]", "\x00\xff", pos_report().model_dump_json().replace('"pos"', '"nope"')])
def test_only_damaged_reports(root, text):
    (run(root, "broken", pos_report()).path / "report.json").write_text(text)
    app = page()
    assert any("'broken'" in c.value for c in app.code)
    assert "Distil a student first" in app.info[0].value


def test_several_runs_newest_first_and_by_link(root):
    run(root, "old", pos_report(), age=100)
    run(root, "new", pos_report(machine="another"))
    app = page()
    assert app.multiselect(key="compare_runs").value == ["new"]
    app = page(run=["old", "new", "unknown"])
    assert app.multiselect(key="compare_runs").value == ["old", "new"]
    assert "Trained student · old" in cells(app, 0) and "Trained student · new" in answered(app)
    assert any("different machines" in w.value for w in app.warning)


def test_a_click_before_the_browser_has_the_address_of_a_choice_keeps_it(root):
    for age, name in enumerate("abc"):
        run(root, name, pos_report(), age=age)
    app = page(run="a")
    checked(app.multiselect(key="compare_runs").set_value(["a", "b"]).run())
    app.query_params["run"] = "a"  # what the browser still has when it says that c was chosen
    checked(app.multiselect(key="compare_runs").set_value(["a", "b", "c"]).run())
    assert app.multiselect(key="compare_runs").value == app.query_params["run"] == ["a", "b", "c"]
    for old in ("a", ["a", "b"]):
        app.query_params["run"] = old
        checked(app.toggle(key="compare_free").set_value(old == "a").run())  # nor does another widget take it back
        assert app.multiselect(key="compare_runs").value == app.query_params["run"] == ["a", "b", "c"]


def test_runs_of_different_tasks_are_looked_at_one_task_at_a_time(root):
    run(root, "tags", pos_report())
    adverts = list(CARS.shots[:2])
    run(root, "adverts", report(CARS, adverts, [a.answer for a in adverts], [a.answer for a in adverts]), age=5)
    app = page(run=["tags", "adverts"])
    assert "Accuracy, 95 % interval" in cells(app, 0)["Measure"]
    checked(app.segmented_control(key="compare_task").set_value("cars").run())
    assert "Field accuracy, 95 % interval" in cells(app, 0)["Measure"]
    assert answered(app)["Field"] == ["make", "model", "year", "mpg"]


def test_no_run_chosen(root):
    run(root, "first", pos_report())
    app = page()
    checked(app.multiselect(key="compare_runs").set_value([]).run())
    assert "Choose at least one run" in app.info[0].value


def with_weights(folder: RunFolder, *names: str) -> None:
    for name in names:
        (folder.path / name).mkdir(parents=True)
        (folder.path / name / "model.safetensors").write_bytes(b"x" * 1000)


def test_trying_an_input(root, monkeypatch):
    """Every model answers, with the mask and without; one fails; what differs from the pinned one is marked."""
    with_weights(run(root, "first", pos_report()), "student", "untrained")
    asked = []
    monkeypatch.setattr(engine, "teacher", lambda name: "teacher")
    monkeypatch.setattr(engine, "student", lambda name, which, stamp: which)

    def answer(lm, task, text, prompt, **options):
        asked.append((lm, text, prompt is None, options["constrained"], options["conditioned"]))
        if (lm, options["constrained"]) == ("untrained", True):
            raise ModelError("the text is too long: shorten it.")
        given = SENTENCE.answer if lm == "teacher" else SENTENCE.answer.replace('"PART"', '"ADV"')
        text = given if options["constrained"] else HOSTILE
        return engine.Answer(text, (1, 2), (False, True), options["constrained"], 0.25, 2)

    monkeypatch.setattr(engine, "answer", answer)
    app = page(free="1")
    checked(app.button(key="compare_try").click().run())
    order = [("teacher", False), ("untrained", True), ("student", True)]
    assert asked == [(lm, SENTENCE.input, own, mask, True) for mask in (True, False) for lm, own in order]
    assert any("too long" in c.value for c in app.code)
    table = cells(app, -1)
    assert list(table) == ["Word", "Teacher", "Trained student"]
    assert table["Trained student"][table["Word"].index("n't")] == "≠ ADV"
    assert [c.value for c in app.code].count(HOSTILE) >= 3 and "script" not in markup(app)
    assert "250 ms" in [m.value for m in app.metric]

    key = next(s.key for s in app.selectbox if s.key.startswith("compare_pin"))
    checked(app.selectbox(key=key).set_value("first/trained").run())
    assert cells(app, -1)["Teacher"][table["Word"].index("n't")] == "≠ PART"
    assert app.query_params["pin"] in ("first/trained", ["first/trained"]) and len(asked) == 6
    checked(app.selectbox(key=key).set_value("gold").run())
    assert cells(app, -1)["Gold"] == [t for _, t in answers.parts(POS, SENTENCE.answer)]
    checked(app.button(key="compare_try").click().run())
    assert len(asked) == 7  # only what failed is asked again


def test_who_has_no_weights_here_is_left_out_and_said_so(root, monkeypatch):
    with_weights(run(root, "first", pos_report()), "student")
    asked = []
    monkeypatch.setattr(engine, "teacher", lambda name: "teacher")
    monkeypatch.setattr(engine, "student", lambda name, which, stamp: which)
    answer = engine.Answer(SENTENCE.answer, (1, 2), (False, True), True, 0.25, 2)
    monkeypatch.setattr(engine, "answer", lambda lm, *rest, **options: asked.append(lm) or answer)
    app = page()
    checked(app.button(key="compare_try").click().run())
    assert asked == ["teacher", "student"] and not app.error
    assert any(c.value.startswith("Not asked. Untrained student: its weights are not here") for c in app.caption)


def test_a_new_run_of_the_same_name_is_asked_anew(root, monkeypatch):
    folder = run(root, "first", pos_report())
    with_weights(folder, "student")
    asked = []

    def answer(lm, task, text, prompt, **options):
        asked.append(lm)
        return engine.Answer(SENTENCE.answer, (1, 2), (False, True), True, 0.25, 2)

    monkeypatch.setattr(engine, "student", lambda name, which, stamp: which)
    monkeypatch.setattr(engine, "answer", answer)
    app = page(model="first/trained")
    checked(app.button(key="compare_try").click().run())
    assert asked == ["student"] and "250 ms" in [m.value for m in app.metric]
    report_file = folder.path / "report.json"
    os.utime(report_file, ns=(0, report_file.stat().st_mtime_ns + 10**9))
    checked(app.run())
    assert "250 ms" not in [m.value for m in app.metric]
    checked(app.button(key="compare_try").click().run())
    assert asked == ["student", "student"]


def test_a_sample_fills_the_field_and_another_text_is_a_new_trial(root):
    run(root, "first", pos_report())
    app = page(text="Dogs bark .")
    assert app.text_input(key="compare_text pos").value == "Dogs bark ."
    checked(app.selectbox(key="compare_try_sample").set_value(1).run())
    assert app.text_input(key="compare_text pos").value == POS.shots[1].input
    assert app.selectbox(key="compare_try_sample").value is None
    assert app.query_params["text"] in (POS.shots[1].input, [POS.shots[1].input])


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_trying_nothing(root, text):
    run(root, "first", pos_report())
    app = page()
    app.text_input(key="compare_text pos").set_value(text)
    checked(app.button(key="compare_try").click().run())
    assert any("is empty" in c.value for c in app.code)


def test_who_cannot_be_asked(root):
    folder = run(root, "first", pos_report())
    teacher, untrained, trained = comparison.entries([comparison.scored_runs()[0]["first"]])
    assert compare_models.why_not(teacher) == ""
    assert "run it again" in compare_models.why_not(trained) and "run it again" in compare_models.why_not(untrained)
    with_weights(folder, "student")
    assert compare_models.why_not(trained) == ""
    with pytest.raises(ModelError, match="run it again"):
        compare_models.load(untrained)
    labelled = (Stage(method="pseudo_labels"),)
    config = RunConfig(
        teacher="https://host/v1#m", stages=labelled, student=StudentConfig(kind="existing", model="smollm2")
    )
    write_whole(folder.path / "config.yaml", to_yaml(config))
    assert "API" in compare_models.why_not(teacher) and compare_models.why_not(untrained) == ""
    write_whole(folder.path / "config.yaml", "[")
    assert "cannot be read" in compare_models.why_not(teacher)
    assert any("cannot be read" in c.value for c in page().code)


def test_the_student_can_be_taken_away(root):
    folder = run(root, "first", pos_report())
    assert any("run it again" in t.value for t in page().text)
    folder.student.mkdir()
    (folder.student / "model.safetensors").write_bytes(b"x" * 2_000_000)
    app = page()
    assert any("2.0 MB" in b.label for b in app.get("download_button"))


def test_csv_has_plain_numbers(root):
    run(root, "first", pos_report())
    scored = comparison.scored_runs()[0]["first"]
    rows = list(csv.DictReader(io.StringIO(compare_csv.of_figures(POS, comparison.entries([scored])))))
    assert [row["role"] for row in rows] == ["teacher", "untrained", "trained"]
    assert float(rows[2]["accuracy"]) == pytest.approx(17 / 18)
    assert rows[0]["valid_without_mask"] == ""


def test_reports_that_lack_models_or_outputs(root):
    whole = pos_report()
    models = (whole.models[0].model_copy(update={"outputs": ()}),)
    run(root, "first", whole.model_copy(update={"models": models}))
    app = page()
    assert set(answered(app)["Trained student"]) == {"–"}


def likelihood(losses: list[float], **values: object) -> Likelihood:
    bins = (Bin(count=2, confidence=0.55, accuracy=0.5), Bin(count=6, confidence=0.95, accuracy=1.0))
    figures = {
        "free": 8, "forced": 24, "perplexity": 1.25, "perplexity_unmasked": 9.5, "refused_mass": 0.125, "bins": bins,
        "calibration_error": 0.05, "losses": tuple(losses),
    }  # fmt: skip
    return Likelihood(**figures | values)


def measured_report(**values: object) -> Report:
    """As `pos_report`, with what reading the gold answers gave for the student."""
    found = pos_report(near_leaks=0, left_out=0, **values)
    models = [m.model_copy(update={"tokens_per_second": 120.0}) for m in found.models]
    same = {"likelihood": likelihood([0.2, 1.5], agreement={"hits": 7, "total": 8})}
    models[0] = models[0].model_copy(update=same)
    return completed(found.model_copy(update={"models": tuple(models)}), POS)


def test_tags_with_intervals_and_what_they_were_taken_for(root):
    run(root, "first", measured_report())
    app = page()
    tags = next(t for i in range(len(app.dataframe)) if "Tag" in (t := cells(app, i)))
    by_tag = dict(zip(tags["Tag"], tags["Recall"], strict=True))
    assert by_tag["PART"] == "0.0 (0–79)" and by_tag["PUNCT"].startswith("100.0 (")
    assert tags["Precision"][tags["Tag"].index("ADV")].startswith("50.0 (")
    checked(app.selectbox(key="compare_tags").set_value("first/untrained").run())
    tags = next(t for i in range(len(app.dataframe)) if "Tag" in (t := cells(app, i)))
    assert {cell[:4] for cell in tags["Recall"]} == {"0.0 "} and set(tags["Precision"]) == {"–"}


def test_fields_with_intervals(root):
    adverts = list(CARS.shots)
    wrong = [adverts[0].answer.replace("1981", "1980"), *(a.answer for a in adverts[1:])]
    run(root, "adverts", report(CARS, adverts, [a.answer for a in adverts], wrong))
    app = page()
    fields = next(t for i in range(len(app.dataframe)) if "Gold" not in (t := cells(app, i)) and "Field" in t)
    year = fields["Field"].index("year")
    assert fields["Trained student"][year].startswith("66.67 % (") and fields["Teacher"][year].startswith("100.00 %")


def test_likelihood_is_shown_and_what_was_not_measured_is_said(root):
    run(root, "first", measured_report())
    app = page()
    tables = (cells(app, i) for i in range(len(app.dataframe)))
    table = next(table for table in tables if "Perplexity, allowed" in table.get("Measure", ()))
    assert list(table) == ["Measure", "Teacher", "Untrained student", "Trained student"]
    rows = dict(zip(table["Measure"], zip(*list(table.values())[1:], strict=True), strict=True))
    assert rows["Perplexity, allowed"] == ("not measured", "not measured", "1.25")
    assert rows["Forced"][2] == "75.00 %" and rows["Agreement"][2].startswith("87.50 % (")
    measures = cells(app, 0)
    assert measures["Trained student"][measures["Measure"].index("Tokens a second")] == "120"
    assert "no near ones" in " ".join(t.value for t in app.text)


def test_a_report_of_an_older_version_is_shown_with_what_it_has(root):
    folder = run(root, "old", pos_report())
    old = json.loads((folder.path / "report.json").read_text())
    for name in ("near_leaks", "leaked", "left_out"):
        del old[name]
    for kept in old["models"]:
        for name in ("tokens_per_second", "peak_megabytes", "likelihood", "clean_scores"):
            del kept[name]
    (folder.path / "report.json").write_text(json.dumps(old))
    app = page()
    assert any("This report does not say" in c.value for c in app.caption)
    assert any("near ones not measured" in t.value for t in app.text)
    assert "Recovery (student / teacher)" in cells(app, 0)["Measure"]
    assert not any("Tokens a second" in m for m in cells(app, 0)["Measure"])
    assert any("Tag" in cells(app, i) for i in range(len(app.dataframe)))


def test_leaks_are_counted_and_scores_without_them_stand_beside(root):
    run(root, "first", measured_report(leaks=1, leaked=(0,)).model_copy(update={"near_leaks": 0}))
    app = page()
    measures = cells(app, 0)
    without = measures["Measure"].index("Accuracy without leaks")
    assert measures["Trained student"][without] == "★ 100.00 %"
    assert any("1 of them also stand in train" in t.value for t in app.text)


def test_the_hardest_examples_come_first_on_request(root):
    run(root, "first", measured_report())
    app = page()
    assert examples(app)["No."] == ["1", "2"] and "Loss" not in examples(app)
    checked(app.toggle(key="compare_hardest").set_value(True).run())
    assert examples(app)["No."] == ["2", "1"] and examples(app)["Loss"] == ["1.5", "0.2"]
    assert answered(app)["Word"][0] == "Wow"


def test_token_by_token(root, monkeypatch):
    """The strip and what each of two models would have written; a model that cannot be read is an error on the page."""
    compare_models.disagreement.clear()
    with_weights(run(root, "first", pos_report()), "student")
    read = []

    def places(models, task, text, prompts, gold, conditioned):
        read.append((models, text, gold, prompts[0] is None, prompts[1] is None))
        if text != SENTENCE.input:
            raise ModelError("teacher and student have different tokenizers: take another.")
        free = Place(7, HOSTILE, False, 0.75, False, (0.9, 0.1), (("<b>", 0.9),), ((HOSTILE, 0.8),))
        return [Place(1, "{", True), free]

    monkeypatch.setattr(engine, "teacher", lambda name: "teacher")
    monkeypatch.setattr(engine, "student", lambda name, which, stamp: which)
    monkeypatch.setattr(engine, "disagreement", places)
    app = page()
    assert not any("divergence" in m.label for m in app.metric)
    checked(app.toggle(key="compare_tokens").set_value(True).run())
    assert read == [(("teacher", "student"), SENTENCE.input, SENTENCE.answer, False, True)]
    shown = {m.label: m.value for m in app.metric}
    assert shown["Mean divergence"] == "0.750 nats" and shown["Same first choice"] == "0 of 1"
    assert "script" not in markup(app)
    lined = compare_tokens._strip_token(
        Place(7, "a", False, 0.75, False, (0.9, 0.1), (("b", 0.9),), (("a", 0.5),)), "loss", "agreement"
    )
    assert (lined.shade, lined.line) == (pytest.approx(0.9), 1.0)
    checked(app.selectbox(key="compare_line").set_value("loss").run())
    assert app.query_params["line"] in ("loss", ["loss"])
    app = page(tokens="1", a="first/trained", b="first/teacher", token="0")
    assert read[-1] == (("student", "teacher"), SENTENCE.input, SENTENCE.answer, True, False)
    assert app.session_state["_compare_tokens_strip_last"]["index"] == 0
    assert any(t.value.startswith("Token 0: forced") for t in app.text)
    assert {app.query_params[name][0] for name in ("tokens", "token")} == {"1", "0"}
    assert any(t.value.startswith("Token 1: KL") for t in page(tokens="1", token="9").text)  # there is no token 9
    app = page(tokens="1", example="1")
    assert any("different tokenizers" in c.value for c in app.code)
    assert app.toggle(key="compare_tokens").value


def test_token_by_token_needs_two_models_here(root):
    run(root, "first", pos_report())
    assert any("must be on this machine" in c.value for c in page().caption)


def test_stages_side_by_side(root, monkeypatch):
    """Untrained, after stage 1 and after stage 2, with and without the mask, all from one seed; Stop, and on again."""
    folder = run(root, "first", pos_report())
    stages = (Stage(method="task"), Stage(method="gold"))
    write_whole(folder.path / "config.yaml", to_yaml(RunConfig(stages=stages)))
    with_weights(folder, "untrained", "stages/1", "stages/half.partial", "student")
    drawn = []

    def samples(lm, task, text, prompt, *, count, seed, constrained, conditioned, tick):
        drawn.append((lm, seed, constrained))
        if (lm, constrained) == ("stages/1", False):
            raise ModelError("out of luck: draw again.")
        return [SENTENCE.answer, SENTENCE.answer.replace('"PART"', '"ADV"')] if constrained else [HOSTILE] * 2

    monkeypatch.setattr(engine, "student", lambda name, which, stamp: which)
    monkeypatch.setattr(engine, "samples", samples)
    scored = comparison.scored_runs()[0]["first"]
    kept = compare_stages.students(scored)
    assert [student.which for student in kept] == ["untrained", "stages/1", "student"]
    assert kept[1].title == "After stage 1: the teacher's probabilities, which only the teacher's prompt explains"
    app = page()
    assert not drawn and app.button(key="compare_stages_stop").disabled
    app.number_input(key="compare_seed").set_value(3)
    checked(app.button(key="compare_stages_go").click().run())  # in one run with what was typed just before
    assert [c.value for c in app.sidebar.caption if "Seed" in c.value] == ["Seed 3 for the stages' samples"]
    assert drawn == [(s.which, 3, mask) for mask in (True, False) for s in kept]
    lines = [c.value for c in app.code]
    assert any(text.startswith("✓ PRON AUX PART VERB") and "\n✗ PRON AUX ✗ADV VERB" in text for text in lines)
    assert any(text.startswith(f"✗ not valid: {HOSTILE}") for text in lines)
    assert any("out of luck" in text for text in lines)
    assert any("2 of 2 valid · 94.44 % as gold · 2 different" in t.value for t in app.text)
    assert any(text.value == "Without the mask: failed" for text in app.text)
    assert "script" not in markup(app) and app.button(key="compare_stages_stop").disabled
    app.session_state[compare_stages.STATE].wrong = {}  # one is open, and none was asked to stop
    app.session_state[compare_stages.STATE].stopped = True
    assert any("Draw goes on from there" in c.value for c in checked(app.run()).caption)


def test_no_part_of_the_page_is_a_fragment_while_models_are_asked(root, monkeypatch):
    """Streamlit interrupts nothing for a click in one."""
    folder, found = run(root, "first", pos_report()), []
    with_weights(folder, "student")
    monkeypatch.setattr(engine, "student", lambda name, which, stamp: which)
    monkeypatch.setattr(engine, "samples", lambda *_, **__: [SENTENCE.answer])
    monkeypatch.setattr(compare_details, "parts", lambda *_: found.append(ThreadState.get().fragment_id is not None))
    app = page()
    assert found == [True]
    found.clear()
    checked(app.button(key="compare_stages_go").click().run())
    assert found == [True, False, False, False, True]  # pressed, with the mask, without, neither; and again


def test_stages_without_weights(root):
    run(root, "first", pos_report())
    app = page()
    assert any("sample from its stages" in i.value for i in app.info)
    assert not any("Seed" in c.value for c in app.sidebar.caption)  # nothing draws


def test_the_html_report_has_every_answer_and_marks_differences(root):
    hostile = Example(HOSTILE, SENTENCE.answer)
    wrong = SENTENCE.answer.replace('"PART"', '"ADV"')
    run(root, "first", report(POS, [hostile], [HOSTILE], [wrong], machine=HOSTILE))
    runs = [comparison.scored_runs()[0]["first"]]
    text = to_html(take_away.comparison_of(POS, comparison.entries(runs), runs))
    assert "<script" not in text and text.count("&lt;script&gt;") == 4  # machine, input, teacher and untrained student
    assert 'class="wrong">✗ ADV</td>' in text and "Accuracy, 95 % interval" in text
    assert text.count("<svg") == 2


def test_answers_as_csv(root):
    formula = "=HYPERLINK(1)"
    run(root, "first", report(POS, [Example(formula, SENTENCE.answer)], [SENTENCE.answer], [HOSTILE]))
    shown = comparison.entries([comparison.scored_runs()[0]["first"]])
    rows = list(csv.DictReader(io.StringIO(compare_csv.of_answers(POS, shown))))
    assert [(row["role"], row["mask"]) for row in rows] == [
        ("teacher", "with"), ("untrained", "with"), ("untrained", "without"), ("trained", "with"),
        ("trained", "without"),
    ]  # fmt: skip
    assert rows[0]["accuracy_hits"] == "9" and rows[3]["valid_hits"] == "0"
    assert {row["example"] for row in rows} == {"1"}
    assert rows[3]["output"] == HOSTILE and rows[0]["input"] == f"'{formula}"
