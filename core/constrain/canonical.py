"""The one JSON spelling of data, prompts and grammars: no blanks, no escapes that are not needed, the schema's order of
keys. Engines refuse every other spelling, and optional blanks would take most of what fast-forward gains.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from core.constrain import keywords
from core.constrain.references import References
from core.errors import SchemaError

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}


class Plain(float):
    """A number that is written without exponent."""


def spell(value: Any) -> str:
    """Raises SchemaError for what JSON cannot say."""
    try:
        text = _written(value)
        text.encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise SchemaError(f"{_shown(value)} cannot be written as JSON: {error}.") from error
    return text


def _shown(value: Any) -> str:
    try:
        return repr(value)[:60]
    except (ValueError, RecursionError):  # endless numbers and nesting
        return "the value"


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{_key(name)}:{_written(child)}" for name, child in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_written, value)) + "]"
    return f"{Decimal(float.__repr__(value)):f}" if isinstance(value, Plain) else _ENCODER.encode(value)


def _key(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the key {name!r} is not a text")
    return _ENCODER.encode(name)


def canonical(value: Any, schema: dict[str, Any]) -> Any:
    """`value` as a JSON Schema writes it: keys in the order in which the schema names them, those it does not name
    last; 1.0 as 1 where a whole number is asked for, given values as they are given, and no exponents within bounds.
    Nothing else is changed, and whether `value` is valid is not asked. Raises SchemaError for a malformed schema."""
    try:
        return _Writer(schema).value(value, schema)
    except RecursionError as error:
        raise SchemaError("the value or its JSON Schema is nested too deeply.") from error


def whole(value: Any) -> Any:
    """1.0 as 1, which is the same number; inside lists and objects too."""
    if isinstance(value, dict):
        return {name: whole(child) for name, child in value.items()}
    if isinstance(value, list):
        return [whole(child) for child in value]
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


class _Writer:
    def __init__(self, root: Any) -> None:
        from jsonschema.validators import validator_for

        self.draft = keywords.draft_of(root) if isinstance(root, dict) else 2020
        self.references = References(root)
        self.validator = validator_for(root)(root)

    def value(self, value: Any, schema: Any) -> Any:
        views = list(self._views(value, schema, set()))
        if (given := _given(value, views)) is not None:
            return whole(given)
        if isinstance(value, dict):
            children = {name: _members(name, views) for name in value}
            known = [name for view in views for name in view.get("properties", {}) if name in value]
            return {name: self.value(value[name], children[name]) for name in dict.fromkeys([*known, *value])}
        if isinstance(value, list):
            return [self.value(item, _elements(i, views)) for i, item in enumerate(value)]
        if isinstance(value, float) and any(_asks_for_whole(view, self.draft) for view in views):
            return whole(value)
        if isinstance(value, float) and any(not _BOUNDS.isdisjoint(view) for view in views):
            return Plain(value) if "e" in repr(value) else value + 0.0  # -0.0 as 0.0
        return value

    def _views(self, value: Any, schema: Any, seen: set[str]) -> Iterator[dict[str, Any]]:
        """The schema, those it refers to, and those of its alternatives that `value` fits."""
        if not isinstance(schema, dict):
            return
        keywords.check(schema, "the JSON Schema")
        yield schema
        if (name := schema.get("$ref")) is not None and name not in seen:
            seen.add(name)
            yield from self._views(value, self._target(name), seen)
        for keyword in ("allOf", "anyOf", "oneOf"):
            for child in schema.get(keyword, ()):
                if keyword == "allOf" or self._fits(value, child):
                    yield from self._views(value, child, seen)

    def _target(self, name: str) -> Any:
        try:
            return self.references.target(name, "the JSON Schema")
        except SchemaError:  # such a schema is refused elsewhere
            return None

    def _fits(self, value: Any, schema: Any) -> bool:
        try:
            return bool(self.validator.evolve(schema=schema).is_valid(value))
        except Exception:  # whatever a malformed schema makes of it: for the order of keys any guess is as good
            return True


def _given(value: Any, views: list[dict[str, Any]]) -> Any:
    """The one of given values that `value` equals, or None."""
    for view in views:
        given = [*view.get("enum", ()), *([view["const"]] if "const" in view else [])]
        if given:
            wanted = identity(value)
            return next((found for found in given if identity(found) == wanted), None)
    return None


def _members(name: str, views: list[dict[str, Any]]) -> dict[str, Any]:
    """What the views say about the property."""
    found: list[Any] = []
    for view in views:
        own = [view["properties"][name]] if name in view.get("properties", {}) else []
        own += [child for pattern, child in view.get("patternProperties", {}).items() if _finds(pattern, name)]
        found += own or [view.get("additionalProperties", True)]
    return {"allOf": [child for child in found if child is not True] or [True]}


def _elements(i: int, views: list[dict[str, Any]]) -> dict[str, Any]:
    """What the views say about item number `i`."""
    found: list[Any] = []
    for view in views:
        heads, rest = view.get("prefixItems", []), view.get("items", True)
        if isinstance(rest, list):
            heads, rest = rest, view.get("additionalItems", True)
        found.append(heads[i] if i < len(heads) else rest)
    return {"allOf": found or [True]}


def _finds(pattern: str, name: str) -> bool:
    try:
        return bool(re.search(pattern, name))
    except (re.error, RecursionError, OverflowError):
        return False


def _asks_for_whole(schema: dict[str, Any], draft: int) -> bool:
    """Draft 4 does not count 1.0 among the integers."""
    kinds, multiple = schema.get("type", ()), schema.get("multipleOf", 0.5)
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return multiple == int(multiple) or (draft > 4 and "integer" in kinds and "number" not in kinds)
