"""JSON Schema to an expression over the one JSON spelling that is used everywhere (`canonical.py`).

Exact or not at all: a keyword that an expression cannot hold is refused by name, with its path.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar

from core.constrain import formats, number, regex
from core.constrain.canonical import spell, whole
from core.constrain.compile import disjoint
from core.constrain.expression import (
    ANY,
    Both,
    Chars,
    Either,
    Expression,
    Field,
    Listed,
    Repeat,
    Text,
    Then,
    Without,
    chars,
    either,
    none_of,
    one_of,
    then,
)
from core.errors import SchemaError

ANNOTATIONS = {
    "title", "description", "default", "examples", "example", "$schema", "$id", "id", "$comment", "$anchor",
    "definitions", "$defs", "discriminator", "deprecated", "readOnly", "writeOnly",
}  # fmt: skip
DEEPEST = 60

_ESCAPED = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_OTHERS = [c for c in range(0x20) if chr(c) not in _ESCAPED]
# The order of the options is that of their first bytes; json.dumps spells no character in two ways.
_CODE = either(then("0", one_of("01234567bef")), then("1", one_of("0123456789abcdef")))
CHARACTER = either(
    none_of(((0, 0x1F), (0x22, 0x22), (0x5C, 0x5C))),
    then("\\", either(one_of('"\\bfnrt'), then("u00", _CODE))),
)
STRING = then('"', Repeat(CHARACTER), '"')


class NotRegular(SchemaError):
    """No expression means exactly this schema. Another engine may hold it."""


def expression(schema: dict[str, Any]) -> Expression:
    """Raises NotRegular, naming keyword and path, where an expression cannot be exact."""
    try:
        return _Builder(schema).value(schema, "#", ())
    except RecursionError as error:
        raise NotRegular("the JSON Schema is nested too deeply for an automaton.") from error


@dataclass(frozen=True)
class _Builder:
    """`path` says where in the schema we are, `seen` which references led there."""

    root: dict[str, Any]

    def value(self, schema: Any, path: str, seen: tuple[str, ...]) -> Expression:
        if schema is False:
            return Either(())
        if not isinstance(schema, dict):
            raise NotRegular(f"any JSON value is allowed at {path}: an automaton cannot count its brackets.")
        if len(seen) > DEEPEST:
            raise NotRegular(f"the references at {path} are nested too deeply for an automaton.")
        keys = {key for key in schema if key not in ANNOTATIONS}
        for keyword, build in self._combinations.items():
            if keyword in keys:
                self._alone(schema, keyword, keys, path)
                return build(self, schema, path, seen)
        return self._typed(schema, keys, path, seen)

    def _alone(self, schema: dict[str, Any], keyword: str, keys: set[str], path: str) -> None:
        """Refuses keywords beside `keyword` that would restrict it."""
        allowed = {keyword, "type"} if keyword in ("enum", "const") else {keyword}
        for other in sorted(keys - allowed):
            raise NotRegular(f"the keyword {other!r} beside {keyword!r} at {path} cannot be held by an automaton.")

    def _reference(self, schema: dict[str, Any], path: str, seen: tuple[str, ...]) -> Expression:
        name = schema["$ref"]
        if name in seen:
            raise NotRegular(f"{name!r} refers to itself at {path}: an automaton cannot hold recursion.")
        return self.value(self._resolve(name, path), path, (*seen, name))

    def _resolve(self, name: Any, path: str) -> Any:
        if not isinstance(name, str) or not name.startswith("#"):
            raise NotRegular(f"the reference {name!r} at {path} leads out of the schema: put its target into $defs.")
        target: Any = self.root
        for step in name[1:].split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or key not in target:
                raise SchemaError(f"the reference {name!r} at {path} leads nowhere.")
            target = target[key]
        return target

    def _any_of(self, schema: dict[str, Any], path: str, seen: tuple[str, ...]) -> Expression:
        options = _items(schema["anyOf"], "anyOf", path)
        return Either(tuple(self.value(s, f"{path}/anyOf/{i}", seen) for i, s in enumerate(options)))

    def _one_of(self, schema: dict[str, Any], path: str, seen: tuple[str, ...]) -> Expression:
        """The same as anyOf where no value matches two of the options."""
        options = _items(schema["oneOf"], "oneOf", path)
        found = [self.value(s, f"{path}/oneOf/{i}", seen) for i, s in enumerate(options)]
        for i, left in enumerate(found):
            if not all(disjoint(left, right) for right in found[i + 1 :]):
                raise NotRegular(f"the options of oneOf at {path} overlap: say anyOf if that is what is meant.")
        return Either(tuple(found))

    def _all_of(self, schema: dict[str, Any], path: str, seen: tuple[str, ...]) -> Expression:
        options = _items(schema["allOf"], "allOf", path)
        if len(options) > 1:
            raise NotRegular(f"the keyword 'allOf' at {path} joins several schemas, which an automaton cannot.")
        return self.value(options[0], f"{path}/allOf/0", seen)

    def _enumeration(self, schema: dict[str, Any], path: str, _seen: tuple[str, ...]) -> Expression:
        values = _items(schema["enum"], "enum", path) if "enum" in schema else [schema["const"]]
        kinds = _kinds(schema.get("type", list(_KINDS)), path)
        fitting = [value for value in values if any(_KINDS[kind](value) for kind in kinds)]
        return Either(tuple(dict.fromkeys(Text(spell(whole(value))) for value in fitting)))

    _combinations: ClassVar[dict[str, Callable[..., Expression]]] = {
        "$ref": _reference, "enum": _enumeration, "const": _enumeration, "anyOf": _any_of, "oneOf": _one_of,
        "allOf": _all_of,
    }  # fmt: skip

    def _typed(self, schema: dict[str, Any], keys: set[str], path: str, seen: tuple[str, ...]) -> Expression:
        if "type" not in schema:
            raise NotRegular(f"no type is given at {path}: any JSON value would do, which an automaton cannot hold.")
        kinds = _kinds(schema["type"], path)
        known = {"type"}.union(*(_KEYWORDS[kind] for kind in kinds))
        for keyword in sorted(keys - known):
            raise NotRegular(f"the keyword {keyword!r} at {path} cannot be held by an automaton.")
        found = [self._one_kind(kind, schema, path, seen) for kind in kinds]
        return found[0] if len(found) == 1 else Either(tuple(found))

    def _one_kind(self, kind: str, schema: dict[str, Any], path: str, seen: tuple[str, ...]) -> Expression:
        if kind == "object":
            return self._object(schema, path, seen)
        if kind == "array":
            return self._array(schema, path, seen)
        if kind == "string":
            return _string(schema, path)
        if kind in ("integer", "number"):
            return _number(schema, kind, path)
        return either("true", "false") if kind == "boolean" else Text("null")

    def _object(self, schema: dict[str, Any], path: str, seen: tuple[str, ...]) -> Expression:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        if not isinstance(properties, dict) or not isinstance(required, list):
            raise SchemaError(f"'properties' at {path} must be an object and 'required' a list of names.")
        for name in required:
            if name not in properties:
                raise NotRegular(f"the key {name!r} at {path} is required and not among the properties.")
        parts: list[tuple[Expression, bool]] = []
        for name, child in properties.items():
            member = Field(name, self.value(child, f"{path}/properties/{name}", seen))
            parts.append((then(spell(name) + ":", member), name in required))
        others = self._other_members(schema, list(properties), path, seen)
        if not properties and others is not None:
            least, most = _counts(schema, "minProperties", "maxProperties", path)
            return then("{", Repeat(others, least, most, ","), "}")
        for keyword in ("minProperties", "maxProperties"):
            if keyword in schema:
                raise NotRegular(f"the keyword {keyword!r} beside properties at {path} cannot be held by an automaton.")
        if others is not None:
            parts.append((Repeat(others, 1, None, ","), False))
        return then("{", Listed(tuple(parts), ","), "}")

    def _other_members(
        self, schema: dict[str, Any], names: list[str], path: str, seen: tuple[str, ...]
    ) -> Expression | None:
        """One `"key":value` of a key that is not among the properties, or None if there may be none."""
        rule = schema.get("additionalProperties", True)
        if rule is False:
            return None
        if rule is True or rule == {}:
            raise NotRegular(f"objects at {path} may hold any other keys: set additionalProperties to false.")
        key = Without(STRING, either(*map(spell, names))) if names else STRING
        child = self.value(rule, f"{path}/additionalProperties", seen)
        return then(Field("{key}", key), ":", Field("{value}", child))

    def _array(self, schema: dict[str, Any], path: str, seen: tuple[str, ...]) -> Expression:
        least, most = _counts(schema, "minItems", "maxItems", path)
        if schema.get("uniqueItems") and (most is None or most > 1):
            raise NotRegular(f"the keyword 'uniqueItems' at {path} cannot be held by an automaton.")
        prefix = schema.get("prefixItems", [])
        if not isinstance(prefix, list):
            raise SchemaError(f"'prefixItems' at {path} must be a list of schemas.")
        if most is not None and most <= len(prefix):
            prefix, rest = prefix[:most], None
        elif schema.get("items") is False:
            rest = None
        else:
            items = self.value(schema.get("items", True), f"{path}/items", seen)
            rest = Field("[]", items)
        if rest is not None and not prefix:
            return then("[", Repeat(rest, least, most, ","), "]")
        heads = [Field(f"[{i}]", self.value(s, f"{path}/prefixItems/{i}", seen)) for i, s in enumerate(prefix)]
        return then("[", _tuple(heads, rest, least, most), "]")


def _tuple(heads: list[Field], rest: Expression | None, least: int, most: int | None) -> Expression:
    """`heads` in order, as many as are there, then `rest`; at least `least` in all."""
    tail: Expression = Text("")
    if rest is not None:
        more, limit = max(least - len(heads), 0), None if most is None else most - len(heads)
        tail = Repeat(then(",", rest), more, limit)
    elif least > len(heads):
        return Either(())
    for i in reversed(range(len(heads))):
        tail = Then((Text("," if i else ""), heads[i], tail))
        tail = tail if i < least else either(tail, "")
    return tail


def _string(schema: dict[str, Any], path: str) -> Expression:
    least, most = _counts(schema, "minLength", "maxLength", path)
    found: Expression = Repeat(CHARACTER, least, most)
    if "pattern" in schema:
        if not isinstance(schema["pattern"], str):
            raise SchemaError(f"'pattern' at {path} must be a text.")
        pattern = _pattern(schema["pattern"], path)
        found = Both(pattern, found) if least or most is not None else pattern
    if "format" in schema:
        if schema["format"] not in formats.FORMATS:
            raise NotRegular(f"the format {schema['format']!r} at {path} cannot be held by an automaton.")
        spelled = formats.FORMATS[schema["format"]]
        found = Both(spelled, found) if "pattern" in schema or least or most is not None else spelled
    return then('"', found, '"')


def _pattern(pattern: str, path: str) -> Expression:
    try:
        return _spelled(regex.parse(pattern, search=True))
    except SchemaError as error:
        raise NotRegular(f"the pattern at {path}: {error}") from error


def _spelled(found: Expression) -> Expression:
    """An expression over characters, with each character as it stands inside a JSON string."""
    match found:
        case Text(text):
            return Text(json.dumps(text, ensure_ascii=False)[1:-1])
        case Chars(ranges):
            return _spelled_class(ranges)
        case Then(parts):
            return Then(tuple(_spelled(part) for part in parts))
        case Either(options):
            return Either(tuple(_spelled(option) for option in options))
        case Repeat(body, least, most):
            return Repeat(_spelled(body), least, most)
    raise AssertionError(found)


@lru_cache(maxsize=256)
def _spelled_class(ranges: tuple[tuple[int, int], ...]) -> Expression:
    if ranges == ANY.ranges:
        return CHARACTER
    plain: list[tuple[int, int]] = []
    escaped: list[str] = []
    for low, high in ranges:
        for code in (*range(0x20), 0x22, 0x5C):
            if low <= code <= high:
                escaped.append(_ESCAPED.get(chr(code), f"\\u{code:04x}"))
                plain += [(low, code - 1)]
                low = code + 1
        plain.append((low, high))
    return either(chars(*((low, high) for low, high in plain if low <= high)), *escaped)


def _number(schema: dict[str, Any], kind: str, path: str) -> Expression:
    if "multipleOf" in schema:
        raise NotRegular(f"the keyword 'multipleOf' at {path} cannot be held by an automaton.")
    low, open_low = _bound(schema, "minimum", "exclusiveMinimum", max, path)
    high, open_high = _bound(schema, "maximum", "exclusiveMaximum", min, path)
    bounds = number.Bounds(low, high, open_low, open_high)
    if low is None and high is None:
        return number.INTEGER if kind == "integer" else number.NUMBER
    return number.integers(bounds) if kind == "integer" else number.decimals(bounds)


def _bound(
    schema: dict[str, Any], closed: str, opened: str, tighter: Callable[[Decimal, Decimal], Decimal], path: str
) -> tuple[Decimal | None, bool]:
    """The tighter of two bounds, and whether it is itself outside."""
    found = {}
    for keyword in (closed, opened):
        value = schema.get(keyword)
        if isinstance(value, bool):
            raise NotRegular(f"the keyword {keyword!r} at {path} is a truth value, as in draft 4: give a number.")
        if value is not None and not isinstance(value, (int, float)):
            raise SchemaError(f"{keyword!r} at {path} must be a number.")
        if value is not None:
            found[keyword] = Decimal(repr(value))
    if len(found) < 2:
        return next(iter(found.values()), None), opened in found
    bound = tighter(*found.values())
    return bound, found[opened] == bound


def _counts(schema: dict[str, Any], low: str, high: str, path: str) -> tuple[int, int | None]:
    least, most = schema.get(low, 0), schema.get(high)
    for keyword, value in ((low, least), (high, most)):
        whole = value is None or (
            isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value)
        )
        if not whole or (value is not None and value < 0):
            raise SchemaError(f"{keyword!r} at {path} must be a whole number, 0 or more.")
    if most is not None and most < least:
        raise SchemaError(f"{high!r} at {path} is less than {low!r}: nothing could match.")
    return int(least), None if most is None else int(most)


def _items(value: Any, keyword: str, path: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise SchemaError(f"{keyword!r} at {path} must be a list that is not empty.")
    return value


def _kinds(value: Any, path: str) -> list[str]:
    kinds = value if isinstance(value, list) else [value]
    for kind in kinds:
        if kind not in _KINDS:
            raise SchemaError(f"the type {kind!r} at {path} is not one of {', '.join(_KINDS)}.")
    return [kind for kind in kinds if not (kind == "integer" and "number" in kinds)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_KINDS: dict[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: _is_number(v) and v == int(v),
    "number": _is_number,
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
}
_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_KEYWORDS: dict[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"},
    "string": {"minLength", "maxLength", "pattern", "format"},
    "integer": _BOUNDS,
    "number": _BOUNDS,
    "boolean": set(),
    "null": set(),
}
