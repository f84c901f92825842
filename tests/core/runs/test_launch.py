"""Several processes on this machine's CPU, by `accelerate launch` or as it would (ranks.py); the launch files."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from accelerate import PartialState
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.utils import is_deepspeed_available
from safetensors.torch import load_file

from core.__main__ import main
from core.distill import config as run_config
from core.distill.config import RunConfig, Stage
from core.models.student_config import StudentConfig
from core.paths import ASSETS, ROOT
from core.runs import checkpoint
from core.runs import folder as run_folders
from core.runs.execute import execute
from core.runs.folder import RunFolder
from core.tasks import POS

SENTENCES = 18  # in the file
FILES = sorted((ASSETS / "accelerate").glob("*.yaml"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Eighteen short sentences: the last batch of an epoch is smaller than the others."""
    blocks = (ROOT / "assets/data/pos/train.conllu").read_text().split("\n\n")
    short = [block.strip() for block in blocks if 4 < block.count("\n") < 11]
    path = tmp_path_factory.mktemp("data") / "short.conllu"
    path.write_text("\n\n".join(short[:SENTENCES]) + "\n\n")
    return str(path)


@pytest.fixture(scope="module")
def config(teacher_folder, data):
    return RunConfig(
        name="t",
        data=data,
        teacher=str(teacher_folder),
        student=StudentConfig(layers=(0, 2), vocabulary=400, context=512),
        stages=(Stage(method="task", epochs=2, learning_rate=3e-3), Stage(method="gold", learning_rate=3e-3)),
        batch_size=5,
        keep="best",
        validate_every=4,
        validation_examples=2,
        checkpoint_every=4,
        report_examples=2,
    )


def launched(*arguments: str) -> list[str]:
    launch = ["accelerate.commands.accelerate_cli", "launch", "--config_file", str(ASSETS / "accelerate/cpu2.yaml")]
    return [sys.executable, "-m", *launch, "--main_process_port", _free_port(), *arguments]


def forked(*arguments: str) -> list[str]:
    """Two processes without the launcher, and with one import for both."""
    return [sys.executable, str(Path(__file__).with_name("ranks.py")), *arguments]


def _free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def environment(home):
    place = {"STILLROOM_HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1"}
    return {**os.environ, **place, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": _free_port()}


def said_by(line, home, **variables):
    """What was said by processes that end well."""
    done = subprocess.run(
        line, cwd=ROOT, env=environment(home) | variables, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def distill(config, home, launch):
    """By two processes: the run, and what was said."""
    home.mkdir()
    (home / "run.yaml").write_text(run_config.to_yaml(config))
    said = said_by(launch("-m", "core", "distill", str(home / "run.yaml")), home)
    return RunFolder(home / "runs" / "t"), said


def alone(config, home):
    """By this process, and on the CPU like the others."""
    made = run_folders.create(config, home / "runs")
    with pytest.MonkeyPatch.context() as patched, made.lock():
        patched.setenv("ACCELERATE_USE_CPU", "1")
        PartialState._reset_state()
        status = execute(made)
    PartialState._reset_state()
    assert (status.state, status.error) == ("finished", None)
    return made


@pytest.fixture(scope="module")
def one(config, tmp_path_factory):
    """What two processes are compared with."""
    return alone(config, tmp_path_factory.mktemp("one"))


def test_two_processes_equal_one(config, one, tmp_path):
    """The same losses, the same weights, one voice, and the teacher asked once about each example."""
    two, said = distill(config.model_copy(update={"accumulate": 2}), tmp_path / "two", launched)
    records = [[r for r in run.metrics() if "loss" in r] for run in (one, two)]
    assert len(records[0]) == len(records[1]) == 9
    for name in ("loss", "agreement", "positions", "tokens", "learning_rate"):
        assert [r[name] for r in records[1]] == pytest.approx([r[name] for r in records[0]], rel=1e-4), name
    weights = [load_file(checkpoint.latest(run) / "weights.safetensors") for run in (one, two)]
    for name, tensor in weights[0].items():
        assert torch.allclose(tensor, weights[1][name], atol=1e-4), name
    validations = [[r["validation"]["accuracy"] for r in run.metrics() if "validation" in r] for run in (one, two)]
    assert validations[0] == validations[1] and len(validations[0]) == 3
    assert said.count("\ntraining\n") == 1 and two.report() is not None
    # Proof that there were two: each wrote what it asked.
    shards = list(two.signals.rglob("*.safetensors"))
    assert {path.name[:3] for path in shards} == {"000", "001"}
    assert sorted(i for path in shards for i in load_file(path)["example"].tolist()) == list(
        range(len(POS.load(config.data).train))
    )


def test_labels_and_own_samples_are_the_same_for_two_processes(config, tmp_path):
    """The main process asks the teacher, and all learn its answers, here of inputs without gold; both draw the same
    samples of the student."""
    plain = tmp_path / "inputs.txt"
    plain.write_text("\n".join(e.input for e in POS.load(config.data).train))
    stages = (Stage(method="pseudo_labels", learning_rate=3e-3), Stage(method="task", on_policy=0.6, epochs=2))
    changed = config.model_copy(update={"data": str(plain), "stages": stages})
    one = alone(changed, tmp_path / "one")
    two, said = distill(changed, tmp_path / "two", forked)
    records = [[r for r in run.metrics() if "loss" in r] for run in (one, two)]
    assert len(records[0]) == len(records[1]) and {r["method"] for r in records[0]} == {"pseudo_labels", "task"}
    for name in ("loss", "positions", "tokens"):
        assert [r[name] for r in records[1]] == pytest.approx([r[name] for r in records[0]], rel=1e-4), name
    assert [run.labels.read_text().count("\n") for run in (one, two)] == [1 + 14, 1 + 14]
    assert said.count("labelling 14 inputs") == 1
    assert [run.report().gold_by for run in (one, two)] == ["teacher", "teacher"]


def test_an_adapter_learns_the_same_with_two_processes(config, tmp_path):
    """AdaLoRA's too, whose ranks all processes must share out alike."""
    student = StudentConfig(kind="existing", tuning="adalora", lora_rank=2)
    stages = (Stage(method="gold", epochs=4, learning_rate=1e-2),)
    few = {"keep": "last", "validate_every": 50, "validation_examples": 1, "report_examples": 1}
    changed = config.model_copy(update={"student": student, "stages": stages, **few})
    one = alone(changed, tmp_path / "one")
    two, _ = distill(changed, tmp_path / "two", forked)
    losses = [[r["loss"] for r in run.metrics() if "loss" in r] for run in (one, two)]
    assert len(losses[0]) == 12 and losses[1] == pytest.approx(losses[0], rel=1e-4)
    ranks = [json.loads((run.student / "adapter_config.json").read_text())["rank_pattern"] for run in (one, two)]
    assert ranks[0] == ranks[1] and not all(all(kept) for kept in ranks[0].values())


ENDS = """
from core.distill import processes
from core.errors import ModelError

class Unsendable(Exception):
    def __init__(self, one, two):
        super().__init__(one)

def work(error):
    raise error

def say(line):  # in one write: both processes have one pipe
    print(line + "\\n", end="", flush=True)

for error in (ModelError("no answers"), Unsendable("odd", 2)):
    try:
        processes.by_main(lambda: work(error))
    except Exception as found:
        say(f"{processes.number()} {type(found).__name__} {found}")
say(f"{processes.number()} {processes.by_main(lambda: 7)}")
processes.leave()
"""


def test_what_ends_the_main_process_while_the_others_wait_ends_them_too(tmp_path):
    script = tmp_path / "ends.py"
    script.write_text(ENDS)
    lines = said_by(forked(str(script)), tmp_path).splitlines()
    said = {"0 ModelError no answers", "1 ModelError no answers", "0 Unsendable odd", "1 RuntimeError Unsendable: odd"}
    assert {*lines} == said | {"0 7", "1 7"}


def test_a_student_in_shards_equals_a_whole_one(config, one, tmp_path):
    """FSDP2, with the settings that ship; and resumed."""
    settings = load_config_from_file(str(ASSETS / "accelerate/fsdp.yaml")).fsdp_config
    asked = {name.upper(): str(value) for name, value in settings.items()} | {"ACCELERATE_USE_FSDP": "true"}
    two = RunFolder(tmp_path / "runs" / "t")
    (tmp_path / "run.yaml").write_text(run_config.to_yaml(config))
    for arguments in (("distill", str(tmp_path / "run.yaml")), ("resume", "t")):
        line = forked(str(Path(__file__).with_name("fsdp_on_cpu.py")), *arguments)
        assert "shards: 20" in said_by(line, tmp_path, **asked)
        losses = [[r["loss"] for r in run.metrics() if "loss" in r] for run in (one, two)]
        assert losses[1] == pytest.approx(losses[0], rel=1e-4)
        shutil.rmtree(two.checkpoints / "step-000009")  # as if it had been killed at step 8
        two.write_status(two.status().model_copy(update={"state": "stopped"}))


def test_a_stop_reaches_all_processes_and_they_resume_together(config, tmp_path):
    home = tmp_path / "two"
    home.mkdir()
    long = config.model_copy(update={"stages": (Stage(method="gold", epochs=300),), "validate_every": 5000})
    (home / "run.yaml").write_text(run_config.to_yaml(long))
    line = launched("-m", "core", "distill", str(home / "run.yaml"))
    process = subprocess.Popen(line, cwd=ROOT, env=environment(home), stdout=subprocess.DEVNULL)
    run = RunFolder(home / "runs" / "t")
    end = time.time() + 120
    while not [r for r in run.metrics() if "loss" in r]:
        assert time.time() < end and process.poll() is None
        time.sleep(0.1)
    os.kill(_main_process(process.pid), signal.SIGINT)
    process.wait(120)
    assert run.status().state == "stopped"
    step = run.status().step
    assert checkpoint.latest(run).name == f"step-{step:06d}"
    done = [record["seconds"] for record in run.metrics() if "loss" in record][-1]  # the last may be a validation
    short = long.model_copy(update={"max_seconds": done + 0.5})
    (run.path / "config.yaml").write_text(run_config.to_yaml(short))
    said_by(forked("-m", "core", "resume", "t"), home)
    assert run.status().state == "finished"
    assert [r["step"] for r in run.metrics() if "loss" in r] == list(range(1, run.status().step + 1))


def _main_process(launcher: int) -> int:
    """The process of rank 0 among the launcher's children."""
    for child in map(int, subprocess.check_output(["pgrep", "-P", str(launcher)]).split()):
        with open(f"/proc/{child}/environ", "rb") as file:
            if b"RANK=0" in file.read().split(b"\0"):
                return child
    raise AssertionError("no process of rank 0")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_launch_files_are_read_by_accelerate(path):
    found = load_config_from_file(str(path))
    assert path.read_text().startswith("# ") and f"assets/accelerate/{path.name}" in path.read_text()
    kinds = {"deepspeed2": "DEEPSPEED", "fsdp": "FSDP"}
    assert found.distributed_type.value == kinds.get(path.stem, "MULTI_GPU")
    assert found.num_processes == (8 if path.stem == "multi_node" else 2)
    assert (found.mixed_precision == "bf16") == (path.stem != "cpu2")
    if path.stem == "fsdp":
        assert found.fsdp_config["fsdp_version"] == 2
    if path.stem == "deepspeed2":
        assert found.deepspeed_config["zero_stage"] == 2


@pytest.mark.skipif(is_deepspeed_available(), reason="deepspeed is installed")
def test_a_launch_with_deepspeed_says_what_to_install(config, tmp_path, monkeypatch, capsys):
    path = tmp_path / "run.yaml"
    path.write_text(run_config.to_yaml(config))
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    assert main(["distill", str(path)]) == 1
    assert "`pip install deepspeed`" in capsys.readouterr().err
