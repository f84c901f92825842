"""A schema: what an answer must match. Made from a pydantic class or its source text, a JSON Schema, or a
regular expression.

Where the schema is a regular language, `expression` says exactly that; where it is not, `not_regular` says
why, and an engine that holds more than automata may take it.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from core.constrain import json_schema as json_schemas
from core.constrain import regex as regexes
from core.constrain.expression import Expression
from core.constrain.formats import NAIVE
from core.constrain.keywords import NotRegular, is_number
from core.constrain.source import read as sources
from core.errors import SchemaError

LONGEST = 100_000  # characters of a JSON Schema
TOO_DEEP = "the JSON Schema is nested too deeply."


@dataclass(frozen=True)
class Schema:
    """Either `json_schema` or `regex` is what it was made from, and what tells schemas apart: the expression may
    hold one part in many places, which to compare or to write out would not end."""

    name: str
    expression: Expression | None = field(compare=False, repr=False)
    not_regular: str = ""
    json_schema: dict[str, Any] | None = None
    regex: str | None = None


class _Described(GenerateJsonSchema):
    """Pydantic's own description, but for what it leaves out."""

    def dict_schema(self, schema: core_schema.DictSchema) -> dict[str, Any]:
        keys = self.generate_inner(schema["keys_schema"]) if "keys_schema" in schema else {}
        if keys and "$ref" not in keys and keys.get("type") != "string":
            raise SchemaError("a dict has keys that are no texts, which a JSON Schema cannot say: use dict[str, …].")
        return super().dict_schema(schema)


def from_pydantic(model: type[BaseModel]) -> Schema:
    """Objects hold the model's fields and nothing else."""
    return _from_json(_closed(model.model_json_schema(schema_generator=_Described)), model.__name__)


def from_source(source: str) -> Schema:
    """Pydantic classes given as text, which is read and never run; the last one is the answer. Raises SchemaError,
    naming the line."""
    name, found = sources.to_json_schema(source)
    return _from_json(_closed(found), name)


def from_json_schema(schema: str | dict[str, Any]) -> Schema:
    """Objects may hold other keys unless `additionalProperties` says otherwise, as the standard has it.
    Raises SchemaError for a text that is not JSON or a schema that is malformed."""
    if isinstance(schema, str):
        if len(schema) > LONGEST:
            raise SchemaError(f"the JSON Schema has {len(schema):,} characters; the limit is {LONGEST:,}.")
        try:
            schema = json.loads(schema)
        except json.JSONDecodeError as error:
            where = error.lineno, error.colno
            raise SchemaError(f"not JSON: line {where[0]}, column {where[1]}: {error.msg}.", *where) from error
        except ValueError as error:
            raise SchemaError(f"the JSON Schema holds a number of too many digits: {error}.") from error
        except RecursionError as error:
            raise SchemaError(TOO_DEEP) from error
    if not isinstance(schema, dict) or not schema:
        raise SchemaError('a JSON Schema is a non-empty object such as {"type": "object", "properties": {…}}.')
    try:
        _check_json(schema)
        return _from_json(schema, "JSON Schema")
    except RecursionError as error:
        raise SchemaError(TOO_DEEP) from error


def from_regex(regex: str) -> Schema:
    """Raises SchemaError for what is not a regular expression, and for what is not regular in it."""
    return Schema("regex", regexes.parse(regex), regex=regex)


def _from_json(schema: dict[str, Any], name: str) -> Schema:
    try:
        return Schema(name, json_schemas.expression(schema), json_schema=schema)
    except NotRegular as error:
        return Schema(name, None, str(error), json_schema=schema)


def _check_json(value: Any) -> None:
    """Raises SchemaError for what is no JSON, such as 1e999 and NaN, which Python reads."""
    if isinstance(value, (dict, list)):
        if not all(isinstance(key, str) for key in (value if isinstance(value, dict) else ())):
            raise SchemaError("the JSON Schema holds a key that is not a text.")
        for child in value.values() if isinstance(value, dict) else value:
            _check_json(child)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if not is_number(value):
            raise SchemaError("the JSON Schema holds a number that is endless or has thousands of digits.")
    elif value is not None and not isinstance(value, (str, bool)):
        raise SchemaError(f"the JSON Schema holds a {type(value).__name__}, which is no JSON.")


def _closed(schema: Any) -> Any:
    """The schema with objects that hold their properties only, and times that need no offset: what a pydantic model
    writes."""
    if not isinstance(schema, dict):
        return schema
    found = dict(schema)
    for keyword in ("properties", "patternProperties", "$defs"):
        if isinstance(schema.get(keyword), dict):
            found[keyword] = {name: _closed(child) for name, child in schema[keyword].items()}
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        if isinstance(schema.get(keyword), list):
            found[keyword] = [_closed(child) for child in schema[keyword]]
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            found[keyword] = _closed(schema[keyword])
    if schema.get("type") == "object":
        found.setdefault("additionalProperties", False)
    if schema.get("format") in NAIVE and "pattern" not in schema:
        found["pattern"] = NAIVE[found.pop("format")]
    return found
