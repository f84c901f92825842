"""The Teacher page in a browser: text while it is written, two prompts, a link, and hostile text that stays text."""

import json
import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Server, settled

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script> **bold** :red[x] $y$ [a](javascript:0) \u202ertl'


def opened(server: Server, page: Page, **params: str | int) -> Page:
    page.goto(f"{server.url}/teacher?{urlencode(params)}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Teacher", timeout=60_000)
    expect(page.locator(".st-key-teacher_run button")).to_be_visible(timeout=120_000)
    return settled(page, 120_000)


def test_text_is_shown_while_it_is_written_and_stop_keeps_it(server: Server, page: Page) -> None:
    opened(server, page, way="without")
    page.locator(".st-key-teacher_run button").click()
    text = page.locator(".st-key-teacher_text_0")
    expect(text).to_contain_text(re.compile(r"\w{5}"), timeout=60_000)
    first = text.inner_text()
    expect(page.get_by_text("answering")).to_be_visible()
    expect(text).not_to_have_text(first, timeout=60_000)  # it grows
    page.locator(".st-key-teacher_stop button").click()
    expect(page.locator('[data-testid="stMain"]').get_by_text(re.compile("stopped$")).last).to_be_visible(
        timeout=60_000
    )
    assert len(settled(page).locator(".st-key-teacher_text_0").inner_text()) >= len(first)
    expect(page.locator(".st-key-teacher_run button")).to_be_enabled()


def test_an_answer_is_read_token_by_token(server: Server, page: Page) -> None:
    opened(server, page, way="with")
    page.locator(".st-key-teacher_run button").click()
    strip = page.locator("[class*=st-key-teacher_strip] .token")
    expect(strip.first).to_be_visible(timeout=120_000)
    settled(page)
    page.locator("[class*=st-key-teacher_strip] .token.free").first.click()
    expect(page.locator(".st-key-teacher_candidates .written").first).to_be_visible()
    settled(page)
    assert "way=with" in page.url


def test_two_prompts_are_compared_on_the_same_examples(server: Server, page: Page) -> None:
    prompt = {"instructions": "Read the advert.", "with_schema": False, "shots": []}
    opened(server, page, task="cars", n=5, prompt=json.dumps(prompt))
    page.get_by_role("tab", name="Two prompts").click()
    page.locator(".st-key-teacher_versus_go button").click()
    expect(page.get_by_text("No verdict yet.")).to_be_visible(timeout=180_000)
    expect(page.get_by_text("5 examples", exact=True)).to_be_visible(timeout=180_000)
    expect(page.get_by_text("A minus B")).to_be_visible()
    settled(page, 120_000)
    other = page.context.browser.new_context().new_page()
    other.goto(page.url)
    expect(other.locator(".st-key-teacher_instructions textarea")).to_have_value("Read the advert.", timeout=60_000)
    other.context.close()


def test_hostile_text_is_shown_as_text(server: Server, page: Page) -> None:
    shot = {"input": HOSTILE, "answer": HOSTILE}
    prompt = {"instructions": HOSTILE, "with_schema": True, "shots": [shot]}
    opened(
        server, page, prompt=json.dumps(prompt), source="own", text=HOSTILE,
        way="with",
    )  # fmt: skip
    page.locator(".st-key-teacher_run button").click()
    expect(page.locator("[class*=st-key-teacher_strip] .token").first).to_be_visible(timeout=180_000)
    settled(page)
    page.get_by_text("The exact prompt").click()
    shots = page.locator(".st-key-teacher_shots_box")
    expect(shots).to_contain_text("<img src=x onerror=")
    expect(page.locator(".st-key-teacher_text_0")).to_contain_text("<script>alert(2)</script>")
    main = page.locator('[data-testid="stMain"]')
    assert not main.locator("img[src=x], script, a[href^=javascript]").count()
    add = shots.locator("[class*=st-key-teacher_shot_add] button").first
    add.dblclick(delay=80)  # apart, or they are one message; the second adds no other example
    expect(shots).to_contain_text("Worked examples (2)")
    settled(page)
    expect(shots).to_contain_text("Worked examples (2)")
