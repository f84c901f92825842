"""What the study times is training: the teacher has spoken before, and once for all that learn under one constraint."""

from bench import study
from core.distill.teacher import LiveTeacher
from core.distill.train import Trainer

TINY = {
    "student": {"kind": "scratch", "width": 32, "depth": 1, "heads": 4},
    "learning_rate": 1e-3, "epochs": 2, "batch": 2,
}  # fmt: skip


def test_the_teacher_is_asked_before_the_clock_runs_and_once(teacher, tmp_path, monkeypatch):
    events = []

    def noted(owner, name):
        method = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *args: events.append(name) or method(*args))

    noted(LiveTeacher, "logits")
    noted(Trainer, "_step")
    monkeypatch.setattr(study, "_teacher", lambda: teacher)
    monkeypatch.setitem(study.STARTS, "tiny", TINY)
    for name, sentences in {"TRAIN": 4, "HELD_OUT": 2, "WITHOUT_MASK": 1}.items():
        monkeypatch.setattr(study, name, sentences)
    first = study.student("tiny", "teacher", "hard", 0, tmp_path)
    second = study.student("tiny", "both", "hard", 1, tmp_path)
    assert events == ["logits"] * 4 + ["_step"] * 8
    for found in (first, second):
        assert (
            len(found["curve"]) == len(found["curve_without_mask"]) == 2
            and 0 <= found["refused_mass"] <= 1
            and found["training_s"] <= found["whole_s"]
        )
