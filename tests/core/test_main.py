"""The engine from a shell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.__main__ import main
from core.distill import config
from core.distill.presets import PRESETS
from core.paths import ROOT
from core.runs import folder


def test_help_lists_the_commands():
    shown = subprocess.run([sys.executable, "-m", "core", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 0
    for command in ("prepare", "distill", "resume", "runs", "preset", "adapter", "tags"):
        assert command in shown.stdout


@pytest.mark.parametrize("name", PRESETS)
def test_a_printed_preset_is_a_configuration(name, capsys):
    assert main(["preset", name]) == 0
    assert config.read_yaml(capsys.readouterr().out) == PRESETS[name]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["preset", "Slow"], "there is no preset 'Slow'"),
        (["resume", "nobody"], "nobody"),
        (["distill", "missing.yaml"], "cannot read missing.yaml"),
        (["tags", "missing.conllu"], "missing.conllu"),
    ],
)
def test_errors_are_one_line(arguments, reason, capsys):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert reason in error and error.startswith("error: ") and error.count("\n") == 1


def test_a_home_that_cannot_be_written_is_one_line(tmp_path, monkeypatch, capsys):
    path, create = tmp_path / "run.yaml", folder.create
    path.write_text("task: pos\n")
    monkeypatch.setattr(folder, "create", lambda wanted: create(wanted, path / "runs"))
    assert main(["distill", str(path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "run.yaml/runs" in error and error.count("\n") == 1


@pytest.mark.parametrize("state", ["finished", "stopped"])
def test_resume_takes_only_what_did_not_finish(state, tmp_path):
    """In a home of its own; the run that may be resumed fails for its data."""
    run = folder.create(config.RunConfig(name="mine", data="/no/such.conllu"), tmp_path / "runs")
    run.write_status(folder.Status(state=state))
    environment = {**os.environ, "STILLROOM_HOME": str(tmp_path)}
    line = [sys.executable, "-m", "core", "resume", "mine"]
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    if state == "finished":
        assert done.stderr == "error: the run 'mine' is finished: only stopped, interrupted or failed runs resume.\n"
        assert run.status().state == "finished"
    else:
        assert "cannot read such.conllu" in done.stdout and run.status().state == "failed"


def test_a_wrong_field_is_named(tmp_path, capsys):
    path = tmp_path / "run.yaml"
    path.write_text("task: pos\n")
    assert main(["distill", str(path), "student.depht=3"]) == 1
    assert "student.depht" in capsys.readouterr().err


def test_tags_lists_words_with_several(tmp_path: Path, capsys):
    path = tmp_path / "a.conllu"
    lines = (("run", "NOUN"), ("run", "VERB"), ("fast", "ADV"))
    path.write_text("".join(f"{i}\t{w}\t_\t{t}\t_\t_\t_\t_\t_\t_\n" for i, (w, t) in enumerate(lines, 1)) + "\n")
    assert main(["tags", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "run" in shown and "NOUN 1" in shown and "fast" not in shown
