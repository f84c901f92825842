"""What all tests of the interface share."""

import pytest
from streamlit.components.v2.component_manager import BidiComponentManager


@pytest.fixture(autouse=True)
def no_search_for_components(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest looks through every installed package for components before each run; ours are not packages."""
    monkeypatch.setattr(BidiComponentManager, "discover_and_register_components", lambda self, **_: None)
