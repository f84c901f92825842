"""A real server on loopback and a real browser. Without a Chromium these tests are skipped, plainly, unless
`STILLROOM_REQUIRE_BROWSER=1` says that there must be one."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from bench.server import FLAGS, Server, browser_path
from core.models import bundled
from core.paths import ROOT

SCREENSHOTS = ROOT / "screenshots"
NOT_FOUND = "/_stcore/"  # Streamlit asks for these below the page's own path first
expect.set_options(timeout=15_000)  # on a busy machine; what must be quick is timed
REQUIRED = os.environ.get("STILLROOM_REQUIRE_BROWSER") == "1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Gone after its module: while it lives an event loop runs, under which other tests could start none."""
    with sync_playwright() as playwright:
        path = browser_path(otherwise=playwright.chromium.executable_path)
        if path is None:
            reason = "no Chromium was found: `apt install chromium`, or `.venv/bin/playwright install chromium`"
            pytest.fail(reason) if REQUIRED else pytest.skip(reason)
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def prepared() -> None:
    if not bundled.is_prepared():
        pytest.skip("the bundled teacher is not prepared: run `make setup`")


@pytest.fixture(scope="session")
def server(prepared: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all modules: a cold server spends a quarter of a minute on imports and the model."""
    server = Server(tmp_path_factory.mktemp("home"))
    yield server
    server.stop()


@pytest.fixture
def console() -> Iterator[list[str]]:
    """What the browser complains of, and what it asks: at the end of a test there must be nothing."""
    errors: list[str] = []
    yield errors
    assert not errors


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[BrowserContext]:
    """One for a module: what Streamlit's pages are made of is fetched once. A tab in it is a session of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    yield context
    context.close()


@pytest.fixture
def page(window: BrowserContext, console: list[str]) -> Iterator[Page]:
    page = watched(window.new_page(), console)
    yield page
    page.close()


def watched(page: Page, errors: list[str]) -> Page:
    """Notes errors of the page's console and scripts, and dialogs, which no page of ours opens."""

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and NOT_FOUND not in message.location.get("url", ""):
            errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: (errors.append(dialog.message), dialog.dismiss()))
    return page


def settled(page: Page, timeout: float = 60_000) -> Page:
    """Waits until the page's script has run to its end; a traceback on the page fails the test."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=timeout)
    shown = page.locator('[data-testid="stException"]')
    assert not shown.count(), shown.first.inner_text()
    return page
