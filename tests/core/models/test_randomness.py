"""Models are loaded one at a time, and while none is trained or made."""

import threading

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from core.errors import ModelError
from core.models import bundled, checkpoint, randomness, teachers


def is_free():
    """Whether another thread could draw, or load a model."""
    found = []

    def look():
        found.append(randomness._drawing.acquire(blocking=False))
        if found[0]:
            randomness._drawing.release()

    other = threading.Thread(target=look)
    other.start()
    other.join()
    return found[0]


@pytest.mark.parametrize("load", [lambda f: teachers.load(str(f)), lambda f: checkpoint.load(f, "student")])
def test_others_wait_while_a_model_is_loaded(teacher_folder, monkeypatch, load):
    """transformers changes what the process shares: two at a time leave it so, and nothing can be loaded any more."""
    held, real = [], AutoModelForCausalLM.from_pretrained
    monkeypatch.setattr(
        AutoModelForCausalLM, "from_pretrained", lambda *a, **k: held.append(not is_free()) or real(*a, **k)
    )
    assert load(teacher_folder).parameters and held == [True] and is_free()


@pytest.mark.parametrize("files", [("model.safetensors", "config.json"), ("config.json",)])
def test_nobody_waits_while_a_model_is_fetched(tmp_path, monkeypatch, files):
    """Where it has no weights in safetensors, transformers looks for a branch that has."""
    for name in files:
        (tmp_path / name).touch()
    free, loaded = [], []
    monkeypatch.setattr(teachers, "_check_hub", lambda name: None)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: free.append(is_free()) or str(tmp_path))
    monkeypatch.setattr(AutoTokenizer, "from_pretrained", lambda source: loaded.append(source))
    with pytest.raises(ModelError):
        teachers.load("org/model")
    assert free == [True] and loaded == [str(tmp_path) if len(files) == 2 else "org/model"]


def test_the_bundled_teacher_is_prepared_once(tmp_path, monkeypatch):
    """By one of the processes of a launch, while the others wait for it."""
    folder = tmp_path / "models" / "teacher"

    def until_another_has_done_it(*_):
        folder.mkdir()
        (folder / "model.safetensors").touch()

    monkeypatch.setattr(bundled, "MODELS", folder.parent)
    monkeypatch.setattr(bundled, "FOLDER", folder)
    monkeypatch.setattr(bundled, "gguf_path", lambda: tmp_path / "a.gguf")
    monkeypatch.setattr(bundled, "_convert", lambda *_: pytest.fail("converted again"))
    monkeypatch.setattr(bundled.fcntl, "flock", until_another_has_done_it)
    assert bundled.prepare() == folder
