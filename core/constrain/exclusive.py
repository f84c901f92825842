"""Whether the options of `oneOf` exclude each other, told from their structure: values count, not their spelling."""

from dataclasses import dataclass, field
from typing import Any

from core.constrain.json_value import identity
from core.constrain.keywords import KINDS
from core.constrain.references import References

MOST = 1_000  # options, each of which is held against each other
_HOPS = 60
_ALL = frozenset(KINDS) - {"integer"}


@dataclass(frozen=True)
class _Option:
    """What an option admits, or more: kinds of values, the values if they are listed, and of its objects what the
    required properties hold and which properties there may be (None: any)."""

    kinds: frozenset[str] = _ALL
    values: frozenset[Any] | None = None
    required: dict[str, "_Option"] = field(default_factory=dict)
    names: frozenset[str] | None = None

    def excludes(self, other: "_Option") -> bool:
        shared = self.kinds & other.kinds
        if not shared or (
            self.values is not None and other.values is not None and self.values.isdisjoint(other.values)
        ):
            return True
        return shared == {"object"} and (
            any(self.required[name].excludes(other.required[name]) for name in self.required.keys() & other.required)
            or self._lacks(other)
            or other._lacks(self)
        )

    def _lacks(self, other: "_Option") -> bool:
        return self.names is not None and not other.required.keys() <= self.names


def exclusive(options: list[Any], references: References, path: str) -> bool:
    """Whether no value can match two of the schemas. False where that cannot be told."""
    found = [_option(schema, references, path) for schema in options[: MOST + 1]]
    return len(found) <= MOST and all(left.excludes(right) for i, left in enumerate(found) for right in found[i + 1 :])


def _option(schema: Any, references: References, path: str, deep: bool = True) -> _Option:
    for _ in range(_HOPS):
        if isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
            schema = references.target(schema["$ref"], path)
    if not isinstance(schema, dict):
        return _Option(frozenset() if schema is False else _ALL)
    if "enum" in schema or "const" in schema:
        values = frozenset(map(identity, schema.get("enum", [schema.get("const")])))
        return _Option(frozenset(kind for kind, _ in values), values)
    kinds = schema.get("type", list(_ALL))
    found = frozenset(
        "number" if kind == "integer" else kind for kind in ([kinds] if isinstance(kinds, str) else kinds)
    )
    if not deep:
        return _Option(found)
    properties = schema.get("properties", {})
    required = {
        name: _option(properties[name], references, path, deep=False) if name in properties else _Option()
        for name in schema.get("required", [])
    }
    closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
    return _Option(found, None, required, frozenset(properties) if closed else None)
