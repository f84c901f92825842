import resource
import threading
from pathlib import Path
from threading import Thread

import pytest

from core.distill import config as run_config
from core.distill.config import RunConfig
from core.errors import RunError
from core.paths import write_whole
from core.runs import folder
from core.runs.folder import Status


def test_names_are_numbered_and_the_newest_comes_first(tmp_path):
    made = [folder.create(RunConfig(name="a"), tmp_path) for _ in range(3)]
    assert [f.name for f in made] == ["a", "a-2", "a-3"]
    assert {f.name for f in folder.all_runs(tmp_path, demo=False)} == {"a", "a-2", "a-3"}


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", "none", "n" * 5000, "\0"])
def test_names_never_leave_the_folder(tmp_path, name):
    with pytest.raises(RunError, match="no run named"):
        folder.open_run(name, tmp_path)


def test_a_run_nobody_works_on_was_interrupted(tmp_path):
    made = folder.create(RunConfig(), tmp_path)
    assert made.status().state == "interrupted"
    with made.lock():
        made.write_status(Status(state="running"))
        assert made.status().state == "running"
    assert made.status().state == "interrupted"


def test_a_run_that_ends_while_it_is_looked_at_was_not_interrupted(tmp_path, monkeypatch):
    """Between a look at its status and one at its lock; a page would offer to resume it, and ask no more."""
    made = folder.create(RunConfig(), tmp_path)
    made.write_status(Status(state="running"))
    monkeypatch.setattr(made, "is_locked", lambda: made.write_status(Status(state="finished")))
    assert made.status().state == "finished"


def test_damaged_files(tmp_path):
    made = folder.create(RunConfig(), tmp_path)
    (made.path / "status.json").write_text('{"state": "runn')
    (made.path / "report.json").write_text("{")
    (made.path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"st')
    assert made.status().state == "interrupted"
    assert [r["step"] for r in made.metrics()] == [1, 2]
    with pytest.raises(RunError, match="damaged"):
        made.report()
    made.keep_metrics_until(1)
    assert [r["step"] for r in made.metrics()] == [1]
    (made.path / "config.yaml").unlink()
    with pytest.raises(RunError, match="cannot be read"):
        made.config()


def test_a_run_under_way_cannot_be_deleted(tmp_path):
    made = folder.create(RunConfig(), tmp_path)
    with made.lock(), pytest.raises(RunError, match="already being worked on"):
        folder.delete(made)
    folder.delete(made)
    assert not made.path.exists()


def test_a_lock_that_is_let_go_of_soon_is_waited_for(tmp_path):
    """As at a run's end, or by whoever looks whether it is held."""
    made, taken = folder.create(RunConfig(), tmp_path), threading.Event()

    def hold():
        with made.lock():
            taken.set()
            threading.Event().wait(0.3)

    other = threading.Thread(target=hold)
    other.start()
    assert taken.wait(5)
    with made.lock():
        assert made.is_locked()
    other.join()


def test_nothing_is_left_of_a_run_that_could_not_be_written(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            folder.create(RunConfig(), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_a_run_deleted_while_it_is_looked_at_is_no_error(tmp_path, monkeypatch):
    """Between the question whether a file is there and the next one."""
    made = folder.create(RunConfig(), tmp_path)
    (made.path / "config.yaml").unlink()
    monkeypatch.setattr(Path, "exists", lambda path: True)
    monkeypatch.setattr(Path, "is_dir", lambda path: True)
    assert [run.name for run in folder.all_runs(tmp_path, demo=False)] == ["run"]
    assert made.report() is None and made.kept_stages() == []


def test_the_demo_runs_name_is_taken(tmp_path):
    assert folder.create(RunConfig(name="demo_run"), tmp_path).name == "demo_run-2"


def test_a_configuration_is_read_again_only_when_it_changes(tmp_path, monkeypatch):
    read, times = run_config.read, []
    monkeypatch.setattr(run_config, "read", lambda path: times.append(path) or read(path))
    made = folder.create(RunConfig(seed=1), tmp_path)
    assert [made.config().seed for _ in range(3)] == [1, 1, 1]
    assert len(times) == 1
    write_whole(made.path / "config.yaml", run_config.to_yaml(RunConfig(seed=2)))
    assert made.config().seed == 2
    (made.path / "config.yaml").write_text("seed: never")
    for _ in range(2):
        with pytest.raises(RunError, match="cannot be read"):
            made.config()


def test_a_run_that_was_deleted_while_one_waited_for_it_is_not_held(tmp_path):
    made = folder.create(RunConfig(), tmp_path)
    holding, waits = made.lock(), []

    def delete(seconds):
        waits.append(seconds)
        folder.shutil.rmtree(made.path)
        holding.__exit__(None, None, None)

    holding.__enter__()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder.time, "sleep", delete)
        with pytest.raises(RunError, match="the run 'run' was deleted meanwhile"), made.lock():
            pass
    assert len(waits) == 1


def test_nobody_reads_half_of_a_file_that_two_threads_write(tmp_path):
    place, texts = tmp_path / "file", ["a" * 200_000, "b" * 200_000]
    threads = [Thread(target=lambda text=text: [write_whole(place, text) for _ in range(40)]) for text in texts]
    write_whole(place, texts[0])
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert place.read_text() in texts
    assert list(tmp_path.iterdir()) == [place]
