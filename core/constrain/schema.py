"""A schema: what an answer must match, as one regular expression over its serialised text.

Made from a pydantic class, a JSON Schema or a regular expression. A keyword that the expression
would not honour is refused by name, with its path; none is ignored.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from core.errors import SchemaError

# What outlines_core turns into an exact expression; everything else it would drop in silence.
HONOURED = {
    "type", "properties", "required", "items", "anyOf", "$ref", "$defs", "enum", "const", "minLength",
    "maxLength", "minItems", "maxItems", "prefixItems", "pattern",
}  # fmt: skip
ANNOTATIONS = {"title", "description", "default", "examples", "$schema", "$id", "$comment"}
JSON_SCHEMA_LIMIT = 100_000


@dataclass(frozen=True)
class Schema:
    """`regex` matches exactly the allowed answers."""

    name: str
    regex: str
    delimited: bool = False  # no answer is the beginning of another one: JSON objects and arrays


def from_pydantic(model: type[BaseModel]) -> Schema:
    return from_json_schema(model.model_json_schema(), model.__name__)


def from_json_schema(schema: str | dict[str, Any], name: str = "JSON Schema") -> Schema:
    """Raises SchemaError if the text is not JSON or a keyword cannot be honoured."""
    if isinstance(schema, str):
        if len(schema) > JSON_SCHEMA_LIMIT:
            raise SchemaError(f"the JSON Schema has {len(schema):,} characters; the limit is {JSON_SCHEMA_LIMIT:,}.")
        try:
            schema = json.loads(schema)
        except json.JSONDecodeError as error:
            raise SchemaError(f"not JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from error
    if not isinstance(schema, dict) or not schema:
        raise SchemaError('a JSON Schema is a non-empty object such as {"type": "object", "properties": {…}}.')
    for path, keyword in _unsupported(schema, "#"):
        raise SchemaError(f"the keyword {keyword!r} at {path} cannot be honoured exactly: leave it out.")
    from outlines_core.json_schema import build_regex_from_schema

    try:
        regex = build_regex_from_schema(json.dumps(schema), whitespace_pattern="")
    except Exception as error:  # outlines_core raises bare exceptions of its own
        raise SchemaError(f"the JSON Schema cannot be compiled: {error}") from error
    return Schema(name, regex, delimited=schema.get("type") in ("object", "array"))


def from_regex(regex: str) -> Schema:
    if not regex:
        raise SchemaError("the regular expression is empty: type one, for example [0-9]{4}.")
    return Schema("regex", regex)


def _unsupported(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Paths and keywords that would be ignored. `properties` and `$defs` hold names, not keywords."""
    if not isinstance(node, dict):
        return
    for keyword, value in node.items():
        if keyword in ("properties", "$defs"):
            for name, child in value.items() if isinstance(value, dict) else ():
                yield from _unsupported(child, f"{path}/{keyword}/{name}")
        elif keyword in ("anyOf", "prefixItems"):
            for i, child in enumerate(value if isinstance(value, list) else ()):
                yield from _unsupported(child, f"{path}/{keyword}/{i}")
        elif keyword == "items":
            yield from _unsupported(value, f"{path}/items")
        elif keyword == "additionalProperties" and value is False:
            continue
        elif keyword not in HONOURED | ANNOTATIONS:
            yield path, keyword
