"""What all tests of the interface share."""

import importlib
import json
import pkgutil
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest

import ui
from core.runs.jobs import Jobs

# A module that a test's page is the first to import would keep what that test has put in the place of a function.
for module in pkgutil.walk_packages(ui.__path__, "ui."):
    importlib.import_module(module.name)


class IdleJobs(Jobs):
    """Takes runs and never works on them."""

    def _work(self) -> None:
        return


def checked(app: AppTest) -> AppTest:
    assert not app.exception, app.exception[0].message
    return app


def saying(app: AppTest, value: dict[str, Any]) -> AppTest:
    """A run for a message of a browser, in which the first of our components has this value."""
    states = app._tree.get_widget_states()
    states.widgets.add(id=app.get("bidi_component")[0].proto.id, json_value=json.dumps(value))
    return checked(app._run(states))


@pytest.fixture(autouse=True)
def no_search_for_components(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest looks through every installed package for components before each run; ours are not packages."""
    monkeypatch.setattr(BidiComponentManager, "discover_and_register_components", lambda self, **_: None)


@pytest.fixture(autouse=True, scope="module")
def no_models_of_other_modules() -> None:
    """Some put a tiny model under the name of a large one, and Streamlit's caches outlive them."""
    st.cache_data.clear()
    st.cache_resource.clear()
