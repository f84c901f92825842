"""Files of the user that are none: refused by name before they are opened."""

import os
from pathlib import Path

import pytest

from core.data.files import read_text
from core.errors import DataError


def test_a_missing_file_is_said_to_be_so(tmp_path):
    with pytest.raises(DataError, match=r"cannot read gone\.txt: No such file or directory\. Check the path"):
        read_text(tmp_path / "gone.txt")


def test_what_has_no_end_is_not_opened(tmp_path):
    """Opening the pipe would wait for a writer, the device would fill the memory."""
    os.mkfifo(tmp_path / "pipe.txt")
    for path in (tmp_path / "pipe.txt", Path("/dev/zero"), tmp_path):
        with pytest.raises(DataError, match=f"cannot read {path.name}: it is a folder, a device or a pipe"):
            read_text(path)
