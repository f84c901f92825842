import pytest

from core.constrain.engines.xgrammar import compile
from core.errors import SchemaError
from tests.core.constrain.engines.probes import TABLE, accepts


def test_additional_properties_are_as_the_schema_says():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert accepts(compile(schema, None, TABLE, "open"), '{"a":1,"b":[1,2]}')
    assert not accepts(compile({**schema, "additionalProperties": False}, None, TABLE, "closed"), '{"a":1,"b":2}')


@pytest.mark.parametrize("regex, reason", [("a(", "parenthesis"), ("a(?=b)", "Lookahead")])
def test_regexes_that_are_not_understood(regex, reason):
    with pytest.raises(SchemaError, match=rf"by xgrammar: Regex.*{reason}") as caught:
        compile(None, regex, TABLE, "bad")
    assert "\n" not in str(caught.value)


def test_languages_without_a_text():
    with pytest.raises(SchemaError, match="no answer can match"):
        compile(None, r"[^\x00-\U0010FFFF]", TABLE, "empty")
    with pytest.raises(SchemaError, match="minLength 5 is greater than maxLength 3"):
        compile({"type": "string", "minLength": 5, "maxLength": 3}, None, TABLE, "empty")
