"""A model in a folder of the user's own, which changes on disk while the Masks page is open."""

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.errors import ModelError
from core.paths import ROOT
from core.runs import folder as run_folders
from tests.ui.conftest import checked
from ui import engine
from ui.masks import mask_engine, mask_source
from ui.masks.mask_model import Model, Source
from ui.masks.schema_form import Wanted
from ui.own_model import ANOTHER


@pytest.fixture
def folder(teacher_folder, tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(run_folders, "all_runs", lambda *_: [])
    monkeypatch.setattr(engine, "warm_up", lambda: None)
    return shutil.copytree(teacher_folder, tmp_path / "mine")


def opened(folder: Path) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page("pages/masks.py")
    view = {"kind": "regex", "regex": "(ab|cd){2}", "text": "abab", "model": ANOTHER, "vocabulary": "Table"}
    for name, value in {**view, "other": str(folder)}.items():
        app.query_params[name] = value
    app.run()
    return checked(app.button(key="masks_load").click().run())


def train_on(folder: Path) -> None:
    """Other weights in the same file."""
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    save_file({name: 2 * values.flip(0) for name, values in load_file(file).items()}, file, {"format": "pt"})
    os.utime(file, (later := file.stat().st_mtime + 10, later))


def vocabulary(app: AppTest) -> pd.DataFrame:
    return next(frame.value for frame in app.dataframe if "p before" in frame.value)


def test_new_weights_are_read_by_all_that_is_shown(folder):
    app = opened(folder)
    before = vocabulary(app)
    train_on(folder)
    after = vocabulary(checked(app.run()))
    assert not before.equals(after)
    pd.testing.assert_frame_equal(after, vocabulary(opened(folder)))


def test_what_was_worked_out_with_other_weights_is_not_mixed_with_new_ones(folder):
    model = Model(str(folder), stamp=engine.stamp(str(folder)))
    model.load()
    train_on(folder)
    with pytest.raises(ModelError, match="have changed since they were read"):
        model.load()


def steps() -> None:
    import streamlit as st

    from ui.masks import mask_steps

    mask_steps.walk(*st.session_state["walked"])


def test_a_folder_that_is_gone_while_a_token_is_pinned_is_said_so(folder):
    source = Source(Model(str(folder), stamp=engine.stamp(str(folder))), Wanted("regex", "(ab|cd){2}"), "A word?")
    found, constraint = mask_source.explained(source, "abab"), mask_engine.choice_of(source.model, source.wanted)
    app = AppTest.from_function(steps, default_timeout=60)
    app.session_state["walked"] = (found, constraint.constraint, source.model.load)
    app.query_params["pin"] = "97"
    assert checked(app.run()).session_state["masks_grid_pinned"]["token"] == 97 and not app.error
    shutil.rmtree(folder)
    assert any("are gone" in code.value for code in checked(app.run()).code) and app.error
