"""What surrounds every page."""

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
