"""Compare in a real browser: three models, a link that opens the same view elsewhere, hostile text, the HTML report."""

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from core.distill.config import RunConfig
from core.evaluate.report import ModelReport, Report, ReportExample, completed, scores
from core.runs import folder as run_folders
from core.runs.folder import Status
from core.tasks import POS, Example
from tests.e2e.conftest import SCREENSHOTS, Server, settled, watched

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>window.hit=1</script><img src=x onerror='window.hit=1'> **b** $x$ :red[y] \u202etxt \x00 " + "x" * 10_000
)


@pytest.fixture(scope="module")
def hostile(server: Server) -> str:
    """A run whose inputs, answers and data's name try to be more than text."""
    examples = [Example(HOSTILE, POS.shots[0].answer), Example(POS.shots[1].input, POS.shots[1].answer)]
    wrong = POS.shots[0].answer.replace('"PART"', '"ADV"')
    given = {"teacher": [HOSTILE] * 2, "untrained": [HOSTILE] * 2, "trained": [wrong, examples[1].answer]}
    models = tuple(
        ModelReport(
            name=role, role=role, parameters=10**n, megabytes=10.0**n, ms_per_example=5.0 * n, model_calls=7,
            scores=scores(POS, examples, outputs), outputs=tuple(outputs),
        )
        for n, (role, outputs) in enumerate(given.items(), 1)
    )  # fmt: skip
    found = Report(
        task="pos", data=HOSTILE, machine=HOSTILE, seconds=60.0, leaks=0, models=models,
        examples=tuple(ReportExample(input=e.input, gold=e.answer) for e in examples),
    )  # fmt: skip
    folder = run_folders.create(RunConfig(name="hostile"), server.home / "runs")
    folder.write_status(Status(state="finished", progress=1.0))
    folder.write_report(completed(found, POS))
    return folder.name


def test_three_models_and_a_link_that_opens_the_same_view(
    server: Server, hostile: str, browser: Browser, console: list[str]
) -> None:
    first = browser.new_context(viewport={"width": 1280, "height": 900})
    page = watched(first.new_page(), console)
    page.goto(f"{server.url}/compare?run={hostile}")
    settled(page, 120_000)
    for label in ("Teacher", "Untrained student", "Trained student"):
        expect(page.locator('[data-testid="stMultiSelect"]').nth(1).get_by_text(label, exact=True)).to_be_visible()
    expect(page.locator('[data-testid="stVegaLiteChart"]')).to_have_count(
        4
    )  # interval, size, speed, and tags folded away
    chart = page.locator("[role=graphics-document]").first
    expect(chart).to_have_attribute("aria-label", re.compile(r"^Accuracy of each model .*Trained student 94\.44 % \("))
    page.get_by_role("radio", name="Student wrong (1)").click()
    expect(page).to_have_url(re.compile("filter=student"))
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    link = page.url
    first.close()
    second = browser.new_context(viewport={"width": 1600, "height": 900}, color_scheme="dark")
    page = watched(second.new_page(), console)
    page.goto(link)
    settled(page, 120_000)
    expect(page.get_by_role("radio", name="Student wrong (1)")).to_be_checked()
    assert page.evaluate("window.hit") is None
    expect(page.get_by_text("<script>window.hit=1</script>").first).to_be_attached()
    second.close()


def test_a_chart_stands_below_what_it_has_no_room_beside(server: Server, page: Page) -> None:
    """Else the last column of the table beside it was cut off, and its own legend."""
    page.goto(f"{server.url}/compare?run=demo_run")
    expect(page.locator(".st-key-compare_try")).to_be_visible(timeout=60_000)
    settled(page, 120_000)
    page.get_by_text("Tag by tag", exact=True).click()
    opened = page.locator('[data-testid="stExpander"]').first
    parts = [opened.locator(f'[data-testid="{kind}"]') for kind in ("stDataFrame", "stVegaLiteChart")]
    for width, is_below in ((1280, False), (1024, True)):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(500)
        table, chart = (part.bounding_box() for part in parts)
        assert table and chart and (chart["x"] == table["x"]) is is_below


def test_back_and_forward_take_back_and_repeat_one_choice_each(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/compare?run=demo_run&example=0")
    settled(page, 120_000)
    wrong = page.get_by_role("radio", name=re.compile(r"^Student wrong \("))
    views = [page.url]
    models = page.locator('[data-testid="stMultiSelect"]').nth(1).locator("input")
    for choose in (
        wrong.click,
        page.get_by_role("button", name="Next example").click,
        lambda: models.press("Backspace"),
    ):
        choose()
        expect(page).not_to_have_url(views[-1])
        views.append(settled(page).url)
    for go, through in ((page.go_back, views[-2::-1]), (page.go_forward, views[1:])):
        for view in through:
            go()
            expect(wrong).to_be_checked(checked="filter=" in view)
            settled(page)
            expect(page).to_have_url(view)  # the page has not put its own choice back


def test_the_html_report_opens_from_disk_and_runs_nothing(
    server: Server, hostile: str, page: Page, console: list[str], tmp_path: Path
) -> None:
    page.goto(f"{server.url}/compare?run={hostile}")
    settled(page, 120_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Report as HTML").click()
    path = tmp_path / "report.html"
    download.value.save_as(path)
    opened = watched(page.context.new_page(), console)
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(path.as_uri())
    opened.wait_for_timeout(300)
    assert opened.evaluate("window.hit") is None and len(asked) == 1
    assert opened.locator("script, img, iframe, link").count() == 0
    assert opened.locator("svg").count() == 2
    answers = opened.locator("details", has_text="window.hit").first
    expect(answers.locator("pre").first).to_be_hidden()
    answers.locator("summary").click()
    expect(answers.locator("pre").first).to_be_visible()
    assert answers.locator("pre").first.inner_text().startswith("<script>window.hit=1</script>")
    assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    SCREENSHOTS.mkdir(exist_ok=True)
    grounds = set()
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)
        opened.screenshot(path=SCREENSHOTS / f"report-{scheme}.png")
        grounds.add(opened.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2
    opened.close()


def test_stop_and_other_clicks_are_heard_while_an_answer_is_written(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/compare?{urlencode({'run': 'demo_run', 'text': ' '.join(['Fish'] * 60)})}")
    settled(page, 120_000)
    ask, stop = (page.locator(f".st-key-{key} button") for key in ("compare_try", "compare_try_stop"))
    ask.click()
    writing = page.get_by_text(re.compile(r"^Teacher, with the mask: \{"))
    expect(writing).to_be_visible(timeout=60_000)
    stop.click()
    expect(writing).to_be_hidden(timeout=60_000)
    settled(page)
    expect(stop).to_be_disabled()
    expect(ask).to_be_enabled()
    assert not page.get_by_text("model calls for").count()  # none has answered: it was heard within the first answer
    ask.click()
    expect(writing).to_be_visible(timeout=60_000)
    page.get_by_role("radio", name=re.compile(r"^Student wrong \(")).click()  # nor does another click wait
    expect(page).to_have_url(re.compile("filter=student"), timeout=15_000)
    stop.click()
    settled(page)
