"""JSON values in schemas: how they are spelled, and which are equal."""

import json
from typing import Any

from core.errors import SchemaError
from core.spelling import serialise


def spell(value: Any) -> str:
    """In the one spelling, as `serialise`. Raises SchemaError for what JSON cannot say."""
    try:
        json.dumps(value, allow_nan=False)
        text = serialise(value)
        text.encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise SchemaError(f"{_shown(value)} cannot be written as JSON: {error}.") from error
    return text


def _shown(value: Any) -> str:
    try:
        return repr(value)[:60]
    except (ValueError, RecursionError):  # endless numbers and nesting
        return "the value"


def whole(value: Any) -> Any:
    """1.0 as 1, which is the same number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def identity(value: Any) -> tuple[str, Any]:
    """The kind of a JSON value, and what is equal for equal values: 1 is 1.0 and not True."""
    if isinstance(value, dict):
        return "object", frozenset((name, identity(child)) for name, child in value.items())
    if isinstance(value, list):
        return "array", tuple(map(identity, value))
    if isinstance(value, str):
        return "string", value
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean", value
    return "number", value
