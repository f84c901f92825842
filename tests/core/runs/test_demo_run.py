"""The demo run that ships: whole, small, free of this machine, and its student answers as the report says."""

import json

from core.constrain.constraints import Constraints
from core.data.sample import spread
from core.evaluate.report import completed
from core.generate.decode import Sampling, generate
from core.models import checkpoint
from core.paths import DEMO_RUN
from core.runs import folder as run_folders
from core.tasks import TASKS


def test_it_is_a_finished_run_with_a_report():
    run = run_folders.open_run(DEMO_RUN.name)
    report = run.report()
    assert run.status().state == "finished"
    assert {model.role for model in report.models} == {"trained", "untrained", "teacher"}
    assert report.model("trained").scores["valid"].value == 1
    assert report.model("trained").scores["accuracy"].value > 3 * report.model("untrained").scores["accuracy"].value
    assert report.leaks == 0 and completed(report, TASKS[report.task]) == report
    assert [record["step"] for record in run.metrics() if "loss" in record][-1] == run.status().step


def test_it_is_small_and_names_no_machine():
    files = [path for path in DEMO_RUN.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 12e6
    assert checkpoint.load(DEMO_RUN / "student", "demo").parameters <= 6_000_000
    texts = [p.read_text() for p in files if p.suffix in (".json", ".yaml", ".txt", ".jsonl") and p.name[0] != "t"]
    assert len(texts) >= 5
    for text in texts:
        assert "/home/" not in text and "/root" not in text and '"/' not in text


def test_its_student_answers_as_reported():
    run = run_folders.open_run(DEMO_RUN.name)
    report, config = run.report(), run.config()
    lm = checkpoint.load(run.student, "demo")
    constraints = Constraints(TASKS[config.task], lm.tokens, config.conditioned)
    pairs = spread(list(zip(report.examples, report.model("trained").outputs, strict=True)), 6)
    for example, output in pairs:
        batch = generate(lm, [lm.student_prompt(example.input)], [constraints.of(example.input)], Sampling())
        assert json.loads(batch.generations[0].text) == json.loads(output)
