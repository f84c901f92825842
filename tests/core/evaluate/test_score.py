import torch

from core.evaluate import score
from core.evaluate.ratio import Score
from core.evaluate.report import scores
from core.evaluate.score import evaluate
from core.tasks import CARS, POS


def test_scores_are_ratios_of_sums():
    examples = POS.load(None).dev[:3]
    gold = [e.answer for e in examples]
    perfect = scores(POS, examples, gold)
    assert all(s.value == 1 for s in perfect.values())
    assert perfect["accuracy"].total == sum(len(e.labels) for e in examples)
    broken = scores(POS, examples, [gold[0], gold[1][:-1], gold[2]])
    assert broken["valid"] == Score(hits=2, total=3)
    assert broken["accuracy"].hits == len(examples[0].labels) + len(examples[2].labels)


def test_fields_of_cars():
    example = CARS.load(None).dev[0]
    found = scores(CARS, [example], [example.answer.replace('"year":19', '"year":18')])
    assert found["year"].hits == 0 and found["make"].hits == 1
    assert (found["field_accuracy"].hits, found["field_accuracy"].total) == (3, 4)


def test_a_random_model_is_always_valid_under_the_constraint(teacher):
    examples = POS.load(None).dev[:5]
    found = evaluate(teacher, POS, examples, teacher.student_prompt, role="untrained", megabytes=1.0, free=2)
    assert found.scores["valid"].value == 1.0
    assert found.free_scores["valid"].hits == 0
    assert [POS.parse(o) is not None for o in found.outputs] == [True] * 5
    texts = [" ".join(t.text for t in POS.parse(o).tokens) for o in found.outputs]
    assert texts == [e.input for e in examples]
    assert found.tokens_per_second > 0 and found.peak_megabytes is None


def test_memory_on_a_gpu_is_that_of_the_model_and_of_its_answers(teacher, monkeypatch):
    """Not what else the process holds there, such as the other models of a report."""
    weights = sum(p.nbytes for p in teacher.model.parameters())
    monkeypatch.setattr(score, "device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 900_000_000)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 930_000_000)
    found = evaluate(teacher, POS, POS.load(None).dev[:1], teacher.student_prompt, role="untrained", megabytes=1.0)
    assert found.peak_megabytes == (30_000_000 + weights) / 1e6
