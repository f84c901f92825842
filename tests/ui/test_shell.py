"""What surrounds every page."""

import threading

from streamlit.testing.v1 import AppTest

from core.paths import ROOT
from ui import shell


def test_a_precision_that_there_is_not_is_said_in_the_sidebar(monkeypatch):
    monkeypatch.setenv("STILLROOM_PRECISION", "half *and* half")
    warm = shell._warm_up()
    warm.join()
    monkeypatch.setattr(shell, "_warm_up", lambda: warm)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    assert not app.exception
    said = next(caption.value for caption in app.sidebar.caption if "set it to bf16 or fp32" in caption.value)
    assert "\\*and\\*" in said


def test_that_the_machine_is_ready_is_said_without_a_click(monkeypatch):
    """A part that draws itself anew until then, and not afterwards."""
    ready = threading.Event()
    warm = threading.Thread(target=ready.wait, daemon=True)
    warm.start()
    monkeypatch.setattr(shell, "_warm_up", lambda: warm)
    monkeypatch.setattr("ui.engine.machine", lambda: "a fast machine")
    beats = []
    fragment = shell.st.fragment

    def noted(draw, run_every=None):
        if draw is shell._show_machine:
            beats.append(run_every)
        return fragment(draw, run_every=run_every)

    monkeypatch.setattr(shell.st, "fragment", noted)
    for said, beat in (("Getting ready …", shell.LOOK), ("a fast machine", None)):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
        assert said in [caption.value for caption in app.sidebar.caption]
        assert beats[-1] == beat
        ready.set()
        warm.join()
