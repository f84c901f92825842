"""What a stakeholder's hands, a clumsy user's and a malicious file's do to the pages: one server for all of it."""

import json
import os
import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from core.distill.presets import PRESETS
from core.evaluate.report import ModelReport, Report, ReportExample, completed, scores
from core.runs import folder as run_folders
from core.runs.folder import RunFolder, Status
from core.tasks import POS, Example
from tests.e2e.conftest import Server, settled, watched

pytestmark = pytest.mark.browser

HOSTILE = (
    "<img src=x onerror='window.__hit=1'><script>window.__hit=2</script> **b** [a](http://x.invalid) "
    "![i](http://x.invalid/i.png) :red[r] :material/home: :streamlit: $x$ -> www.x.invalid a@x.invalid \u202ertl"
)
LONG = "W" * 10_000
NAME = "**b** :red[r] <script>window.__hit=3< :streamlit: www.x.invalid a@x.invalid"
SCHEMA = {
    "type": "object", "properties": {HOSTILE: {"enum": [HOSTILE, "other"]}}, "required": [HOSTILE],
    "additionalProperties": False, "description": HOSTILE,
}  # fmt: skip


@pytest.fixture(scope="module")
def hostile(server: Server) -> Server:
    """Data, a run and its report that try to be more than text."""
    row = {"text": f"{HOSTILE} {LONG}", "make": "ford", "model": HOSTILE, "year": 1974, "mpg": None}
    uploads = server.home / "uploads" / "0"
    uploads.mkdir(parents=True)
    (uploads / "bold.jsonl").write_text((json.dumps(row) + "\n") * 20)
    examples = [Example(HOSTILE, POS.shots[0].answer), Example(POS.shots[1].input, POS.shots[1].answer)]
    given = {"teacher": [HOSTILE] * 2, "trained": [examples[0].answer.replace("She", NAME.split()[0]), LONG]}
    models = tuple(
        ModelReport(
            name=HOSTILE, role=role, parameters=10, megabytes=1.0, ms_per_example=5.0, model_calls=7,
            scores=scores(POS, examples, outputs), outputs=tuple(outputs),
        )
        for role, outputs in given.items()
    )  # fmt: skip
    shown = tuple(ReportExample(input=e.input, gold=e.answer) for e in examples)
    report = Report(
        task="pos", data=HOSTILE, machine=HOSTILE, seconds=60.0, leaks=0, models=models, examples=shown
    )  # fmt: skip
    config = PRESETS["Quick"].model_copy(update={"teacher": HOSTILE, "data": HOSTILE})
    made = run_folders.create(config, server.home / "runs")
    os.rename(made.path, made.path.with_name(NAME))
    folder = RunFolder(made.path.with_name(NAME))
    folder.log(HOSTILE)
    folder.write_report(completed(report, POS))
    folder.write_status(Status(state="finished", phase=HOSTILE, progress=1.0))
    return server


def is_text(page: Page, part: str) -> None:
    """The page shows this text, and nothing that it tried to be."""
    main = settled(page, 120_000).locator('[data-testid="stMain"]')
    expect(main.get_by_text(part).first).to_be_attached()
    page.wait_for_timeout(200)  # an image that is asked for, and fails, takes a moment
    assert page.evaluate("window.__hit") is None
    assert not main.locator(
        "script, [src*=invalid], img[src=x], img[alt='Streamlit logo'], [href*='/www.x.invalid'], [href^=mailto]"
    ).count()


@pytest.mark.parametrize("stem", ["datasets", "distill", "compare", "masks"])
def test_hostile_text_is_shown_as_text(stem: str, hostile: Server, page: Page) -> None:
    """On Teacher, and in what is typed on Masks, see there."""
    if stem == "datasets":
        page.goto(f"{hostile.url}/datasets?task=cars")
        settled(page, 120_000)
        page.locator(".st-key-datasets_data_cars input").click()
        page.get_by_role("option", name="bold.jsonl").click()
        is_text(page, "<script>window.__hit=2</script>")
        return
    query = {"masks": {"kind": "json", "json": json.dumps(SCHEMA), "question": HOSTILE}}.get(stem, {"run": NAME})
    page.goto(f"{hostile.url}/{stem}?" + urlencode(query))
    if stem == "masks":
        expect(page.locator(".st-key-masks_strip .token").first).to_be_visible(timeout=180_000)
        settled(page, 120_000)
        page.get_by_role("radio", name="Drive it yourself").click()
        is_text(page, "window.__hit")
    else:
        is_text(page, "<script>window.__hit=")


FOCUSED = """([key, inner]) => {  // an element of the page, or one in a component's shadow
    let found = document.activeElement;
    if (!found.closest(key)) return false;
    while (found.shadowRoot && found.shadowRoot.activeElement) found = found.shadowRoot.activeElement;
    return Boolean(found.closest(inner));
}"""


def tab_to(page: Page, key: str, inner: str = "*", most: int = 60) -> None:
    """Walks to `inner` of the widget or component with the Tab key alone."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED, [f"[class*=st-key-{key}]", inner]):
            return
    raise AssertionError(f"{inner} of {key} cannot be reached with the Tab key")


def test_keys_alone_lead_through_masks(server: Server, page: Page) -> None:
    """Strip, steps and grid are walked in test_masks; here: the way there, the graph, and the candidates."""
    page.goto(f"{server.url}/masks?" + urlencode({"kind": "regex", "regex": "(ab|cd)[0-9]{3}", "text": "cd12"}))
    token = page.locator(".st-key-masks_strip .strip .token")
    expect(token.first).to_be_visible(timeout=180_000)
    settled(page, 120_000)
    page.locator(".st-key-masks_text textarea").focus()
    tab_to(page, "masks_strip", ".strip")
    page.keyboard.press("End")
    expect(token.last).to_have_attribute("aria-selected", "true")
    settled(page)
    tab_to(page, "masks_strip", "button")
    tab_to(page, "masks_graph", ".state")
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-masks_graph .state.picked")).to_have_count(1)
    settled(page)
    tab_to(page, "masks_candidates", "button")
    tab_to(page, "masks_count")
    page.keyboard.press("End")
    expect(page.locator(".st-key-masks_count")).to_contain_text("20")
    settled(page)
    tab_to(page, "masks_grid", "canvas")


def test_keys_alone_run_a_teachers_example(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/teacher?way=with")
    expect(page.locator(".st-key-teacher_run button")).to_be_visible(timeout=120_000)
    settled(page, 120_000)
    tab_to(page, "teacher_example-pos")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("example="))
    settled(page)
    tab_to(page, "teacher_run", "button")
    page.keyboard.press("Enter")
    expect(page.locator("[class*=st-key-teacher_strip] .token").first).to_be_visible(timeout=120_000)
    settled(page, 120_000)
    tab_to(page, "teacher_strip", ".strip")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".st-key-teacher_candidates .written").first).to_be_visible()


def test_the_keyboard_stays_with_the_worked_examples(server: Server, page: Page) -> None:
    """Each press moves or takes away the button that was pressed."""
    page.goto(f"{server.url}/teacher?task=cars")
    expect(page.locator(".st-key-teacher_run button")).to_be_visible(timeout=120_000)
    settled(page, 120_000)
    box = page.locator(".st-key-teacher_shots_box")
    box.get_by_text("Worked examples (0)").click()
    has_keyboard = "key => Boolean(document.activeElement.closest(`[class*=st-key-teacher_shot_${key}_]`))"
    box.locator("[class*=st-key-teacher_shot_add] button").first.focus()
    for shown in ("(1)", "(2)", "(3)"):
        page.keyboard.press("Enter")
        expect(box).to_contain_text(f"Worked examples {shown}")
        page.wait_for_function(has_keyboard, arg="add")
    settled(page)
    box.locator("[class*=st-key-teacher_shot_later] button").first.focus()
    rows = box.locator('[data-testid="stText"]')
    moved = rows.first.inner_text().removeprefix("1")
    for place, way in ((1, "later"), (2, "earlier")):  # at the end it can go back alone
        page.keyboard.press("Enter")
        expect(rows.nth(place)).to_contain_text(moved)
        page.wait_for_function(has_keyboard, arg=way)
        settled(page)
    box.locator("[class*=st-key-teacher_shot_out]").nth(1).locator("button").first.focus()
    for left, target in (("(2)", "out"), ("(1)", "add")):
        page.keyboard.press("Enter")
        expect(box).to_contain_text(f"Worked examples {left}")
        page.wait_for_function(has_keyboard, arg=target)
        settled(page)


def test_keys_alone_choose_models_and_an_example_on_compare(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/compare?run=demo")
    models = page.locator('[data-testid="stMultiSelect"]').nth(1)
    expect(models).to_be_visible(timeout=60_000)
    settled(page, 120_000)
    tab_to(page, "compare_models", "input")
    page.keyboard.press("Backspace")  # takes the last one out
    expect(page).to_have_url(re.compile("model="))
    settled(page)
    tab_to(page, "compare_filter", "button")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("filter="))
    settled(page)
    before = page.url
    tab_to(page, "compare_next", "button")
    page.keyboard.press("Enter")
    expect(page).not_to_have_url(before)
    settled(page)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(before)
    settled(page)


def test_back_leaves_a_run_that_was_chosen(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/distill")
    expect(page.locator(".st-key-distill_start button")).to_be_visible(timeout=60_000)
    settled(page, 120_000)
    page.get_by_role("button", name="Next run").click()
    head, form = page.locator(".st-key-distill_head"), page.locator(".st-key-distill_start")
    expect(head).to_be_visible()
    settled(page)
    for go, shown, gone in ((page.go_back, form, head), (page.go_forward, head, form)):
        go()
        expect(shown).to_be_visible()
        expect(gone).to_be_hidden()
        settled(page)


def test_ten_sessions_at_once_keep_apart(server: Server, window: BrowserContext, console: list[str]) -> None:
    pages = [watched(window.new_page(), console) for _ in range(10)]  # a tab is a session
    for number, page in enumerate(pages):
        query = {"kind": "regex", "regex": f"[{number}x]{{4}}", "text": f"{number}" * 4, "step": number % 3}
        page.goto(f"{server.url}/masks?{urlencode(query)}", wait_until="commit")
    for number, page in enumerate(pages):
        expect(page.locator(".st-key-masks_strip #token-3")).to_have_text(f"{number}", timeout=240_000)
    for page in pages:
        page.locator(".st-key-masks_strip").get_by_text("Next ›").click()
    for number, page in enumerate(pages):
        expect(page).to_have_url(re.compile(rf"step={number % 3 + 1}(&|$)"), timeout=60_000)
        settled(page)
        expect(page.locator(".st-key-masks_strip .strip")).to_contain_text(f"{number}" * 4)
        expect(page.locator(f".st-key-masks_strip #token-{number % 3 + 1}")).to_have_attribute("aria-selected", "true")
        expect(page.locator(".st-key-masks_regex textarea")).to_have_value(f"[{number}x]{{4}}")
        expect(page.locator(".st-key-masks_candidates .written .name")).to_have_text(f"{number}")
    for page in pages:
        page.close()


def test_leaving_a_page_while_a_model_writes_and_coming_back(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/teacher?way=without")
    expect(page.locator(".st-key-teacher_run button")).to_be_visible(timeout=120_000)
    settled(page, 120_000)
    page.locator(".st-key-teacher_run button").dblclick()
    text = page.locator(".st-key-teacher_text_0")
    expect(text).to_contain_text(re.compile(r"\w{5}"), timeout=60_000)
    go = page.get_by_role("link", name="Anatomy").click
    for leave, title in ((go, "Anatomy"), (page.go_back, "Teacher"), (page.go_forward, "Anatomy")):
        leave()
        expect(page.get_by_role("heading", level=1)).to_have_text(title, timeout=60_000)
    settled(page)
    page.get_by_role("link", name="Teacher").click()
    expect(text).to_contain_text(re.compile(r"\w{5}"), timeout=60_000)
    assert not page.locator('[data-testid="stException"]').count()
