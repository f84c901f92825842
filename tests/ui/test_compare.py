"""The Compare page as a whole, over reports made here: no model is loaded."""

import csv
import io
import json
import os
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.distill.config import RunConfig
from core.errors import ModelError
from core.evaluate.report import Bin, Likelihood, ModelReport, Report, ReportExample, completed, scores
from core.runs import folder as run_folders
from core.runs.folder import RunFolder, Status
from core.tasks import CARS, POS, Example, Task
from ui import answers, comparison, engine, try_input

ROOT = Path(__file__).resolve().parents[2]
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
    folder.write_report(found)
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


def checked(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    return app


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
    accuracy = by_measure["Accuracy (95 % interval)"]
    assert table["Trained student"][accuracy].startswith("★ 94.44 % (")
    assert table["Teacher"][accuracy].startswith("★ 94.44 % (")
    assert table["Untrained student"][accuracy].startswith("0.00 % (")
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


def test_the_wrong_word_carries_a_sign(root):
    run(root, "first", pos_report())
    table = answered(page())
    place = table["Word"].index("n't")
    assert table["Gold"][place] == "PART"
    assert table["Trained student"][place] == "✗ ADV"
    assert table["Teacher"][place] == "PART"
    assert sum(cell.startswith("✗") for cell in table["Trained student"]) == 1
    assert set(table["Untrained student"]) == {"✗ not valid"}


def test_filters(root):
    run(root, "first", pos_report())
    app = page()
    checked(app.segmented_control(key="compare_filter").set_value("teacher").run())
    assert app.selectbox(key="compare_example_teacher").options == [f"0  {SENTENCE.input}"]
    checked(app.segmented_control(key="compare_filter").set_value("untrained").run())
    assert len(app.selectbox(key="compare_example_untrained").options) == 2


def test_an_empty_filter_says_so(root):
    examples = [SENTENCE]
    run(root, "first", report(POS, examples, [SENTENCE.answer], [SENTENCE.answer]))
    app = page()
    checked(app.segmented_control(key="compare_filter").set_value("student").run())
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


def test_runs_of_different_tasks_are_looked_at_one_task_at_a_time(root):
    run(root, "tags", pos_report())
    adverts = list(CARS.shots[:2])
    run(root, "adverts", report(CARS, adverts, [a.answer for a in adverts], [a.answer for a in adverts]), age=5)
    app = page(run=["tags", "adverts"])
    assert "Accuracy (95 % interval)" in cells(app, 0)["Measure"]
    checked(app.segmented_control(key="compare_task").set_value("cars").run())
    assert "Field accuracy (95 % interval)" in cells(app, 0)["Measure"]
    assert answered(app)["Field"] == ["make", "model", "year", "mpg"]


def test_no_run_chosen(root):
    run(root, "first", pos_report())
    app = page()
    checked(app.multiselect(key="compare_runs").set_value([]).run())
    assert "Choose at least one run" in app.info[0].value


def test_trying_an_input(root, monkeypatch):
    folder = run(root, "first", pos_report())
    for which in (folder.student, folder.untrained):
        which.mkdir()
        (which / "config.json").write_text("{}")
    asked = []

    class Lm:
        context = 100

    def answer(lm, task, text, prompt, **options):
        asked.append((text, prompt is None, options["conditioned"]))
        if len(asked) == 2:
            raise ModelError("the text is too long: shorten it.")
        return engine.Answer(SENTENCE.answer, (1, 2), (False, True), True, 0.25, 2)

    monkeypatch.setattr(engine, "teacher", lambda name: Lm())
    monkeypatch.setattr(engine, "student", lambda *a: Lm())
    monkeypatch.setattr(engine, "answer", answer)
    app = page()
    checked(app.button(key="compare_try").click().run())
    assert asked == [(SENTENCE.input, False, True), (SENTENCE.input, True, True), (SENTENCE.input, True, True)]
    assert any("too long" in c.value for c in app.code)
    assert list(cells(app, -1)) == ["Word", "Teacher", "Trained student"]
    assert "250 ms" in [m.value for m in app.metric]


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_trying_nothing(root, text):
    run(root, "first", pos_report())
    app = page()
    app.text_input(key="compare_text_pos").set_value(text)
    checked(app.button(key="compare_try").click().run())
    assert any("is empty" in c.value for c in app.code)


def test_an_adapter_alone_is_not_asked(root):
    folder = run(root, "first", pos_report())
    folder.student.mkdir()
    (folder.student / "adapter_config.json").write_text("{}")
    scored = comparison.scored_runs()[0]["first"]
    assert try_input.roles(scored, folder.config()) == ["teacher"]


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
    rows = list(csv.DictReader(io.StringIO(comparison.to_csv(POS, comparison.entries([scored])))))
    assert [row["role"] for row in rows] == ["teacher", "untrained", "trained"]
    assert float(rows[2]["accuracy"]) == pytest.approx(17 / 18)
    assert rows[0]["free_valid"] == ""


def test_parts_that_are_missing_or_too_many():
    gold = (("a", "DET"), ("dog", "NOUN"))
    assert answers.wrong_places(gold, gold) == frozenset()
    assert answers.wrong_places(gold, gold[:1]) == {1}
    assert answers.wrong_places(gold, (*gold, ("!", "PUNCT"))) == {2}
    assert answers.wrong_places(gold, None) == {0, 1}


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
    checked(app.selectbox(key="compare_tags_model").set_value("Untrained student").run())
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
    table = next(t for i in range(len(app.dataframe)) if "Perplexity, allowed" in (t := cells(app, i)))
    assert table["Model"] == ["Teacher", "Untrained student", "Trained student"]
    assert table["Perplexity, allowed"] == ["not measured", "not measured", "1.25"]
    assert table["Forced"][2] == "75.00 %" and table["Agreement"][2].startswith("87.50 % (")
    measures = cells(app, 0)
    assert measures["Trained student"][measures["Measure"].index("Tokens a second")] == "120"
    assert "no near ones" in " ".join(t.value for t in app.text)


def test_a_report_of_an_older_version_is_shown_with_what_follows_from_its_answers(root):
    folder = run(root, "old", pos_report())
    old = json.loads((folder.path / "report.json").read_text())
    for name in ("near_leaks", "leaked", "left_out", "recovery"):
        del old[name]
    for kept in old["models"]:
        for name in ("tokens_per_second", "peak_megabytes", "parts", "likelihood", "clean_scores"):
            del kept[name]
    (folder.path / "report.json").write_text(json.dumps(old))
    app = page()
    assert any("Not measured: an older version" in c.value for c in app.caption)
    assert any("near ones not measured" in t.value for t in app.text)
    assert "Recovery (student / teacher)" in cells(app, 0)["Measure"]
    assert not any("Tokens a second" in m for m in cells(app, 0)["Measure"])
    assert any("Tag" in cells(app, i) for i in range(len(app.dataframe)))


def test_leaks_are_counted_and_scores_without_them_stand_beside(root):
    run(root, "first", measured_report(leaks=1, leaked=(0,)).model_copy(update={"near_leaks": 0}))
    app = page()
    measures = cells(app, 0)
    without = measures["Measure"].index("Accuracy without leaked examples")
    assert measures["Trained student"][without] == "★ 100.00 %"
    assert any("1 of them also stand in train" in t.value for t in app.text)


def test_the_hardest_examples_come_first_on_request(root):
    run(root, "first", measured_report())
    app = page()
    assert app.selectbox(key="compare_example_all").options[0].startswith("0  She")
    checked(app.toggle(key="compare_hardest").set_value(True).run())
    options = app.selectbox(key="compare_example_all_hardest").options
    assert options[0].startswith("1  (loss 1.50)  Wow") and options[1].startswith("0  (loss 0.20)")
    assert answered(app)["Word"][0] == "Wow"
