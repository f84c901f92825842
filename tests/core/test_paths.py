"""Folders are put in place whole; where they are is told to nobody."""

import pytest

from core.paths import recover, whole_folder, without_place


def folder(place, text):
    place.mkdir()
    (place / "file").write_text(text)
    return place


def replace(place, text):
    with whole_folder(place) as made:
        (made / "file").write_text(text)


def test_the_old_folder_goes_last(tmp_path):
    place = folder(tmp_path / "place", "old")
    with pytest.raises(FileNotFoundError), whole_folder(place) as made:
        made.rmdir()
    assert (place / "file").read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["place"]
    replace(place, "first")
    replace(place, "second")
    assert (place / "file").read_text() == "second" and [p.name for p in tmp_path.iterdir()] == ["place"]


@pytest.mark.parametrize("renames", [1, 2])
def test_what_a_kill_leaves_behind_is_recovered(tmp_path, renames):
    """After the first rename the old folder is aside and nothing in its place, after the second both are there."""
    place, made = folder(tmp_path / "place", "old"), folder(tmp_path / "made", "new")
    place.rename(tmp_path / "place.old")
    if renames == 2:
        made.rename(place)
    recover(place)
    assert (place / "file").read_text() == ("old" if renames == 1 else "new")
    replace(place, "next")
    assert (place / "file").read_text() == "next" and not (tmp_path / "place.old").exists()
    recover(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("/srv/acme/big", "big"),
        ("~/acme/big", "big"),
        ("../acme/big.gguf", "big.gguf"),
        ("./big", "big"),
        ("org/big", "org/big"),
        ("smollm2+pos", "smollm2+pos"),
        ("https://host/v1#big", "https://host/v1#big"),
    ],
)
def test_of_a_path_the_last_part_is_told(name, told):
    assert without_place(name) == told
