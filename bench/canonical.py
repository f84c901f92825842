"""Values as the grammar of a JSON Schema spells them: it refuses other orders of keys and other spellings of a number.

For what judges engines by the instances of other people's schemas, here and in the tests.
"""

import re
from collections.abc import Iterator
from typing import Any

from core.constrain import keywords
from core.constrain.json_value import identity, whole
from core.constrain.references import References
from core.errors import SchemaError


def canonical(value: Any, schema: dict[str, Any]) -> Any:
    """`value` as a JSON Schema writes it: keys in the order in which the schema names them, those it does not name
    last; 1.0 as 1 where a whole number is asked for, and given values as they are given. Nothing else is changed, and
    whether `value` is valid is not asked. Raises SchemaError for a malformed schema."""
    try:
        return _Writer(schema).value(value, schema)
    except RecursionError as error:
        raise SchemaError("the value or its JSON Schema is nested too deeply.") from error


class _Writer:
    def __init__(self, root: Any) -> None:
        from jsonschema.validators import validator_for

        self.draft = keywords.draft_of(root) if isinstance(root, dict) else 2020
        self.references = References(root)
        self.validator = validator_for(root)(root)

    def value(self, value: Any, schema: Any) -> Any:
        views = list(self._views(value, schema, set()))
        as_asked = whole if any(_asks_for_whole(view, self.draft) for view in views) else lambda found: found
        if (given := _given(value, views)) is not None:
            return as_asked(given)
        if isinstance(value, dict):
            children = {name: _members(name, views) for name in value}
            known = [name for view in views for name in view.get("properties", {}) if name in value]
            return {name: self.value(value[name], children[name]) for name in dict.fromkeys([*known, *value])}
        if isinstance(value, list):
            return [self.value(item, _elements(i, views)) for i, item in enumerate(value)]
        return as_asked(value)

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
