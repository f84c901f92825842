"""How soon does the screen answer: alone, while a training runs beside it, and to ten people at once?

A real server and a real browser. What is pressed is *Next* on the Masks page, which moves the strip, the automaton, the
candidates and the vocabulary. Two waits are measured inside the browser, each until the frame that shows it: the
strip's own answer, which needs no server, and the rerun, until all of the page shows the next token and the script
is done. Prints one JSON object last: `python -m bench.ui`. Needs a Chromium and requirements-dev.txt.
"""

import asyncio
import json
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

WARM, PRESSES, SESSIONS, SESSION_PRESSES = 5, 40, 10, 4
PAUSE = 150  # ms between two presses: people do not press faster
LIMIT = 60_000  # ms
FILE_IS_READ = "Read from a file."  # what the form says then
READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'
# The walk begins anew at its end; that press is not counted.
PRESS = """
async (strip, [presses, pause, limit]) => {
  const button = (label) => [...strip.getRootNode().querySelectorAll("button")].find((b) => b.textContent === label);
  const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const texts = (kind) => [...document.querySelectorAll(`[data-testid="${kind}"]`)].map((node) => node.textContent);
  const isShown = (index) =>
    document.querySelector('[data-testid="stApp"]').dataset.testScriptState === "notRunning" &&
    texts("stText").some((text) => text.startsWith(`Token ${index} of`)) &&
    texts("stMarkdown").some((text) => text.endsWith(`vocabulary before token ${index}`));
  const shown = (index) => new Promise((done, fail) => {
    const watcher = new MutationObserver(() => isShown(index) && end(done));
    const timer = setTimeout(() => end(() => fail(new Error(`token ${index} was not shown in time`))), limit);
    const end = (what) => (watcher.disconnect(), clearTimeout(timer), what());
    watcher.observe(document.body, { attributes: true, characterData: true, childList: true, subtree: true });
  });
  const press = async (label) => {
    const began = performance.now();
    button(label).click();
    const all = shown(strip.selected);
    await painted();
    const own = performance.now() - began;
    await all;
    await painted();
    return [own, performance.now() - began];
  };
  const found = [];
  while (found.length < presses) {
    await new Promise((done) => setTimeout(done, pause));
    if (button("Next ›").disabled) await press("Reset");
    else found.push(await press("Next ›"));
  }
  return found;
}
"""


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
            say = lambda what: print(f"{time.perf_counter() - began:4.0f} s: {what}", file=sys.stderr, flush=True)
            say("first screen")
            await _masks(page, server.url)
            await _presses(page, WARM)
            idle = await _presses(page, PRESSES)
            say("one session alone")
            ten = await _ten(browser, server.url)
            say("ten sessions")
            await _train(browser, server, home)
            say("a training has begun")
            training = await _presses(page, PRESSES)
            say("one session beside it")
        finally:
            server.stop()
            await browser.close()
    return {
        "bench": "ui",
        "machine": machine(),
        "first_screen_s": round(first_screen, 2),
        **_percentiles("", idle),
        **_percentiles("training_", training),
        "ten_sessions_strip_p95_ms": _percentiles("", ten)["strip_p95_ms"],
        "ten_sessions_p95_ms": _percentiles("", ten)["rerun_p95_ms"],
    }


async def _new(browser: Browser) -> Page:
    return await (await browser.new_context(viewport={"width": 1280, "height": 900})).new_page()


async def _open(browser: Browser, address: str) -> Page:
    page = await _new(browser)
    await page.goto(address, timeout=LIMIT)
    await page.wait_for_selector("h1", timeout=LIMIT)
    await page.wait_for_selector(READY, timeout=LIMIT)
    return page


async def _masks(page: Page, url: str) -> None:
    """At the first token, all of the page there."""
    await page.goto(f"{url}/masks?step=0", timeout=LIMIT)
    await page.locator(".st-key-masks_grid canvas").first.wait_for(timeout=LIMIT)
    await page.wait_for_selector(READY, timeout=LIMIT)


async def _presses(page: Page, count: int) -> list[tuple[float, float]]:
    """Milliseconds from each press until the strip and until all of the page shows the next token."""
    strip = page.locator(".st-key-masks_strip .strip")
    return [tuple(one) for one in await strip.evaluate(PRESS, [count, PAUSE, LIMIT])]


async def _ten(browser: Browser, url: str) -> list[tuple[float, float]]:
    pages = [await _new(browser) for _ in range(SESSIONS)]
    for page in pages:
        await _masks(page, url)
    found = await asyncio.gather(*(_presses(page, SESSION_PRESSES) for page in pages))
    for page in pages:
        await page.context.close()
    return [one for some in found for one in some]


async def _train(browser: Browser, server: Server, home: Path) -> None:
    """Starts a run on the Distill page, learning from gold, and waits for its steps."""
    quick = PRESETS["Quick"]
    config = quick.model_copy(update={"stages": quick.stages[1:], "max_seconds": 600.0})
    file = home / "quick.yaml"
    file.write_text(run_config.to_yaml(config))
    page = await _open(browser, f"{server.url}/distill")
    await page.locator(".st-key-_distill_yaml input[type=file]").set_input_files(file)
    await page.get_by_text(FILE_IS_READ).wait_for(timeout=LIMIT)
    await page.locator(".st-key-distill_start button").click()
    await page.locator(".st-key-distill_head").wait_for(timeout=LIMIT)
    await page.context.close()
    begun = time.perf_counter()
    while not any(path.stat().st_size for path in (home / "runs").glob("*/metrics.jsonl")):
        if 1000 * (time.perf_counter() - begun) > 2 * LIMIT:
            sys.exit("the training did not begin")
        await asyncio.sleep(0.5)


def _percentiles(name: str, found: list[tuple[float, float]]) -> dict[str, float]:
    kinds = zip(("strip", "rerun"), zip(*found, strict=True), strict=True)
    return {
        f"{name}{kind}_p{percent}_ms": round(statistics.quantiles(values, n=100)[percent - 1], 1)
        for kind, values in kinds
        for percent in (50, 95)
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(Path(folder)))))
