"""Whether any value of a JSON Schema comes to an end.

A schema that asks for itself at every turn, as a required property that is the whole again does, has none; an engine
would write openings until its limit. Only what must be there is followed: what may be left out ends a value, and a key
that only a pattern names is taken to.
"""

from collections.abc import Collection
from typing import Any

_NESTED = {"object", "array"}


def ends(schema: dict[str, Any]) -> bool:
    """Of a schema in plain words (see plain_schema.py): its references lead to `$defs`."""
    parts, known = schema.get("$defs", {}), set[str]()
    while found := {name for name, part in parts.items() if name not in known and _ends(part, known)}:
        known |= found
    return _ends(schema, known)


def _ends(schema: Any, known: Collection[str]) -> bool:
    """Taking for granted that the `$defs` named in `known` do."""
    if not isinstance(schema, dict):
        return True
    if "$ref" in schema and schema["$ref"].rpartition("/")[2] not in known:
        return False
    if not all(_ends(part, known) for part in schema.get("allOf", [])):
        return False
    if any(key in schema and not any(_ends(part, known) for part in schema[key]) for key in ("anyOf", "oneOf")):
        return False
    kinds = schema.get("type", "null")
    kinds = {kinds} if isinstance(kinds, str) else {*kinds}
    return bool(kinds - _NESTED) or any(_kind_ends(kind, schema, known) for kind in kinds)


def _kind_ends(kind: str, schema: dict[str, Any], known: Collection[str]) -> bool:
    if kind == "object":
        given = schema.get("properties", {})
        other = schema.get("additionalProperties", True) if "patternProperties" not in schema else True
        required = schema.get("required", [])
        optional = [
            child for name, child in [*given.items(), ("", other)] if name not in required and child is not False
        ]
        more = schema.get("minProperties", 0) > len(required)
        if more and not any(_ends(child, known) for child in optional):
            return False
        return all(_ends(given.get(name, other), known) for name in required)
    least = int(schema.get("minItems", 0))
    items = schema.get("items", True)
    listed, rest = (
        (items, schema.get("additionalItems", True))
        if isinstance(items, list)
        else (schema.get("prefixItems", []), items)
    )
    return all(_ends(item, known) for item in [*listed[:least], *([rest] if least > len(listed) else [])])
