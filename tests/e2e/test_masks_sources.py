"""The Masks page's schemas and ways in a real browser: driving, links, generating, engines."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Server, settled, watched

pytestmark = pytest.mark.browser
MODEL = 180_000  # the first view of a server loads the model, the first generation is slow on a busy machine


def opened(server: Server, page: Page, query: str) -> Page:
    page.goto(f"{server.url}/masks?{query}")
    expect(page.get_by_role("heading", name="Masks", level=1)).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Look further")).to_be_visible(timeout=MODEL)
    return settled(page, MODEL)


def press(page: Page, key: str) -> None:
    page.locator(f".st-key-{key} button").first.click()


def test_driving_refuses_a_red_token_with_its_reason(server: Server, page: Page) -> None:
    opened(server, page, "kind=preset&preset=date&way=drive")
    press(page, "masks_take_0_0")
    page.wait_for_function("location.search.includes('tokens=')")
    settled(page)
    before = page.url
    press(page, "masks_refused_1_0")
    expect(page.get_by_text("Refused. Nothing was added, and nothing is lost.")).to_be_visible()
    expect(page.get_by_text("is refused at its byte 0")).to_be_visible()
    assert page.url == before
    field = page.locator(".st-key-masks_own_token input")
    field.fill("<b>x")
    field.press("Enter")
    expect(page.get_by_text("'<' is refused at its byte 0")).to_be_visible()
    expect(field).to_have_value("<b>x")


def test_a_copied_link_opens_the_same_step_in_another_browser(
    server: Server, browser: Browser, console: list[str]
) -> None:
    here = browser.new_context(viewport={"width": 1280, "height": 900})
    here.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    page = watched(here.new_page(), console)
    page.set_default_timeout(30_000)
    opened(server, page, "kind=regex&regex=(ab|cd)[0-9]{3}&text=cd12")
    page.locator(".st-key-masks_strip").get_by_text("Next ›").click()
    expect(page).to_have_url(re.compile("step=1$"))
    settled(page)
    copy = page.get_by_role("button", name="Copy link")
    copy.click()
    expect(page.get_by_role("button", name="Link copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url and "step=1" in link
    shown = page.locator(".st-key-masks_strip .selected").inner_text()
    here.close()
    there = browser.new_context(viewport={"width": 1280, "height": 900}, locale="de-DE")
    other = watched(there.new_page(), console)
    other.set_default_timeout(30_000)
    other.goto(link)
    expect(other.locator(".st-key-masks_strip .selected")).to_have_text(shown, timeout=MODEL)
    settled(other)
    assert other.url == link
    expect(other.get_by_label("Text to walk")).to_have_value("cd12")
    there.close()


def test_without_a_clipboard_the_link_is_shown(server: Server, page: Page) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    opened(server, page, "kind=preset&preset=date")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_label("The link to this view")).to_have_value(page.url)


def test_generating_raw_and_constrained_and_walking_one(server: Server, page: Page) -> None:
    opened(server, page, "kind=preset&preset=date&way=generate&limit=16&seed=3")
    press(page, "masks_generate")
    expect(page.get_by_text("Without the mask", exact=True)).to_be_visible(timeout=MODEL)
    expect(page.locator(".st-key-masks_walk_raw button").first).to_be_visible(timeout=MODEL)
    expect(page.locator(".stMarkdownBadge").first).to_contain_text("valid", timeout=MODEL)
    press(page, "masks_walk_constrained")
    expect(page.locator(".st-key-masks_strip .token").first).to_be_visible()
    settled(page)
    assert "way=" not in page.url and "text=" in page.url


def test_what_writes_for_long_is_stopped_and_keeps_what_it_wrote(server: Server, page: Page) -> None:
    opened(server, page, "kind=regex&regex=[a-z ]{900}&way=generate&limit=1000")
    press(page, "masks_generate")
    expect(page.locator(".st-key-masks_stop button")).to_be_enabled(timeout=MODEL)
    expect(page.locator('.stMain [data-testid="stText"]').first).to_have_text(re.compile("[a-z]"), timeout=MODEL)
    press(page, "masks_stop")
    expect(page.get_by_text(re.compile("stopped$"))).to_have_count(2)
    expect(page.locator(".st-key-masks_walk_constrained button")).to_be_enabled()
    settled(page)
    page.get_by_text("Drive it yourself").click()
    press(page, "masks_finish")
    expect(page.locator(".st-key-masks_finish_stop button")).to_be_enabled(timeout=MODEL)
    expect(page.locator(".st-key-masks_finish button").first).to_be_disabled()
    written = page.get_by_text("Written so far")
    expect(written).to_have_text("Written so far: 0 tokens")
    expect(written.locator("xpath=following::pre[1]")).to_have_text(re.compile("[a-z]"), timeout=MODEL)
    press(page, "masks_finish_stop")
    expect(page.locator(".st-key-masks_finish button").first).to_be_enabled(timeout=MODEL)
    settled(page)
    expect(written).to_have_text(re.compile(r"Written so far: [1-9]\d* token"))


def test_the_engines_stand_in_one_table(server: Server, page: Page) -> None:
    opened(server, page, "kind=regex&regex=(ab|cd)[0-9]{3}&text=cd12&view=engines")
    press(page, "masks_measure")
    expect(page.locator(".st-key-masks_engines")).to_be_visible(timeout=MODEL)
    expect(page.get_by_text("The reference is our automaton")).to_be_visible()


def test_samples_and_reset(server: Server, page: Page) -> None:
    opened(server, page, "kind=regex&regex=abc")
    press(page, "_masks_samples")
    page.get_by_role("menuitem", name="A date, driven by you").click()
    page.wait_for_function("location.search.includes('way=drive')")
    expect(page.locator(".st-key-masks_take_0_0 button").first).to_be_visible()
    assert "regex" not in page.url
    press(page, "_masks_reset")
    page.wait_for_function("!location.search.includes('way=')")
    expect(page.get_by_label("Text to walk")).to_be_visible(timeout=MODEL)
    settled(page)
    assert "kind" not in page.url


@pytest.mark.parametrize("kind", ["pydantic", "json", "regex"])
def test_hostile_schemas_are_shown_as_text(kind: str, server: Server, page: Page) -> None:
    page.goto(f"{server.url}/masks?kind={kind}")
    field = page.locator(f".st-key-masks_{kind} textarea")
    expect(field).to_be_visible(timeout=MODEL)
    settled(page, MODEL)
    field.fill("<img src=x onerror=alert(1)>**b** :red[x] \u202e(")
    field.press("Control+Enter")
    expect(page.get_by_text("That did not work")).to_be_visible()
    settled(page)
    assert not page.locator("img[src=x]").count()
