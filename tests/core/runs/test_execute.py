"""Whole runs on a tiny teacher: finished, stopped, killed, resumed, queued, failed."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from core.distill import config as run_config
from core.distill.config import RunConfig, Stage
from core.errors import ConfigError, RunError
from core.models import checkpoint as model_files
from core.models.student_config import StudentConfig
from core.paths import ROOT, write_whole
from core.runs import checkpoint, folder, memory
from core.runs.execute import _explain, execute
from core.runs.folder import RunFolder
from core.runs.jobs import Jobs
from core.runs.preview import preview
from core.tasks import POS


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Forty short sentences of the bundled set in one file."""
    lines, kept = [], 0
    for block in (ROOT / "assets/data/pos/train.conllu").read_text().split("\n\n"):
        if 4 < block.count("\n") < 14 and kept < 40:
            lines.append(block.strip())
            kept += 1
    path = tmp_path_factory.mktemp("data") / "short.conllu"
    path.write_text("\n\n".join(lines) + "\n\n")
    return str(path)


@pytest.fixture(scope="module")
def config(teacher_folder, data):
    return RunConfig(
        name="t",
        data=data,
        teacher=str(teacher_folder),
        student=StudentConfig(layers=(0, 2), vocabulary=400, context=512),
        stages=(Stage(method="task", examples=8), Stage(method="gold", epochs=3)),
        validate_every=10,
        validation_examples=2,
        checkpoint_every=4,
        report_examples=1,
    )


def run(run_folder, should_stop=lambda: False):
    with run_folder.lock():
        return execute(run_folder, should_stop)


def steps(run_folder):
    return [(r["step"], r["loss"]) for r in run_folder.metrics() if "loss" in r]


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory):
    """A run that nothing interrupted, and whose report is looked at."""
    made = folder.create(config.model_copy(update={"report_examples": 3}), tmp_path_factory.mktemp("whole"))
    run(made)
    return made


def test_from_configuration_to_report(whole):
    made, status = whole, whole.status()
    assert (status.state, status.error) == ("finished", None)
    report = made.report()
    assert [m.role for m in report.models] == ["trained", "untrained", "teacher"]
    assert all(m.scores["valid"].value == 1 and len(m.outputs) == 3 for m in report.models)
    assert report.model("trained").free_scores["valid"].total == 3
    assert report.near_leaks is not None and report.left_out == 0 and report.recovery is not None
    for model in report.models:
        assert model.parts.tags and model.tokens_per_second > 0 and len(model.likelihood.losses) == 3
    assert report.model("trained").likelihood.agreement.total > 0
    assert report.model("teacher").likelihood.agreement is None
    assert folder.RunFolder(made.path).report() == report
    assert len(steps(made)) == status.total == 26
    assert [r["step"] for r in made.metrics() if "validation" in r] == [10, 20, 26]
    assert {"perplexity", "calibration_error", "refused_mass"} <= set(made.metrics()[-1]["validation"])
    assert len(list(made.checkpoints.iterdir())) == checkpoint.KEEP


def test_stopped_and_resumed_equals_uninterrupted(config, whole, tmp_path):
    parts = folder.create(config, tmp_path)
    status = run(parts, should_stop=lambda: len(steps(parts)) >= 9)
    assert status.state == "stopped" and checkpoint.latest(parts).name == "step-000009"
    assert run(parts).state == "finished"
    assert [s for s, _ in steps(parts)] == [s for s, _ in steps(whole)]
    assert [x for _, x in steps(parts)] == pytest.approx([x for _, x in steps(whole)], rel=1e-4)


def test_the_student_is_kept_between_stages(config, tmp_path):
    """As the last step of the first stage left it, also where that is the step at which the run was stopped."""
    made = folder.create(config, tmp_path)
    assert run(made, should_stop=lambda: len(steps(made)) >= 2).state == "stopped"
    after = load_file(checkpoint.latest(made) / "weights.safetensors")
    assert made.kept_stages() == []
    assert run(made).state == "finished"
    assert made.kept_stages() == [1]
    kept = model_files.load(made.stages / "1", "stage 1").model.state_dict()
    assert all(torch.equal(after[name].bfloat16().float(), kept[name]) for name in after)
    last = model_files.load(made.student, "student").model.state_dict()
    assert any(not torch.equal(kept[name], last[name]) for name in after)


def test_one_stage_keeps_nothing_between_stages(config, tmp_path):
    made = folder.create(config.model_copy(update={"stages": config.stages[:1]}), tmp_path)
    assert run(made).state == "finished" and not made.stages.exists() and made.kept_stages() == []


def test_killed_and_resumed_from_a_shell(config, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(run_config.to_yaml(config.model_copy(update={"stages": (Stage(method="gold", epochs=40),)})))
    environment = {**os.environ, "STILLROOM_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "core"]
    process = subprocess.Popen([*command, "distill", str(path)], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    killed = folder.RunFolder(tmp_path / "runs" / "t")
    wait_for(lambda: checkpoint.latest(killed) is not None, 120)
    assert killed.status().state == "running"
    with pytest.raises(RunError, match="already being worked on"), killed.lock():
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert killed.status().state == "interrupted"
    with (killed.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 99')  # cut short in the middle of a line
    done = [record["seconds"] for record in killed.metrics() if "loss" in record][-1]  # the last may be a validation
    changes = {"stages": (Stage(method="gold", epochs=40),), "max_seconds": done + 0.5}
    write_whole(killed.path / "config.yaml", run_config.to_yaml(config.model_copy(update=changes)))
    done = subprocess.run([*command, "resume", "t"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert killed.status().state == "finished" and killed.report() is not None
    assert [s for s, _ in steps(killed)] == list(range(1, len(steps(killed)) + 1))


def test_the_best_weights_and_patience_survive_a_stop(config, tmp_path):
    """A student that gets no better, then worse: training ends early, and of the equals the last one's weights are
    kept."""
    worse = config.model_copy(
        update={
            "stages": (Stage(method="gold", epochs=40, learning_rate=0.9),),
            "schedule": "constant",
            "keep": "best",
            "patience": 3,
            "validate_every": 3,
        }
    )
    whole, parts = folder.create(worse, tmp_path), folder.create(worse, tmp_path)
    assert run(whole).state == "finished"
    assert run(parts, should_stop=lambda: len(steps(parts)) >= 7).state == "stopped"
    assert run(parts).state == "finished"
    assert steps(parts) == steps(whole) and len(steps(whole)) < whole.status().total
    assert validations(parts) == validations(whole)
    at, values = zip(*validations(whole))
    assert len(values) == values.index(max(values)) + 1 + worse.patience and at[-1] == whole.status().step
    best = max(range(len(values)), key=lambda i: (values[i], i))
    for made in (whole, parts):
        kept = checkpoint.best(made)
        assert kept.name == f"best-{at[best]:06d}" and f"weights of {kept.name}" in made.log_tail(20)
        weights, student = load_file(kept / "weights.safetensors"), load_file(made.student / "model.safetensors")
        assert all(torch.equal(weights[k].bfloat16(), student[k]) for k in weights if k in student)
        assert any(not torch.equal(weights[k], v) for k, v in last_weights(made).items())


def validations(run_folder):
    return [(r["step"], r["validation"]["accuracy"]) for r in run_folder.metrics() if "validation" in r]


def last_weights(run_folder):
    return load_file(checkpoint.latest(run_folder) / "weights.safetensors")


def wait_for(condition, seconds):
    end = time.time() + seconds
    while not condition():
        assert time.time() < end, "waited too long"
        time.sleep(0.05)


def test_checkpoint_of_another_configuration_names_the_field(config, tmp_path):
    made = folder.create(config, tmp_path)
    run(made, should_stop=lambda: len(steps(made)) >= 2)
    changed = config.model_copy(update={"batch_size": 2, "seed": 9})
    write_whole(made.path / "config.yaml", run_config.to_yaml(changed))
    status = run(made)
    assert status.state == "failed" and "another batch_size, seed" in status.error and status.traceback is None


def test_data_that_changed_since_the_checkpoint_is_noticed_and_data_that_moved_is_not(config, tmp_path):
    made = folder.create(config, tmp_path)
    run(made, should_stop=lambda: len(steps(made)) >= 2)
    moved = tmp_path / "elsewhere.conllu"
    moved.write_text(Path(config.data).read_text())
    write_whole(made.path / "config.yaml", run_config.to_yaml(config.model_copy(update={"data": str(moved)})))
    assert run(made, should_stop=lambda: len(steps(made)) >= 4).state == "stopped"
    moved.write_text(moved.read_text().replace("PRON", "NOUN", 1))
    status = run(made)
    assert status.state == "failed" and "was made with another data" in status.error and status.traceback is None


def test_held_out_data_that_changed_since_the_checkpoint_is_named(config, data, tmp_path):
    """Validations before and after would not be of the same examples. How many of them are used may change."""
    place = tmp_path / "data"
    place.mkdir()
    for part in ("train", "dev", "test"):
        (place / f"{part}.conllu").write_text(Path(data).read_text())
    made = folder.create(config.model_copy(update={"data": str(place)}), tmp_path)
    run(made, should_stop=lambda: len(steps(made)) >= 2)
    more = made.config().model_copy(update={"validation_examples": 3, "report_examples": 4})
    write_whole(made.path / "config.yaml", run_config.to_yaml(more))
    assert run(made, should_stop=lambda: len(steps(made)) >= 4).state == "stopped"
    for part in ("dev", "test"):
        file = place / f"{part}.conllu"
        before = file.read_text()
        file.write_text(before.replace("PRON", "NOUN", 1))
        status = run(made)
        assert status.state == "failed" and f"was made with another {part} split" in status.error
        file.write_text(before)


def test_a_checkpoint_of_before_held_out_data_was_noted_goes_on(config, tmp_path):
    made = folder.create(config, tmp_path)
    run(made, should_stop=lambda: len(steps(made)) >= 2)
    file = checkpoint.latest(made) / "state.json"
    state = json.loads(file.read_text())
    assert {state["config"].pop("dev split"), state["config"].pop("test split")}
    file.write_text(json.dumps(state))
    assert run(made).state == "finished"


def test_a_checkpoint_that_a_kill_cut_short_is_recovered(config, tmp_path):
    made = folder.create(config, tmp_path)
    run(made, should_stop=lambda: len(steps(made)) >= 2)
    last = checkpoint.latest(made)
    half = made.checkpoints / "step-000009.partial"
    half.mkdir()
    last.rename(made.checkpoints / f"{last.name}.old")
    checkpoint.tidy(folder.RunFolder(made.path, writes=False))
    assert half.exists() and checkpoint.latest(made) is None
    checkpoint.tidy(made)
    assert checkpoint.latest(made) == last and not half.exists()
    assert run(made, should_stop=lambda: len(steps(made)) >= 3).state == "stopped"
    assert "resumed from step-000002" in made.log_tail(99)


def test_damaged_checkpoint(config, tmp_path):
    made = folder.create(config, tmp_path)
    run(made, should_stop=lambda: len(steps(made)) >= 2)
    (checkpoint.latest(made) / "weights.safetensors").write_bytes(b"short")
    status = run(made)
    assert status.state == "failed" and "is damaged" in status.error


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": "/no/such.conllu"}, "cannot read such.conllu"),
        ({"teacher": "/no/such/teacher"}, "no folder"),
        ({"student": StudentConfig(layers=(7,))}, "layers 0 to 2"),
        ({"batch_size": 9, "teacher": "/no/such/teacher"}, "stage 1 has 8 examples: lower batch_size, which is 9"),
        ({"patience": 4, "teacher": "/no/such/teacher"}, "patience 4 cannot wear out: the last stage has 24 steps"),
        ({"batch_tokens": 64}, "batch_tokens 64 is less, raise it"),
        ({"student": StudentConfig(layers=(0,), vocabulary=400, context=64)}, "reads at most 64"),
    ],
)
def test_failures_say_why(config, tmp_path, changes, message):
    made = folder.create(config.model_copy(update=changes), tmp_path)
    status = run(made)
    assert status.state == "failed" and message in status.error
    assert made.status() == status.model_copy(update={"updated": made.status().updated})


def test_unexpected_errors_carry_their_traceback(config, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise MemoryError

    monkeypatch.setattr("core.runs.material.students.build", broken)
    freed = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: freed.append(True))
    status = run(folder.create(config, tmp_path))
    assert status.state == "failed" and "out of memory: raise accumulate" in status.error
    assert "MemoryError" in status.traceback and freed


@pytest.mark.parametrize(
    "said",
    [
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes",
        "CUDA error: out of memory\nCompile with TORCH_USE_CUDA_DSA",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)",
    ],
)
def test_out_of_memory_is_told_by_its_name_whoever_noticed(said):
    """What it says to change goes on from the checkpoint."""
    assert _explain(RuntimeError(said)).startswith("out of memory: raise accumulate or set gradient_checkpointing")
    assert not {"accumulate", "gradient_checkpointing"} & set(checkpoint.FIELDS)


def test_a_disk_too_full_for_the_status_ends_the_run_all_the_same(config, tmp_path, monkeypatch):
    made = folder.create(config, tmp_path)
    log, said = made.path / "log.txt", []

    def to_full_disk(path, text):
        if len(steps(made)) >= 2:
            for place in (log, path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.new")):
                place.unlink(missing_ok=True)
                place.symlink_to("/dev/full")
        write_whole(path, text)

    with made.lock(), monkeypatch.context() as patch:
        patch.setattr(folder, "write_whole", to_full_disk)
        status = execute(made, say=said.append)
    assert (status.state, status.error) == ("failed", "the disk is full: free some space and resume.")
    assert said[-1] == f"t: failed: {status.error}"
    log.unlink()
    assert not list(made.path.glob("*.new"))  # nothing half written is left
    assert folder.resumable("t", tmp_path).status().state == "interrupted"


def test_a_checkpoint_that_cannot_be_written_makes_room_for_the_status(config, tmp_path):
    made = folder.create(config.model_copy(update={"stages": config.stages[1:]}), tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit():
        if len(steps(made)) >= 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
        return False

    try:
        status = run(made, limit)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert status.state == "failed" and "File too large" in status.error
    assert made.status().error == status.error and not list(made.checkpoints.iterdir())


def test_a_full_disk_is_told_by_its_name_whoever_noticed():
    said = "the disk is full: free some space and resume."
    assert _explain(OSError(28, "No space left on device")) == said
    assert _explain(SafetensorError("I/O error: No space left on device (os error 28)")) == said
    assert "File too large" in _explain(SafetensorError("I/O error: File too large (os error 27)"))


def test_stopped_while_scoring_and_resumed_validates_no_step_twice(config, tmp_path):
    made = folder.create(config.model_copy(update={"stages": config.stages[:1]}), tmp_path)
    status = run(made, should_stop=lambda: made.status().phase.startswith("scoring the trained"))
    assert status.state == "stopped" and len(steps(made)) == status.total == 2
    assert run(made).state == "finished"
    assert [step for step, _ in validations(made)] == [2]


def test_the_newest_checkpoint_is_the_one_of_the_latest_step(tmp_path):
    made = folder.create(RunConfig(), tmp_path)
    for name in ("step-999999", "step-1000000", "step-000004.partial", "step-of mine"):
        (made.checkpoints / name).mkdir(parents=True)
        (made.checkpoints / name / "state.json").write_text("{}")
    assert checkpoint.latest(made).name == "step-1000000"


def test_a_run_that_cannot_be_queued_is_let_go_of(config, tmp_path, monkeypatch):
    """As where the disk is full."""

    def full(*_):
        raise OSError("no space")

    monkeypatch.setattr(RunFolder, "write_status", full)
    with pytest.raises(OSError, match="no space") as caught:
        Jobs(tmp_path).start(config)
    assert caught.value and not folder.open_run(config.name, tmp_path).is_locked()


def test_one_job_at_a_time_and_the_rest_wait(config, tmp_path):
    jobs = Jobs(tmp_path)
    first = jobs.start(config.model_copy(update={"stages": (Stage(method="gold", epochs=500),)}))
    second = jobs.start(config)
    assert (first.name, second.name) == ("t", "t-2")
    wait_for(lambda: len(steps(first)) > 2, 60)
    assert second.status().state == "queued" and jobs.names() == ("t", "t-2")
    with pytest.raises(RunError, match="only stopped, interrupted or failed runs resume"):
        jobs.resume("t")
    jobs.stop("t")
    wait_for(lambda: second.status().state == "finished", 120)
    assert first.status().state == "stopped"
    with pytest.raises(RunError, match="not started by this server"):
        jobs.stop("elsewhere")
    jobs.resume("t")
    wait_for(lambda: first.status().state == "running", 60)
    jobs.stop("t")
    wait_for(lambda: first.status().state == "stopped", 60)


def test_a_run_that_waits_leaves_the_queue_at_once(tmp_path):
    class Idle(Jobs):
        def _work(self):
            return

    jobs = Idle(tmp_path)
    first, second = (jobs.start(RunConfig(name=name)) for name in ("a", "b"))
    jobs.stop("b")
    assert second.status().state == "stopped" and jobs.names() == ("a",) and not second.is_locked()
    assert first.status().state == "queued" and not jobs.is_stopping("b")
    assert jobs.resume("b").status().state == "queued"


def test_a_run_says_that_another_one_has_the_device(config, tmp_path):
    made, told = folder.create(config, tmp_path), []
    with folder.device_lock(tmp_path, lambda: False, lambda: told.append("not this one")), made.lock():
        status = execute(made, should_stop=lambda: bool(told), say=told.append)
    assert told[0] == "waiting for the run that trains here now" and status.state == "stopped"


@pytest.mark.parametrize(
    ("student", "roles"),
    [
        ({"lora_rank": 2, "prompted": True}, ["trained", "teacher"]),
        ({"lora_rank": 2, "lora_layers": 2}, ["trained", "untrained", "teacher"]),
        ({"lora_rank": 2, "precision": "nf4", "prompted": True}, ["trained", "untrained", "teacher"]),
        ({"tuning": "full"}, ["trained", "untrained", "teacher"]),
    ],
    ids=["lora, prompted", "lora", "nf4", "full"],
)
def test_an_existing_model_tuned(config, wider_folder, tmp_path, student, roles):
    changes = {
        "teacher": str(wider_folder),
        "student": StudentConfig(kind="existing", **student),
        "stages": (Stage(method="gold", constraint="none", examples=8), Stage(method="task", examples=8)),
    }
    made = folder.create(config.model_copy(update=changes), tmp_path)
    status = run(made)
    assert (status.state, status.error) == ("finished", None)
    adapter = changes["student"].is_adapter
    assert (made.student / "adapter_model.safetensors").exists() == adapter
    assert (made.student / "model.safetensors").exists() != adapter
    report = made.report()
    assert [m.role for m in report.models] == roles
    assert POS.parse(report.model("trained").outputs[0]) is not None
    before = report.models[1]  # the untrained student has as many weights as its teacher
    assert before.parameters == report.model("teacher").parameters
    again = model_files.load(made.student, "again")
    assert again.parameters == report.model("trained").parameters


def test_adalora_stopped_and_resumed_equals_uninterrupted(config, tmp_path):
    changes = {
        "student": StudentConfig(kind="existing", tuning="adalora", lora_rank=2),
        "stages": (Stage(method="gold", epochs=3, examples=24, learning_rate=1e-2),),
    }
    config = config.model_copy(update=changes)
    assert preview(config).measured is not None  # two steps of it, which are too few by themselves
    whole, parts = folder.create(config, tmp_path), folder.create(config, tmp_path)
    assert run(whole).state == "finished" and len(steps(whole)) == 18
    assert run(parts, should_stop=lambda: len(steps(parts)) >= 5).state == "stopped"  # while ranks fall
    assert run(parts, should_stop=lambda: len(steps(parts)) >= 15).state == "stopped"  # and after
    assert run(parts).state == "finished"
    assert [x for _, x in steps(parts)] == pytest.approx([x for _, x in steps(whole)], rel=1e-4)
    one, other = (load_file(made.student / "adapter_model.safetensors") for made in (whole, parts))
    assert {k: v.shape for k, v in one.items()} == {k: v.shape for k, v in other.items()}


def test_a_preview_counts_the_steps_that_the_run_makes(config, tmp_path):
    """Also where a limit of tokens, and not of examples, fills the batches."""
    stages = (Stage(method="gold", examples=9, epochs=2), Stage(method="task", examples=5))
    config = config.model_copy(update={"stages": stages, "batch_tokens": 350})
    made = folder.create(config, tmp_path)
    run(made, should_stop=lambda: len(steps(made)) >= 1)
    assert preview(config).steps == made.status().total > 2 * 3 + 2


def test_adalora_in_too_few_steps_is_refused_before_anything_is_loaded(config, tmp_path):
    changes = {
        "student": StudentConfig(kind="existing", tuning="adalora"),
        "stages": (Stage(method="gold", examples=4),),
        "teacher": "/no/such/teacher",
    }
    with pytest.raises(ConfigError, match="the stages make 1: raise epochs or examples, lower batch_size"):
        preview(config.model_copy(update=changes))
    made = folder.create(config.model_copy(update=changes), tmp_path)
    status = run(made)
    assert status.state == "failed" and "in 10 steps at least" in status.error and status.traceback is None
    assert not made.metrics()


def test_a_start_without_a_checkpoint_forgets_what_was_recorded_before(config, tmp_path):
    made = folder.create(config, tmp_path)
    made.add_metrics({"step": 1, "loss": 9.0})
    with (made.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "lo')  # cut short by a kill
    assert run(made).state == "finished"
    assert [s for s, _ in steps(made)] == list(range(1, len(steps(made)) + 1))


def test_a_start_without_a_checkpoint_forgets_the_students_of_the_one_before(config, tmp_path):
    """config.yaml may say something else by now; with a checkpoint they are what it goes on from."""
    made = folder.create(config.model_copy(update={"stages": config.stages[:1]}), tmp_path)
    assert run(made, should_stop=lambda: made.untrained.exists() and len(steps(made)) >= 1).state == "stopped"
    (made.stages / "1").mkdir(parents=True)
    (made.stages / "1" / "model.safetensors").touch()
    before = (made.untrained / "model.safetensors").stat().st_mtime_ns
    assert run(made, should_stop=lambda: len(steps(made)) >= 2).state == "stopped"
    assert made.kept_stages() == [1] and (made.untrained / "model.safetensors").stat().st_mtime_ns == before
    shutil.rmtree(made.checkpoints)
    (made.path / "metrics.jsonl").unlink()
    smaller = made.config().model_copy(update={"student": StudentConfig(layers=(1,), vocabulary=400, context=512)})
    write_whole(made.path / "config.yaml", run_config.to_yaml(smaller))
    assert run(made, should_stop=lambda: len(steps(made)) >= 1).state == "stopped"
    untrained = model_files.load(made.untrained, "untrained").model
    assert untrained.config.num_hidden_layers == 1 and made.kept_stages() == []


def test_a_preview_measures_and_estimates_the_longest_examples(config, tmp_path, monkeypatch):
    """One batch of them, which both of its steps take."""
    place = tmp_path / "rising"
    place.mkdir()
    blocks = sorted(Path(config.data).read_text().strip().split("\n\n"), key=len)
    for part in ("train", "dev", "test"):
        (place / f"{part}.conllu").write_text("\n\n".join(blocks) + "\n\n")
    seen, measure = [], memory.measure
    monkeypatch.setattr(memory, "measure", lambda trainer: seen.append(trainer) or measure(trainer))
    changes = {"data": str(place), "batch_size": 4, "stages": (Stage(method="gold"),)}
    found = preview(config.model_copy(update=changes))
    (trainer,) = seen
    longest = max(map(len, trainer.sequences))
    assert found.training_megabytes == memory.estimate(trainer.student, 4, longest) and found.measured is not None
    assert longest > max(map(len, found.first_batch)) and len(trainer.sequences) == 4
    fewer = preview(config.model_copy(update={**changes, "batch_tokens": 2 * longest}))
    assert fewer.training_megabytes == memory.estimate(trainer.student, 2, longest) and fewer.measured is not None


def test_examples_that_do_not_fit_end_the_run_before_training_or_are_left_out(config, tmp_path):
    place = tmp_path / "long"
    place.mkdir()
    short = "1\tGo\t_\tVERB\t_\t_\t_\t_\t_\t_\n\n"
    words = "".join(f"{i}\tword\t_\tNOUN\t_\t_\t_\t_\t_\t_\n" for i in range(1, 301)) + "\n"
    for part in ("train", "dev", "test"):
        (place / f"{part}.conllu").write_text(words + short * 2 if part == "test" else short * 8)
    changes = {"data": str(place), "stages": (Stage(method="gold"),), "report_examples": 3}
    config = config.model_copy(update=changes)
    made = folder.create(config, tmp_path)
    status = run(made)
    assert (status.state, status.failure) == ("failed", "MisfitError")
    assert "1 example (1 of test) is longer" in status.error and "raise student.context" in status.error
    assert not made.metrics()
    without = folder.create(config.with_values(["drop_misfits=true"]), tmp_path)
    assert run(without).state == "finished"
    assert without.report().left_out == 1 and len(without.report().examples) == 2
    assert "left out 1 example" in (without.path / "log.txt").read_text()
