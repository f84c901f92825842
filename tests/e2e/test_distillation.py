"""The whole way in a browser: start a shortened Quick, watch, reload, stop, resume, compare; and after a kill."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.distill import config as run_config
from core.distill.presets import PRESETS
from core.runs.folder import RunFolder
from tests.e2e.conftest import Server, settled

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(prepared: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Its own, to be killed."""
    server = Server(tmp_path_factory.mktemp("home"))
    yield server
    server.stop()


FEW = (
    "stages.0.examples=4", "stages.1.examples=60", "report_examples=3", "validation_examples=2", "validate_every=10",
    "checkpoint_every=5",
)  # fmt: skip
# Where the run itself is not looked at: no teacher's signals to wait for, and a student that is made at once.
LIGHT = (
    "stages.0.method=gold", "student.kind=scratch", "student.width=64", "student.depth=2", "student.heads=2",
    "student.embeddings=random", "student.vocabulary=2048", "stages.1.epochs=500", "validate_every=200",
    "report_examples=1",
)  # fmt: skip


def short(name: str, seconds: float, values: tuple[str, ...]) -> str:
    """Quick with a smaller budget and report."""
    values = (f"name={name}", f"max_seconds={seconds}", *FEW, *values)
    return run_config.to_yaml(PRESETS["Quick"].with_values(list(values)))


def start(
    server: Server, page: Page, tmp_path: Path, name: str, seconds: float, values: tuple[str, ...] = LIGHT
) -> RunFolder:
    path = tmp_path / f"{name}.yaml"
    path.write_text(short(name, seconds, values))
    page.goto(f"{server.url}/distill")
    settled(page)
    page.locator(".st-key-distill_yaml input[type=file]").set_input_files(path)
    expect(page.locator(".st-key-distill_name input")).to_have_value(name)
    settled(page)
    page.get_by_role("button", name=re.compile("^Start")).dblclick()  # as people do: it is one run all the same
    expect(page.locator(".st-key-distill_head")).to_contain_text(name)
    assert not (server.home / "runs" / f"{name}-2").exists()
    return RunFolder(server.home / "runs" / name)


def badge(page: Page, state: str, seconds: float) -> None:
    expect(page.locator(".st-key-distill_head")).to_contain_text(state, timeout=1000 * seconds)


def step_shown(page: Page) -> int:
    found = re.search(r"Step ([\d,]+) of", page.locator('[data-testid="stProgress"]').first.inner_text())
    return int(found[1].replace(",", "")) if found else 0


def wait_for_step(page: Page, at_least: int, seconds: float = 120) -> int:
    deadline = time.time() + seconds
    while time.time() < deadline:
        if (step := step_shown(page)) >= at_least:
            return step
        page.wait_for_timeout(500)
    raise AssertionError(f"step {at_least} was not shown within {seconds} s")


def test_start_watch_reload_stop_resume_compare(server: Server, page: Page, tmp_path: Path) -> None:
    run = start(server, page, tmp_path, "short", seconds=25, values=())
    first = wait_for_step(page, 1)
    assert wait_for_step(page, first + 2) > first
    expect(page.locator('[data-testid="stVegaLiteChart"]').first).to_be_visible()

    began = time.perf_counter()
    page.get_by_role("link", name="Anatomy").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Anatomy")
    assert time.perf_counter() - began < 5, "the page does not answer while a run is under way"

    page.goto(f"{server.url}/distill?run=short")
    badge(page, "running", 20)
    before = step_shown(page)
    page.reload()
    assert wait_for_step(page, before + 1) > before

    page.get_by_role("button", name="Stop and save").click()
    badge(page, "stopped", 60)
    stopped_at = run.status().step
    page.get_by_role("button", name="Resume").click()
    badge(page, "finished", 150)
    steps = [record["step"] for record in run.metrics() if "loss" in record]
    assert steps == list(range(1, len(steps) + 1)) and len(steps) >= stopped_at
    report = run.report()
    assert {model.role for model in report.models} == {"trained", "untrained", "teacher"}

    page.get_by_role("link", name="Compare the answers").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare")
    settled(page)
    table = page.locator('[data-testid="stDataFrame"]').first
    expect(table).to_be_visible()
    trained = report.model("trained").scores
    expect(page.get_by_text(f"{100 * trained['accuracy'].value:.2f} %").first).to_be_visible()
    assert table.bounding_box()["height"] > 200
    assert trained["valid"].value == 1.0


def test_a_killed_server_loses_nothing(server: Server, page: Page, tmp_path: Path, console: list[str]) -> None:
    run = start(server, page, tmp_path, "killed", seconds=5)
    wait_for_step(page, 7)  # a checkpoint was written at step 5
    server.kill()
    assert run.status().state == "interrupted"
    server.start_again()
    page.goto(f"{server.url}/distill?run=killed")
    console.clear()  # the browser had found nobody there
    badge(page, "interrupted", 60)
    page.get_by_role("button", name="Resume").click()
    badge(page, "finished", 150)
    assert "resumed from step-" in run.log_tail(100)
    assert run.report().model("trained") is not None


def test_a_second_run_waits_its_turn(server: Server, page: Page, tmp_path: Path) -> None:
    first = start(server, page, tmp_path, "one", seconds=8)
    second = start(server, page, tmp_path, "two", seconds=1)
    badge(page, "queued", 20)
    expect(page.get_by_text("Waiting for its turn: one is under way")).to_be_visible()
    page.get_by_role("button", name="Stop and save").click()
    badge(page, "stopped", 180)
    assert first.status().state == "finished" and second.status().state == "stopped"
