"""The tour's stops; that they lead there is tried in a browser (tests/e2e/test_pages.py)."""

from streamlit.testing.v1 import AppTest

from core.paths import ROOT
from ui.shell import PAGES
from ui.tour import STOPS


def test_five_stops_on_pages_that_exist_stand_in_the_sidebar():
    assert len(STOPS) == 5 and {stop.page for stop in STOPS} <= set(PAGES)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    assert not app.exception
    shown = [button.label for button in app.sidebar.button if str(button.key).startswith("tour_")]
    assert shown == [f"{n} · {stop.title}" for n, stop in enumerate(STOPS, 1)]
