"""The Masks page in a browser: one selected step drives everything, by mouse and by keys; hostile text stays text."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Download, Page, expect

from core.paths import ASSETS
from tests.e2e.conftest import Server, settled, watched

pytestmark = pytest.mark.browser

FIRST = 12  # the token that the page opens at
HOSTILE = '{"tokens":[{"text":"<img src=x onerror=document.title=1> [a](b) \u202e \\u0000 $x$","pos":"NOUN"}]}'


@pytest.fixture(scope="module")
def masks(server: Server, window: BrowserContext) -> Iterator[Page]:
    """The page with an answer explained: one for all tests, which say where they begin. It takes seconds to open."""
    errors: list[str] = []
    page = watched(window.new_page(), errors)
    opened(server, page)
    yield page
    page.close()
    assert not errors


def opened(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/masks")
    expect(token(page, FIRST)).to_be_visible(timeout=180_000)
    settled(page, 120_000)
    expect(page.locator(".st-key-masks_grid canvas").first).to_be_visible()


def token(page: Page, index: int):
    return page.locator(f".st-key-masks_strip #token-{index}")


def expect_step(page: Page, index: int) -> None:
    """Link, strip, candidates, automaton and vocabulary all show this step."""
    expect(page).to_have_url(re.compile(rf"step={index}(&|$)"))
    expect(token(page, index)).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text(f"Token {index} of")).to_be_visible()
    expect(page.get_by_text(f"vocabulary before token {index}")).to_be_visible()
    expect(page.get_by_text(re.compile(rf"Passed by tokens? .*\b{index}\b"))).to_be_visible()


def selected(page: Page) -> int:
    return int(page.locator(".st-key-masks_strip .selected").get_attribute("data-index") or -1)


def test_clicking_a_token_moves_graph_grid_candidates_and_link(masks: Page) -> None:
    for title in ("The automaton", "The token and its rivals", "The whole answer"):  # a screen reader jumps there
        expect(masks.get_by_role("heading", name=title, exact=True)).to_be_visible()
    first = selected(masks)
    total = masks.locator(".st-key-masks_grid .total b")
    graph = masks.locator(".st-key-masks_graph svg")
    written = masks.locator(".st-key-masks_candidates .written .name")
    before = total.inner_text(), graph.get_attribute("aria-label") or "", written.inner_text()
    token(masks, 1).click()
    expect_step(masks, 1)
    expect(written).to_have_text(token(masks, 1).inner_text())
    expect(total).not_to_have_text(before[0])
    expect(graph).not_to_have_attribute("aria-label", before[1])
    token(masks, first).click()
    expect_step(masks, first)
    expect(total).to_have_text(before[0])
    expect(graph).to_have_attribute("aria-label", before[1])
    expect(written).to_have_text(before[2])


def test_the_legend_keeps_its_room_where_the_strip_is_narrow(masks: Page) -> None:
    """As beside the form on Distill: the buttons go below it."""
    masks.set_viewport_size({"width": 340, "height": 900})
    widths = "(foot) => [foot.querySelector('.legend').clientWidth, foot.clientWidth]"
    legend, whole = masks.locator(".st-key-masks_strip .foot").evaluate(widths)
    masks.set_viewport_size({"width": 1280, "height": 900})
    assert legend == whole


def test_keys_alone(masks: Page) -> None:
    masks.locator(".st-key-masks_strip .strip").focus()
    masks.keyboard.press("Home")
    expect_step(masks, 0)
    for _ in range(3):
        masks.keyboard.press("ArrowRight")
    expect_step(masks, 3)
    masks.keyboard.press("Space")  # plays, half a second a token: any one of them may be missed
    at_least_5 = re.compile(r"^([5-9]|\d\d+)$")
    expect(masks.locator(".st-key-masks_strip .selected")).to_have_attribute("data-index", at_least_5, timeout=30_000)
    masks.keyboard.press("Space")
    expect_step(masks, selected(masks))
    masks.locator(".st-key-masks_strip").get_by_role("button", name="Reset").press("Enter")
    expect_step(masks, 0)
    tool = masks.locator(".st-key-masks_strip button", has_text="Reset")
    expect(tool).to_have_accessible_name("Reset")
    expect(tool).to_have_accessible_description("Back to the first token")
    canvas = masks.locator(".st-key-masks_grid canvas").first
    canvas.focus()
    masks.keyboard.press("ArrowRight")
    masks.keyboard.press("Enter")
    pinned = masks.locator(".st-key-masks_grid .pinned")
    expect(pinned.locator(".facts")).to_contain_text("p before")
    expect(masks).to_have_url(re.compile(r"pin=\d"))
    name = pinned.locator(".name").inner_text()
    masks.locator(".st-key-masks_grid canvas").nth(1).press("Enter")  # no cell of it was looked at: nothing is pinned
    token(masks, 1).click()
    expect_step(masks, 1)
    expect(pinned.locator(".name")).to_have_text(name)
    assert masks.context.browser is not None
    other = masks.context.browser.new_context().new_page()  # the link restores it
    other.goto(masks.url)
    expect(other.locator(".st-key-masks_grid .pinned .name")).to_have_text(name, timeout=60_000)
    other.context.close()


def test_playing_stops_at_the_end(masks: Page) -> None:
    masks.locator(".st-key-masks_strip .strip").focus()
    masks.keyboard.press("End")
    last = selected(masks)
    masks.keyboard.press("ArrowLeft")
    masks.get_by_role("button", name="Play", exact=True).click()  # it is called Pause from now on, until the end
    expect(masks.get_by_role("button", name="Play", exact=True)).to_be_visible(timeout=15_000)
    expect_step(masks, last)


def test_clicking_a_state_selects_the_step_that_came_there(masks: Page) -> None:
    token(masks, 1).click()
    expect_step(masks, 1)
    state = masks.locator(".st-key-masks_graph .state:not(.far)").last
    number = state.get_attribute("data-state")
    state.click()
    expect(masks.locator(f".st-key-masks_graph .state[data-state='{number}']")).to_have_class(re.compile("picked"))
    expect_step(masks, selected(masks))
    assert selected(masks) > 1


def test_a_click_on_the_timeline_selects_a_step(masks: Page) -> None:
    token(masks, 1).click()
    expect_step(masks, 1)
    rows = masks.locator(".st-key-masks_timeline svg")
    box = rows.bounding_box()
    assert box is not None
    rows.click(position={"x": box["width"] - 12, "y": 60})
    expect(token(masks, selected(masks))).to_be_visible()
    expect(masks.locator(".st-key-masks_strip .selected")).not_to_have_id("token-1")
    expect_step(masks, selected(masks))


def test_a_step_selected_outside_of_the_strip_stays_selected(masks: Page) -> None:
    for _ in range(2):  # the first message after a reset is the second round's first click
        token(masks, 2).click()
        expect_step(masks, 2)
        token(masks, 3).click()
        expect_step(masks, 3)
        masks.locator(".st-key-masks_timeline svg").click(position={"x": 64, "y": 60})
        expect_step(masks, 0)
        masks.locator(".st-key-masks_vocabulary").get_by_text("Table").click()
        expect(masks.locator(".st-key-masks_grid")).to_have_count(0)
        expect_step(masks, 0)
        token(masks, 2).click()
        expect_step(masks, 2)
        masks.locator(".st-key-_masks_reset button").click()
        expect_step(masks, FIRST)
    cells, pinned = (masks.locator(f".st-key-masks_grid {part}") for part in ("canvas", ".pinned"))
    cells.first.focus()
    masks.keyboard.press("ArrowRight")
    masks.keyboard.press("Enter")  # as a step is, so is a token that was pinned
    expect(pinned).not_to_be_empty()
    masks.locator(".st-key-_masks_reset button").click()
    expect(pinned).to_be_empty()
    token(masks, 2).click()
    expect_step(masks, 2)
    expect(pinned).to_be_empty()


def test_each_part_can_be_saved(masks: Page, tmp_path: Path) -> None:
    for part in ("strip", "graph", "grid", "candidates", "timeline"):
        tools = masks.locator(f".st-key-masks_{part} .tools")
        picture = saved(masks, tools.get_by_text("PNG"), tmp_path)
        assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 2_000
        with saved(masks, tools.get_by_text("CSV"), tmp_path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        assert len(rows) > 4 and len({len(row) for row in rows}) == 1


def test_a_file_of_a_component_runs_no_formula(page: Page, tmp_path: Path) -> None:
    page.add_script_tag(path=ASSETS / "components" / "shared.js")
    with page.expect_download() as waiting:
        page.evaluate("""saveCsv([["=1+1", "+x", "-x", "@x", 'say "x"', -2, null]], "a.csv")""")
    waiting.value.save_as(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [["'=1+1", "'+x", "'-x", "'@x", 'say "x"', "-2", ""]]


def saved(page: Page, button, folder: Path) -> Path:
    with page.expect_download() as waiting:
        button.click()
    download: Download = waiting.value
    path = folder / download.suggested_filename
    download.save_as(path)
    return path


def test_hostile_text_is_shown_as_text(server: Server, page: Page) -> None:
    opened(server, page)
    title = page.title()
    page.get_by_text("Schema and model").click()
    page.get_by_text("Any words").click()
    settled(page)
    answer = page.locator(".st-key-masks_text textarea")
    answer.fill(HOSTILE)
    answer.press("Control+Enter")
    strip = page.locator(".st-key-masks_strip .strip")
    expect(strip).to_contain_text("onerror", timeout=60_000)
    settled(page)
    place = strip.locator(".token", has_text="img").first
    place.click()
    expect_step(page, int(place.get_attribute("data-index") or -1))
    place.hover()
    for part in ("strip", "graph", "grid", "candidates"):
        assert page.locator(f".st-key-masks_{part} img").count() == 0
    assert page.title() == title
