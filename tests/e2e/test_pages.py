"""Every page by deep link on a server nobody has visited yet, and what each looks like, light and dark."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import SCREENSHOTS, Server, settled, watched
from ui.shell import PAGES
from ui.tour import STOPS

pytestmark = pytest.mark.browser


def test_a_deep_link_on_a_cold_server(prepared: None, page: Page, tmp_path) -> None:
    stem = "masks"
    server = Server(tmp_path / "home")
    try:
        page.goto(f"{server.url}/{stem}")
        expect(page.get_by_role("heading", level=1)).to_have_text(PAGES[stem][0], timeout=60_000)
        settled(page, 120_000)
        expect(page.get_by_text("Page not found")).to_have_count(0)
        expect(page.locator('[data-testid="stSidebarNav"] a')).to_have_count(len(PAGES))
        assert server.process.poll() is None
    finally:
        server.stop()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1600)])
def test_pictures_of_every_page(scheme: str, width: int, server: Server, browser: Browser, console: list[str]) -> None:
    """CI keeps `screenshots/`. The page must not be wider than the window, and nothing is fetched from elsewhere."""
    SCREENSHOTS.mkdir(exist_ok=True)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = watched(context.new_page(), console)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for stem in PAGES:
        page.goto(f"{server.url}/{stem}")
        settled(page, 120_000)
        page.wait_for_timeout(700)  # charts draw themselves after the script
        path = SCREENSHOTS / f"{stem}-{scheme}-{width}.png"
        page.screenshot(path=path)
        assert path.stat().st_size > 10_000
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert not {url for url in asked if not url.startswith((server.url, "data:", "blob:", "ws://127.0.0.1"))}
    context.close()


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
