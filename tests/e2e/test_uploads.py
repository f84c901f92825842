"""What a browser's uploader does that no AppTest knows: it keeps its file after a reset, and a click can come while the
file is read."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.distill import config as run_config
from core.distill.presets import PRESETS
from tests.e2e.conftest import Server, settled

pytestmark = pytest.mark.browser
SENTENCE = "1\tGo\tgo\tVERB\t_\t_\t0\troot\t_\t_\n2\t{}\t_\tNUM\t_\t_\t1\tobj\t_\t_\n\n"


def opened(server: Server, page: Page, stem: str) -> None:
    page.goto(f"{server.url}/{stem}")
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=60_000)
    settled(page, 120_000)


def press(page: Page, key: str) -> None:
    page.locator(f".st-key-{key} button").first.click()


def give(page: Page, uploader: str, file: Path) -> None:
    """As people do: the browser's input says nothing of a file that it has already."""
    with page.expect_file_chooser() as chooser:
        page.locator(f".st-key-{uploader} button").last.click()
    chooser.value.set_files(file)


def expect_data(page: Page, text: str) -> None:
    expect(page.get_by_role("combobox", name="Data")).to_have_value(text)
    settled(page)


def test_a_reset_of_datasets_is_not_taken_back_by_the_next_click(server: Server, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "reset.txt"
    file.write_text("\n".join(f"sentence {i}" for i in range(20)))
    opened(server, page, "datasets")
    page.get_by_role("button", name="Add your own").click()
    give(page, "_datasets_file_pos", file)
    expect_data(page, "reset.txt")
    press(page, "_datasets_reset")
    expect_data(page, "Bundled")
    page.locator(".st-key-datasets_split").get_by_text("dev").click()
    page.wait_for_function("location.search.includes('split=dev')")
    expect_data(page, "Bundled")

    page.get_by_role("button", name="Add your own").click()
    give(page, "_datasets_file_pos", file)  # the same once more: now it is meant
    expect_data(page, "reset.txt")
    page.get_by_role("button", name="Add your own").click()
    page.get_by_role("button", name="Delete the chosen upload").click()
    expect_data(page, "Bundled")
    page.locator(".st-key-datasets_split").get_by_text("test").click()
    page.wait_for_function("location.search.includes('split=test')")
    expect_data(page, "Bundled")
    assert not list((server.home / "uploads").rglob("*reset.txt"))


def test_a_click_while_an_upload_is_read(server: Server, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "large.conllu"
    file.write_text("".join(SENTENCE.format(i) for i in range(80_000)))
    opened(server, page, "datasets")
    page.get_by_role("button", name="Add your own").click()
    give(page, "_datasets_file_pos", file)
    page.wait_for_function("document.body.textContent.includes('Reading the data')")  # looks at every frame
    page.get_by_role("heading", level=1).click()  # closes the popover
    expect_data(page, "large.conllu")


def test_a_reset_of_distill_is_not_taken_back_by_the_next_click(server: Server, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text(run_config.to_yaml(PRESETS["Quick"].with_values(["name=other"])))
    name = page.locator(".st-key-distill_name input")
    opened(server, page, "distill")
    give(page, "_distill_yaml", file)
    expect(name).to_have_value("other")
    settled(page)
    press(page, "_distill_reset")
    expect(name).to_have_value(PRESETS["Quick"].name)
    settled(page)
    name.fill("mine")
    name.press("Enter")
    expect(page.get_by_text("-m core distill mine.yaml")).to_be_visible()
    settled(page)
    expect(name).to_have_value("mine")
    give(page, "_distill_yaml", file)
    expect(name).to_have_value("other")
