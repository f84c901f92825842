"""Folders are put in place whole."""

import pytest

from core.paths import put_in_place


def folder(place, text):
    place.mkdir()
    (place / "file").write_text(text)
    return place


def test_the_old_folder_goes_last(tmp_path):
    place = folder(tmp_path / "place", "old")
    with pytest.raises(FileNotFoundError):
        put_in_place(tmp_path / "nothing", place)
    assert (tmp_path / "place.old" / "file").read_text() == "old"
    put_in_place(folder(tmp_path / "first", "first"), place)
    put_in_place(folder(tmp_path / "second", "second"), place)
    assert (place / "file").read_text() == "second" and [p.name for p in tmp_path.iterdir()] == ["place"]
