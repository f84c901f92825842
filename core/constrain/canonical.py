"""The one JSON spelling of data, prompts and grammars: no blanks, no escapes that are not needed, the schema's order of
keys. Engines refuse every other spelling, and optional blanks would take most of what fast-forward gains.
"""

import json
from collections.abc import Iterator
from typing import Any

from core.errors import SchemaError


def spell(value: Any) -> str:
    """Raises SchemaError for what JSON cannot say."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise SchemaError(f"{str(value)[:60]!r} cannot be written as JSON: {error}.") from error
    return text


def canonical(value: Any, schema: dict[str, Any]) -> Any:
    """`value` as a JSON Schema writes it: keys in the order in which the schema names them, those it does not name
    last, and 1.0 as 1 where a whole number or one of given values is asked for. Nothing else is changed, and
    whether `value` is valid is not asked."""
    from jsonschema.validators import validator_for

    return _Writer(validator_for(schema)(schema), schema).value(value, schema)


def whole(value: Any) -> Any:
    """1.0 as 1, which is the same number; inside lists and objects too."""
    if isinstance(value, dict):
        return {name: whole(child) for name, child in value.items()}
    if isinstance(value, list):
        return [whole(child) for child in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _Writer:
    def __init__(self, validator: Any, root: dict[str, Any]) -> None:
        self.validator, self.root = validator, root

    def value(self, value: Any, schema: Any) -> Any:
        if isinstance(value, dict):
            children = self._members(value, schema)
            names = [name for name in children if name in value]
            names += [name for name in value if name not in children]
            return {name: self.value(value[name], children.get(name)) for name in names}
        if isinstance(value, list):
            heads, items = self._elements(value, schema)
            return [self.value(item, heads[i] if i < len(heads) else items) for i, item in enumerate(value)]
        if isinstance(value, float) and any(map(_asks_for_whole, self._views(value, schema, ()))):
            return whole(value)
        return value

    def _views(self, value: Any, schema: Any, seen: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        """The schema, those it refers to, and those of its alternatives that `value` fits."""
        if not isinstance(schema, dict):
            return
        yield schema
        if isinstance(name := schema.get("$ref"), str) and name not in seen:
            yield from self._views(value, _target(self.root, name), (*seen, name))
        for keyword in ("allOf", "anyOf", "oneOf"):
            for child in schema[keyword] if isinstance(schema.get(keyword), list) else ():
                if keyword == "allOf" or self._fits(value, child):
                    yield from self._views(value, child, seen)

    def _fits(self, value: Any, schema: Any) -> bool:
        from jsonschema.exceptions import SchemaError as Malformed
        from referencing.exceptions import Unresolvable

        try:
            return bool(self.validator.evolve(schema=schema).is_valid(value))
        except (Unresolvable, Malformed, RecursionError):  # for the order of keys any guess is as good
            return True

    def _members(self, value: Any, schema: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for view in self._views(value, schema, ()):
            properties = view.get("properties")
            for name, child in properties.items() if isinstance(properties, dict) else ():
                found.setdefault(name, child)
        return found

    def _elements(self, value: Any, schema: Any) -> tuple[list[Any], Any]:
        for view in self._views(value, schema, ()):
            if "items" in view or "prefixItems" in view:
                heads, items = view.get("prefixItems", []), view.get("items")
                return (items, None) if isinstance(items, list) else (heads, items)
        return [], None


def _target(root: dict[str, Any], name: str) -> Any:
    """What a reference inside the schema leads to, or None."""
    target: Any = root
    for step in name.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        target = target.get(key) if isinstance(target, dict) else None
    return target if name.startswith("#") else None


def _asks_for_whole(schema: dict[str, Any]) -> bool:
    multiple = schema.get("multipleOf")
    multiples = isinstance(multiple, (int, float)) and multiple == int(multiple)
    return multiples or "enum" in schema or "const" in schema or schema.get("type") == "integer"
