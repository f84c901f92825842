"""What the interface keeps of the engine, and when it is made anew; nothing heavy is loaded."""

import os

import pytest

from core.errors import ModelError
from core.models import teachers
from core.runs import preview as previews
from core.tasks import POS
from ui import engine, uploads


def test_a_teacher_is_loaded_again_when_its_files_change(tmp_path, monkeypatch):
    loaded = []
    monkeypatch.setattr(teachers, "load", lambda name: loaded.append(name) or len(loaded))
    file = tmp_path / "model.safetensors"
    for age in (10, 10, 20):
        file.write_bytes(b"x")
        os.utime(file, (age, age))
        engine.teacher(str(tmp_path))
        engine.teacher(str(file))
    assert loaded == [str(tmp_path), str(file)] * 2


@pytest.mark.parametrize("name", ["x" * 5000, "~nobody-of-this-name/model", "a\0b"])
def test_what_cannot_be_a_path_is_refused_by_name(name):
    with pytest.raises(ModelError):
        engine.teacher(name)


def test_an_address_takes_no_models_place(tmp_path, monkeypatch):
    loaded = []
    monkeypatch.setattr(teachers, "load", lambda name: loaded.append(name) or name)
    kept = str(tmp_path / "kept.gguf")
    engine.teacher(kept)
    for i in range(5):
        assert engine.teacher(f"https://host/v1#model{i}").model == f"model{i}"
    engine.teacher(kept)
    assert loaded == [kept]


def test_names_of_teachers_are_read_anew(monkeypatch):
    engine.teacher_names()
    monkeypatch.setattr(teachers, "adapter_names", lambda: ("smollm2+new",))
    assert engine.teacher_names() == ("smollm2+new", "smollm2")


def test_a_preview_is_made_again_when_the_data_change(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(previews, "preview", made.append)
    file = tmp_path / "mine.conllu"
    for age in (10, 10, 20):
        file.write_text("x")
        os.utime(file, (age, age))
        engine.preview(f"task: {POS.name}\ndata: {file}\nteacher: smollm2", uploads.stamp(str(file)))
    assert len(made) == 2
