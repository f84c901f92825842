"""Where a path stands in a JSON text."""

import pytest

from core.constrain.locate import path_in, place_of

TEXT = """{
  "type": "object",
  "properties": {
    "a/b": {"enum": ["}", 1]},
    "list": {"anyOf": [{"type": "string"},
       {"type": "number"}]}
  },
  "required": ["list"]
}"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("#", (1, 1)),
        ("#/type", (2, 3)),
        ("#/properties/a~1b", (4, 5)),
        ("#/properties/a/b/enum", (4, 13)),
        ("#/properties/list/anyOf/1", (6, 8)),
        ("#/properties/list/anyOf/1/type", (6, 9)),
        ("#/properties/list/items/properties/x", (5, 5)),  # the nearest around it
        ("#/required", (8, 3)),
        ("#/nowhere", (1, 1)),
    ],
)
def test_the_line_and_column_of_a_path(path, place):
    assert place_of(TEXT, path) == place


@pytest.mark.parametrize("text", ["", "}", "]]]", '{"a', "[,,", "{:,", "\x00"])
def test_any_text_has_a_place(text):
    assert place_of(text, "#/a") >= (1, 1)


def test_the_path_of_a_message():
    assert path_in("what stands at #/properties/a is not a schema: write an object.") == "#/properties/a"
    assert path_in("'#/$defs/N' refers to itself at #/properties/kids/items: no.") == "#/properties/kids/items"
    assert path_in("no path") == ""
