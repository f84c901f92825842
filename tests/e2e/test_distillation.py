"""The whole way in a browser: a deep link on a cold server; start a shortened Quick, watch, reload, stop, resume,
compare; and after a kill. A run goes on until the test has seen what it wants to see: then it is given an end."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.distill import config as run_config
from core.distill.presets import PRESETS
from core.paths import write_whole
from core.runs.folder import RunFolder
from tests.e2e.conftest import Server, settled
from ui.shell import PAGES

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(prepared: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Its own, which nobody has visited yet, and to be killed."""
    server = Server(tmp_path_factory.mktemp("home"))
    yield server
    server.stop()


# Quick with a smaller student and report, and no end of its own.
SHORT = (
    "max_seconds=600", "stages.0.examples=4", "stages.1.examples=60", "stages.1.epochs=500", "student.layers=[0,29]",
    "student.vocabulary=2048", "report_examples=1", "validation_examples=2", "validate_every=200", "checkpoint_every=5",
)  # fmt: skip


@pytest.fixture
def light(teacher_folder: Path) -> tuple[str, ...]:
    """Where the run itself is not looked at: a tiny teacher, no signals of it to wait for, and a student that is made
    at once."""
    return (
        *SHORT, f"teacher={teacher_folder}", "stages.0.method=gold", "student.kind=scratch",
        "student.layers=[0,1,2,29]", "student.frozen=0", "student.width=64", "student.depth=2", "student.heads=2",
        "student.embeddings=random", "student.vocabulary=400", "validation_examples=1",
    )  # fmt: skip


def start(server: Server, page: Page, tmp_path: Path, name: str, values: tuple[str, ...]) -> RunFolder:
    path = tmp_path / f"{name}.yaml"
    path.write_text(run_config.to_yaml(PRESETS["Quick"].with_values([f"name={name}", *values])))
    page.goto(f"{server.url}/distill")
    settled(page)
    page.locator(".st-key-_distill_yaml input[type=file]").set_input_files(path)
    expect(page.locator(".st-key-distill_name input")).to_have_value(name)
    settled(page)
    page.get_by_role("button", name=re.compile("^Start")).click()
    page.wait_for_timeout(250)  # as people click twice: it is one run all the same
    page.mouse.down()
    page.mouse.up()
    expect(page.locator(".st-key-distill_head")).to_contain_text(name)
    settled(page)
    assert not (server.home / "runs" / f"{name}-2").exists()
    return RunFolder(server.home / "runs" / name)


def end_soon(run: RunFolder, seconds: float) -> None:
    """A run that is not worked on will train so much longer when it is resumed."""
    done = [record["seconds"] for record in run.metrics() if "loss" in record][-1]  # the last may be a validation
    config = run.config().model_copy(update={"max_seconds": done + seconds})
    write_whole(run.path / "config.yaml", run_config.to_yaml(config))


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


def test_a_deep_link_on_a_cold_server(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/masks")
    expect(page.get_by_role("heading", level=1)).to_have_text(PAGES["masks"][0], timeout=60_000)
    settled(page, 120_000)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.locator('[data-testid="stSidebarNav"] a')).to_have_count(len(PAGES))
    assert server.process.poll() is None


def test_start_watch_reload_stop_resume_compare(server: Server, page: Page, tmp_path: Path) -> None:
    run = start(server, page, tmp_path, "short", SHORT)
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
    end_soon(run, 2)
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


def test_a_killed_server_loses_nothing(
    server: Server, page: Page, tmp_path: Path, console: list[str], light: tuple[str, ...]
) -> None:
    run = start(server, page, tmp_path, "killed", light)
    wait_for_step(page, 7)  # a checkpoint was written at step 5
    server.kill()
    assert run.status().state == "interrupted"
    end_soon(run, 1)
    server.start_again()
    page.goto(f"{server.url}/distill?run=killed")
    console.clear()  # the browser had found nobody there
    badge(page, "interrupted", 60)
    page.get_by_role("button", name="Resume").click()
    badge(page, "finished", 150)
    assert "resumed from step-" in run.log_tail(100)
    assert run.report().model("trained") is not None


def test_a_second_run_waits_its_turn(server: Server, page: Page, tmp_path: Path, light: tuple[str, ...]) -> None:
    first = start(server, page, tmp_path, "one", light)
    second = start(server, page, tmp_path, "two", light)
    badge(page, "queued", 20)
    expect(page.get_by_text("Waiting for its turn: one is under way")).to_be_visible()
    page.get_by_role("button", name="Take out of the queue").click()
    badge(page, "stopped", 20)
    assert first.status().state == "running" and second.status().state == "stopped"
    page.goto(f"{server.url}/distill?run=one")
    page.get_by_role("button", name="Stop and save").click()
    badge(page, "stopped", 60)
    assert first.status().state == second.status().state == "stopped"
    assert first.status().step > 0 and not second.metrics()
