"""The report that leaves, as a parser sees it: what is text stays text, and nothing is there that could run."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.export.report_html import Comparison, Confusion, ExampleAnswers, Row, to_html
from core.export.report_svg import LINE, Point, apart, scatter

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\" ' {0} {style} %s &amp; \u202etxt ]]>--></title></style>"
)
KNOWN = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "div", "table", "thead", "tbody", "tr", "th",
    "td", "b", "details", "summary", "span", "pre", "svg", "g", "line", "path", "text",
}  # fmt: skip


class Reader(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text = [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        self.text.append(data)


def comparison(text):
    point = Point(text, 3.0, 0.5, 0.4, 0.6, 8, text)
    return Comparison(
        title=text, quality=text, models=(text, "b"), rows=(Row(text, (text, "1"), frozenset({0})),), notes=(text,),
        points={text: (point,)}, confusions=(Confusion(text, {text: {text: 2, "": 1}}),),
        examples=(ExampleAnswers(text, text, (text,), ((text,), (f"✗ {text}",)), ((text, text),)),),
    )  # fmt: skip


@pytest.mark.parametrize("text", [HOSTILE, "\x00", "x" * 10_000, "‮rtl‬ \U0001f600"])
def test_text_is_text(text):
    page = to_html(comparison(text))
    read = Reader(page)
    assert set(read.tags) <= KNOWN and not [name for name in read.attributes if name.startswith("on")]
    assert not {"href", "src"} & set(read.attributes)
    shown = "".join(read.text)
    assert shown.count(text) >= 12 and "<script" not in page
    assert page.count("Content-Security-Policy") == 1


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_no_text_makes_a_tag(text):
    assert Reader(to_html(comparison(text))).tags == Reader(to_html(comparison("plain"))).tags


def test_best_values_and_differences_carry_a_sign():
    page = to_html(comparison("x"))
    assert "<b>★ x</b>" in page and '<td dir="auto" class="wrong">✗ x</td>' in page
    assert '<td class="right">2</td>' in page and '<td class="wrong">1</td>' in page


def test_no_cost_no_chart():
    assert scatter((), "MB", "Accuracy") == ""


@given(st.lists(st.floats(0, 1), max_size=19))
def test_labels_keep_apart_and_inside(values):
    gap = LINE / 320
    placed = apart(values, gap)
    ordered = sorted(placed)
    assert all(b - a >= gap - 1e-9 for a, b in zip(ordered, ordered[1:], strict=False))
    assert all(-1e-9 <= at <= 1 for at in placed)
    assert [placed[i] for i in sorted(range(len(values)), key=lambda i: values[i])] == ordered
