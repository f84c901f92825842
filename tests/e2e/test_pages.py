"""What every page looks like, light and dark, and the tour through them."""

import re
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SCREENSHOTS, Server, settled
from ui.shell import PAGES
from ui.tour import STOPS

pytestmark = pytest.mark.browser

LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 1280), ("dark", 1600))


def test_pictures_of_every_page(server: Server, page: Page) -> None:
    """CI keeps `screenshots/`. The page must not be wider than the window, and nothing is fetched from elsewhere."""
    SCREENSHOTS.mkdir(exist_ok=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for stem in PAGES:
        page.goto(f"{server.url}/{stem}")
        for scheme, width in LOOKS:  # an open page follows what the system says
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            settled(page, 120_000)
            page.wait_for_timeout(700)  # charts draw themselves after the script
            path = SCREENSHOTS / f"{stem}-{scheme}-{width}.png"
            page.screenshot(path=path)
            assert path.stat().st_size > 10_000
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert not {url for url in asked if not url.startswith((server.url, "data:", "blob:", "ws://127.0.0.1"))}


def test_nothing_is_cut_off_or_pushed_down_in_a_narrow_window(server: Server, page: Page) -> None:
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(f"{server.url}/datasets")
    add = page.get_by_role("button", name="Add your own")
    expect(add).to_be_visible(timeout=60_000)
    settled(page, 120_000)
    assert add.evaluate("button => [...button.querySelectorAll('*')].every((n) => n.scrollWidth <= n.clientWidth + 1)")
    tops = [page.get_by_role("button", name=name).bounding_box() for name in ("Samples", "Reset")]
    assert tops[0] and tops[1] and tops[0]["y"] == tops[1]["y"]
    page.goto(f"{server.url}/compare")
    row = [page.locator(f".st-key-compare_{key}") for key in ("try", "try_stop")]
    expect(row[1]).to_be_visible(timeout=60_000)
    settled(page, 120_000)
    ask, stop = (button.bounding_box() for button in row)
    assert ask and stop and ask["y"] == stop["y"]


def test_the_tour_leads_to_a_view_whatever_was_set_there(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/masks?kind=regex")
    expect(page.get_by_role("heading", level=1)).to_have_text("Masks", timeout=60_000)
    settled(page, 120_000)
    for number, stop in enumerate(STOPS, 1):
        page.locator(f".st-key-tour_{number} button").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(PAGES[stop.page][0], timeout=60_000)
        settled(page, 120_000)
        expect(page).to_have_url(re.compile(rf"/{stop.page}(\?|$)"))
        expect(page.locator(".st-key-tour")).to_contain_text(stop.text)
        for name, value in stop.view.items():
            assert f"{name}={value}" in page.url
