"""Which models the Masks page knows, and what they read; none is loaded."""

from functools import partial

import pytest

from core.distill.config import RunConfig, Stage
from core.models.student_config import StudentConfig
from core.runs import folder as run_folders
from core.runs.folder import Status
from core.tasks import CARS, POS
from core.tasks.prompt import Prompt, default_prompt
from ui import engine
from ui.masks import mask_model


@pytest.fixture
def root(tmp_path, monkeypatch):
    for name in ("all_runs", "open_run"):
        monkeypatch.setattr(run_folders, name, partial(getattr(run_folders, name), root=tmp_path))
    monkeypatch.setattr(engine, "teacher_names", lambda: ("smollm2",))
    return tmp_path


def finished(root, name: str, weights: str, student: StudentConfig) -> None:
    prompt, stages = Prompt(instructions="Tag it."), (Stage(method="gold"),)
    config = RunConfig(name=name, teacher="smollm2", prompt=prompt, stages=stages, student=student)
    folder = run_folders.create(config, root)
    folder.write_status(Status(state="finished"))
    if weights:
        folder.student.mkdir()
        (folder.student / weights).write_bytes(b"x")


def test_students_are_known_by_their_weights_also_adapters(root):
    finished(root, "own", "model.safetensors", StudentConfig())
    finished(root, "tuned", "adapter_model.safetensors", StudentConfig(kind="existing", prompted=True))
    finished(root, "gone", "", StudentConfig())
    assert {"smollm2", "student of own", "student of tuned"} <= mask_model.models().keys()
    assert "student of gone" not in mask_model.models()


def test_a_student_reads_the_prompt_it_was_taught_to_read(root):
    finished(root, "own", "model.safetensors", StudentConfig())
    finished(root, "tuned", "adapter_model.safetensors", StudentConfig(kind="existing", prompted=True))
    known = mask_model.models()
    assert known["student of own"].prompt(POS) is None
    assert known["student of tuned"].prompt(POS) == Prompt(instructions="Tag it.")
    assert known["student of tuned"].prompt(CARS) == default_prompt(CARS)  # it was taught no other task
