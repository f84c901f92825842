import pytest

from core.evaluate.report import ModelReport, Recovery, Report, ReportExample, completed, scores
from core.tasks import POS

EXAMPLES = POS.load(None).dev[:4]


def model(role: str, outputs: list[str]) -> ModelReport:
    return ModelReport(
        name=role, role=role, parameters=1, megabytes=1.0, ms_per_example=1.0, model_calls=1,
        scores=scores(POS, EXAMPLES, outputs), outputs=tuple(outputs),
    )  # fmt: skip


def report(models: list[ModelReport], **values: object) -> Report:
    examples = tuple(ReportExample(input=e.input, gold=e.answer) for e in EXAMPLES)
    fixed = {"task": "pos", "data": "d", "machine": "m", "seconds": 1.0, "leaks": 0}
    return Report(**fixed | values, examples=examples, models=tuple(models))


def right(count: int) -> list[str]:
    """Outputs of which the first `count` are gold, the others not valid."""
    return [e.answer if i < count else "{" for i, e in enumerate(EXAMPLES)]


def accuracy(found: ModelReport) -> float:
    return found.scores["accuracy"].value


def test_recovery():
    models = [model("trained", right(2)), model("untrained", right(1)), model("teacher", right(3))]
    found = completed(report(models), POS).recovery
    low, student, teacher = (accuracy(models[i]) for i in (1, 0, 2))
    assert found.share == pytest.approx(student / teacher)
    assert found.gain == pytest.approx((student - low) / (teacher - low))


def test_recovery_that_means_nothing():
    assert completed(report([model("trained", right(2))]), POS).recovery is None
    assert completed(report([model("trained", right(2)), model("teacher", right(0))]), POS).recovery is None
    lost = [model("trained", right(2)), model("untrained", right(4)), model("teacher", right(3))]
    assert completed(report(lost), POS).recovery.gain is None
    same = completed(report([model("trained", right(3)), model("teacher", right(3))]), POS)
    assert same.recovery == Recovery(share=1.0)


def test_scores_without_what_leaked():
    found = completed(report([model("trained", right(2))], leaks=1, leaked=(0,)), POS).models[0]
    clean = scores(POS, EXAMPLES[1:], right(2)[1:])
    assert found.clean_scores == clean and clean["valid"].total == 3
    assert completed(report([model("trained", right(2))]), POS).models[0].clean_scores == {}
    assert completed(report([model("trained", right(2))], leaked=(0, 1, 2, 3)), POS).models[0].clean_scores == {}


def test_a_report_survives_its_file():
    models = [model("trained", right(2)), model("teacher", right(3))]
    found = completed(report(models, near_leaks=1, leaked=(2,), left_out=5), POS)
    assert Report.model_validate_json(found.model_dump_json()) == found


def test_a_report_without_outputs_is_left_as_it_is():
    stopped = model("trained", right(2)).model_copy(update={"outputs": ()})
    assert completed(report([stopped]), POS).models == (stopped,)


def test_gold_answers_that_are_none_of_the_task_are_left_as_they_are():
    found = report([model("trained", right(2))])
    broken = found.model_copy(update={"examples": (ReportExample(input="a", gold="{}"), *found.examples[1:])})
    assert completed(broken, POS) == broken


def test_what_follows_from_the_answers_is_worked_out_and_nothing_is_made_up():
    models = [model("trained", right(2)), model("untrained", right(1)), model("teacher", right(3))]
    found = completed(report(models), POS)
    for before, after in zip(models, found.models, strict=True):
        hits = before.scores["accuracy"].hits
        assert after.scores["accuracy"].hits == hits == sum(tag.recall.hits for tag in after.parts.tags.values())
        assert after.likelihood is None and after.tokens_per_second is None
    assert found.near_leaks is None and found.left_out is None
