import pytest

from core.constrain.json_value import identity, spell
from core.errors import SchemaError


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1, 2}, {1: 2}, [10**5000]])
def test_what_json_cannot_say(value):
    with pytest.raises(SchemaError, match="cannot be written as JSON"):
        spell(value)


def test_equal_values():
    assert identity([1, {"a": 2.0}]) == identity([1.0, {"a": 2}])
    assert identity(1) != identity(True) and identity("1") != identity(1) and identity(0) != identity(None)
