"""How soon does the screen answer: alone, while a training runs beside it, and to ten people at once?

A real server and a real browser. A rerun is one press of *Next* on the Masks page, from the click until the page
shows the next token. Prints one JSON object last: `python -m bench.ui`. Needs a Chromium and requirements-dev.txt.
"""

import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from bench.server import FLAGS, Server, browser_path
from core.distill import config as run_config
from core.distill.presets import PRESETS
from core.evaluate.score import machine

PRESSES, SESSIONS, SESSION_PRESSES = 40, 10, 10
READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'
LIMIT = 120_000  # ms


async def measure(home: Path) -> dict[str, object]:
    async with async_playwright() as playwright:
        path = browser_path(otherwise=playwright.chromium.executable_path)
        if path is None:
            sys.exit("no Chromium was found: `.venv/bin/playwright install chromium`")
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        began = time.perf_counter()
        server = Server(home)
        try:
            page = await _open(browser, f"{server.url}/datasets")
            first_screen = time.perf_counter() - began
            await _masks(page, server.url)
            await _presses(page, 5)
            idle = await _presses(page, PRESSES)
            ten = await _ten(browser, server.url)
            await _train(browser, server, home)
            training = await _presses(page, PRESSES)
        finally:
            server.stop()
            await browser.close()
    return {
        "bench": "ui",
        "machine": machine(),
        "first_screen_s": round(first_screen, 2),
        "rerun_p50_ms": _milliseconds(idle, 50),
        "rerun_p95_ms": _milliseconds(idle, 95),
        "training_p50_ms": _milliseconds(training, 50),
        "training_p95_ms": _milliseconds(training, 95),
        "ten_sessions_p95_ms": _milliseconds(ten, 95),
    }


async def _open(browser: Browser, address: str) -> Page:
    page = await (await browser.new_context(viewport={"width": 1280, "height": 900})).new_page()
    await page.goto(address)
    await page.wait_for_selector("h1", timeout=LIMIT)
    await page.wait_for_selector(READY, timeout=LIMIT)
    return page


async def _masks(page: Page, url: str) -> None:
    await page.goto(f"{url}/masks?step=0")
    await page.get_by_text(re.compile(r"^Token 0 of")).first.wait_for(timeout=LIMIT)
    await page.wait_for_selector(READY, timeout=LIMIT)


async def _presses(page: Page, count: int) -> list[float]:
    """Seconds from each click on *Next* until its token is shown; walks on from where the page is."""
    seconds = []
    title = page.get_by_text(re.compile(r"^Token \d+ of"))
    for _ in range(count):
        shown = int(re.findall(r"\d+", await title.first.inner_text())[0])
        began = time.perf_counter()
        await page.locator(".st-key-masks_strip").get_by_text("Next ›").click()
        await page.get_by_text(re.compile(rf"^Token {shown + 1} of")).first.wait_for(timeout=LIMIT)
        seconds.append(time.perf_counter() - began)
        await page.wait_for_selector(READY, timeout=LIMIT)
    return seconds


async def _ten(browser: Browser, url: str) -> list[float]:
    pages = [await _open(browser, f"{url}/masks") for _ in range(SESSIONS)]
    await asyncio.gather(*(_masks(page, url) for page in pages))
    found = await asyncio.gather(*(_presses(page, SESSION_PRESSES) for page in pages))
    for page in pages:
        await page.context.close()
    return [seconds for one in found for seconds in one]


async def _train(browser: Browser, server: Server, home: Path) -> None:
    """Starts Quick on the Distill page and waits for its steps."""
    config = PRESETS["Quick"].with_values(["stages.0.examples=2", "max_seconds=600"])
    file = home / "quick.yaml"
    file.write_text(run_config.to_yaml(config))
    page = await _open(browser, f"{server.url}/distill")
    await page.locator(".st-key-distill_yaml input[type=file]").set_input_files(file)
    await page.wait_for_timeout(2000)
    await page.locator(".st-key-distill_start button").click()
    await page.get_by_text("stage 2 of 2").first.wait_for(timeout=LIMIT)
    await page.context.close()


def _milliseconds(seconds: list[float], percent: int) -> float:
    return round(1000 * statistics.quantiles(seconds, n=100)[percent - 1], 1)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(Path(folder)))))
