"""What the README shows in Python runs, with the bundled weights."""

import json
import re

from core.models import bundled
from core.paths import ROOT


def test_the_example_prints_a_valid_answer(capsys, monkeypatch):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    folder = bundled.prepare()
    monkeypatch.chdir(folder.parent.parent)
    exec(example, {})
    reason, answer = capsys.readouterr().out.strip().split("\n")
    assert reason.startswith("dfa, because")
    place = json.loads(answer.removeprefix("Rome as JSON: "))
    assert list(place) == ["city", "country", "capital"] and place["country"] in ("France", "Italy")
