"""The keywords of JSON Schema: what must stand behind them, and the draft of the standard that brought them."""

import math
import re
from collections.abc import Callable
from typing import Any, TypeGuard

from core.errors import SchemaError

KINDS = ("object", "array", "string", "integer", "number", "boolean", "null")
ANNOTATIONS = {
    "title", "description", "default", "examples", "example", "$schema", "$id", "id", "$comment", "$anchor",
    "definitions", "$defs", "discriminator", "deprecated", "readOnly", "writeOnly",
}  # fmt: skip
SIBLINGS = 2019  # from this draft on, what stands beside $ref counts

_DRAFT = re.compile(r"https?://json-schema\.org/(?:draft-0(\d)|draft/(\d{4})-\d\d)/schema#?")
_SINCE = {
    "const": 6, "contains": 6, "exclusiveMaximum": 6, "exclusiveMinimum": 6, "propertyNames": 6, "if": 7,
    "dependentRequired": 2019, "dependentSchemas": 2019, "unevaluatedItems": 2019, "unevaluatedProperties": 2019,
    "prefixItems": 2020,
}  # fmt: skip
_SWITCHES = {"exclusiveMinimum", "exclusiveMaximum"}
_LONGEST = 10_000  # bits of a whole number


class NotRegular(SchemaError):
    """No expression means exactly this schema. Another engine may hold it."""


def draft_of(root: dict[str, Any]) -> int:
    """4, 6, 7, 2019 or 2020, which is also meant where none is named. Raises SchemaError for those before."""
    stated = root.get("$schema", "")
    if not isinstance(stated, str):
        raise SchemaError("'$schema' at # must be a text.")
    if not (found := _DRAFT.fullmatch(stated)):
        return 2020
    draft = int(found[1] or found[2])
    if draft < 4:
        raise NotRegular(f"the draft {stated!r} is too old to be held: state a newer one, from draft 4 on.")
    return draft


def check_draft(schema: dict[str, Any], draft: int, path: str) -> None:
    """Raises NotRegular for keywords that mean nothing yet in that draft: they would be ignored."""
    for keyword, value in schema.items():
        switch = keyword in _SWITCHES and isinstance(value, bool)
        if _SINCE.get(keyword, 0) > draft and not switch:
            raise NotRegular(f"the keyword {keyword!r} at {path} is newer than the draft that $schema states.")
        if switch and draft > 4:
            raise SchemaError(f"{keyword!r} at {path} must be a number: truth values are for draft 4.")
    if isinstance(schema.get("items"), list) and draft >= 2020:
        raise SchemaError(f"'items' at {path} must be one schema: a list of them is called 'prefixItems' now.")


def check(schema: dict[str, Any], path: str) -> None:
    """Raises SchemaError for a keyword with something behind it that it cannot have."""
    for keyword, value in schema.items():
        fits, what = _SHAPES.get(keyword, _ANYTHING)
        if not fits(value):
            shown = (
                f"the type {value!r:.60} at {path} is not" if keyword == "type" else f"{keyword!r} at {path} must be"
            )
            raise SchemaError(f"{shown} {what}.")


def is_number(value: Any) -> TypeGuard[int | float]:
    """A number that JSON can write, and not endlessly long."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= _LONGEST


def _is_schema(value: Any) -> bool:
    return isinstance(value, (dict, bool))


def _is_kinds(value: Any) -> bool:
    kinds = value if isinstance(value, list) else [value]
    return bool(kinds) and all(isinstance(kind, str) and kind in KINDS for kind in kinds)


def _are_schemas(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_schema, value))


def _are_named_schemas(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_schema, value.values()))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_count(value: Any) -> bool:
    return is_number(value) and value == int(value) and value >= 0


_Shape = tuple[Callable[[Any], bool], str]
_ANYTHING: _Shape = (lambda _: True, "")
_SHAPES: dict[str, _Shape] = {
    "type": (_is_kinds, f"one of {', '.join(KINDS)}, or a list of them"),
    "properties": (_are_named_schemas, "an object of schemas"),
    "patternProperties": (_are_named_schemas, "an object of schemas"),
    "items": (lambda v: _is_schema(v) or v == [] or _are_schemas(v), "a schema or a list of them"),
    "prefixItems": (lambda v: v == [] or _are_schemas(v), "a list of schemas"),
    **dict.fromkeys(("anyOf", "oneOf", "allOf"), (_are_schemas, "a list of schemas that is not empty")),
    **dict.fromkeys(("additionalProperties", "additionalItems"), (_is_schema, "a schema")),
    "required": (_are_texts, "a list of names"),
    "enum": (lambda v: isinstance(v, list) and bool(v), "a list that is not empty"),
    **dict.fromkeys(("pattern", "format", "$ref"), (lambda v: isinstance(v, str), "a text")),
    **dict.fromkeys(("minimum", "maximum"), (is_number, "a number")),
    **dict.fromkeys(
        ("exclusiveMinimum", "exclusiveMaximum"), (lambda v: isinstance(v, bool) or is_number(v), "a number")
    ),
    "multipleOf": (lambda v: is_number(v) and v > 0, "a number above 0"),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        (_is_count, "a whole number, 0 or more"),
    ),
    "uniqueItems": (lambda v: isinstance(v, bool), "true or false"),
}
