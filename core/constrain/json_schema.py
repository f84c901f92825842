"""JSON Schema to an expression over the one JSON spelling that is used everywhere (`serialise`).

Exact or not at all: a keyword that an expression cannot hold is refused by name, with its path.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from core.constrain import keywords, number
from core.constrain.exclusive import exclusive
from core.constrain.expression import Either, Expression, Field, Listed, Repeat, Text, Then, Without, either, then
from core.constrain.json_value import spell, whole
from core.constrain.keywords import ANNOTATIONS, SIBLINGS, NotRegular
from core.constrain.references import References
from core.constrain.strings import STRING, string
from core.errors import SchemaError

DEEPEST, LARGEST = 60, 100_000  # references within references, and parts of a schema


def expression(schema: dict[str, Any]) -> Expression:
    """Raises NotRegular, naming keyword and path, where an expression cannot be exact."""
    try:
        return _Builder(schema).value(schema, "#")
    except RecursionError as error:
        raise NotRegular("the JSON Schema is nested too deeply for an automaton.") from error


class _Builder:
    """`open` are the references that led to where we are, `known` what those that were followed came to: what is
    referred to twice is one object, or a few references would make an endless expression."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.draft, self.references = keywords.draft_of(root), References(root)
        self.open: list[str] = []
        self.known: dict[str, Expression] = {}
        self.parts = 0

    def value(self, schema: Any, path: str) -> Expression:
        self.parts += 1
        if self.parts > LARGEST:
            raise NotRegular(f"the JSON Schema has more than {LARGEST:,} parts: it is too large for an automaton.")
        if schema is False:
            return Either(())
        if schema is True or schema == {}:
            raise NotRegular(f"any JSON value is allowed at {path}: an automaton cannot count its brackets.")
        if not isinstance(schema, dict):
            raise SchemaError(f"what stands at {path} is not a schema: write an object.")
        keywords.check(schema, path)
        keywords.check_draft(schema, self.draft, path)
        keys = {key for key in schema if key not in ANNOTATIONS}
        for keyword, build in self._combinations.items():
            if keyword in keys:
                self._alone(keyword, keys, path)
                return build(self, schema, path)
        return self._typed(schema, keys, path)

    def _alone(self, keyword: str, keys: set[str], path: str) -> None:
        """Refuses keywords beside `keyword` that would restrict it."""
        if keyword == "$ref" and self.draft < SIBLINGS:
            return
        allowed = {keyword, "type"} if keyword in ("enum", "const") else {keyword}
        for other in sorted(keys - allowed):
            raise NotRegular(f"the keyword {other!r} beside {keyword!r} at {path} cannot be held by an automaton.")

    def _reference(self, schema: dict[str, Any], path: str) -> Expression:
        name = schema["$ref"]
        if name in self.known:
            return self.known[name]
        if name in self.open:
            raise NotRegular(f"{name!r} refers to itself at {path}: an automaton cannot hold recursion.")
        if len(self.open) > DEEPEST:
            raise NotRegular(f"the references at {path} are nested too deeply for an automaton.")
        target = self.references.target(name, path)
        self.open.append(name)
        self.known[name] = self.value(target, path)
        self.open.pop()
        return self.known[name]

    def _any_of(self, schema: dict[str, Any], path: str) -> Expression:
        return Either(tuple(self.value(s, f"{path}/anyOf/{i}") for i, s in enumerate(schema["anyOf"])))

    def _one_of(self, schema: dict[str, Any], path: str) -> Expression:
        """The same as anyOf where no value matches two of the options."""
        found = Either(tuple(self.value(s, f"{path}/oneOf/{i}") for i, s in enumerate(schema["oneOf"])))
        if not exclusive(schema["oneOf"], self.references, path):  # asked last: the options are known to be well formed
            raise NotRegular(f"the options of oneOf at {path} may overlap: say anyOf if that is what is meant.")
        return found

    def _all_of(self, schema: dict[str, Any], path: str) -> Expression:
        if len(schema["allOf"]) > 1:
            raise NotRegular(f"the keyword 'allOf' at {path} joins several schemas, which an automaton cannot.")
        return self.value(schema["allOf"][0], f"{path}/allOf/0")

    def _enumeration(self, schema: dict[str, Any], path: str) -> Expression:
        """Values as they are given, which is how data of the same source has them; 1.0 is 1 where an integer is asked
        for."""
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        kinds = _kinds(schema.get("type", list(_KINDS)))
        fitting = [value for value in values if any(_KINDS[kind](value) for kind in kinds)]
        spelled = map(whole, fitting) if "integer" in kinds else fitting
        return Either(tuple(dict.fromkeys(Text(spell(value)) for value in spelled)))

    _combinations: ClassVar[dict[str, Callable[..., Expression]]] = {
        "$ref": _reference,
        "enum": _enumeration,
        "const": _enumeration,
        "anyOf": _any_of,
        "oneOf": _one_of,
        "allOf": _all_of,
    }

    def _typed(self, schema: dict[str, Any], keys: set[str], path: str) -> Expression:
        if "type" not in schema:
            raise NotRegular(f"no type is given at {path}: any JSON value would do, which an automaton cannot hold.")
        kinds = _kinds(schema["type"])
        known = {"type", "format"}.union(*(_KEYWORDS[kind] for kind in kinds))
        for keyword in sorted(keys - known):
            raise NotRegular(f"the keyword {keyword!r} at {path} cannot be held by an automaton.")
        found = [self._one_kind(kind, schema, path) for kind in kinds]
        return found[0] if len(found) == 1 else Either(tuple(found))

    def _one_kind(self, kind: str, schema: dict[str, Any], path: str) -> Expression:
        if kind in ("integer", "number"):
            return _number(schema, kind, path)
        if kind in ("boolean", "null"):
            return either("true", "false") if kind == "boolean" else Text("null")
        what = {"object": "Properties", "array": "Items", "string": "Length"}[kind]
        least, most = int(schema.get(f"min{what}", 0)), schema.get(f"max{what}")
        most = None if most is None else int(most)
        if most is not None and most < least:
            return Either(())
        if kind == "string":
            return string(schema, least, most, path)
        return (self._object if kind == "object" else self._array)(schema, least, most, path)

    def _object(self, schema: dict[str, Any], least: int, most: int | None, path: str) -> Expression:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        for name in required:
            if name not in properties:
                raise NotRegular(f"the key {name!r} at {path} is required and not among the properties.")
        parts: list[tuple[Expression, bool]] = []
        for name, child in properties.items():
            member = Field(name, self.value(child, f"{path}/properties/{name}"))
            parts.append((then(spell(name) + ":", member), name in required))
        others = self._other_members(schema, list(properties), path)
        if not properties and others is not None:
            if least > 1:
                raise NotRegular(f"the keyword 'minProperties' at {path} asks for different keys, which are free.")
            return then("{", Repeat(others, least, most, ","), "}")
        for keyword in ("minProperties", "maxProperties"):
            if keyword in schema:
                raise NotRegular(f"the keyword {keyword!r} beside properties at {path} cannot be held by an automaton.")
        if others is not None:
            parts.append((Repeat(others, 1, None, ","), False))
        return then("{", Listed(tuple(parts), ","), "}")

    def _other_members(self, schema: dict[str, Any], names: list[str], path: str) -> Expression | None:
        """One `"key":value` of a key that is not among the properties, or None if there may be none."""
        rule = schema.get("additionalProperties", True)
        if rule is False:
            return None
        if rule is True or rule == {}:
            raise NotRegular(f"objects at {path} may hold any other keys: set additionalProperties to false.")
        key = Without(STRING, either(*map(spell, names))) if names else STRING
        child = self.value(rule, f"{path}/additionalProperties")
        return then(Field("{key}", key), ":", Field("{value}", child))

    def _array(self, schema: dict[str, Any], least: int, most: int | None, path: str) -> Expression:
        if schema.get("uniqueItems") and (most is None or most > 1):
            raise NotRegular(f"the keyword 'uniqueItems' at {path} cannot be held by an automaton.")
        if isinstance(schema.get("items"), list):
            raise NotRegular(f"the keyword 'items' at {path} is a list of schemas, which is left to llguidance.")
        prefix = schema.get("prefixItems", [])
        if most is not None and most <= len(prefix):
            prefix, rest = prefix[:most], None
        elif schema.get("items") is False:
            rest = None
        else:
            items = self.value(schema.get("items", True), f"{path}/items")
            rest = Field("[]", items)
        if rest is not None and not prefix:
            return then("[", Repeat(rest, least, most, ","), "]")
        heads = [Field(f"[{i}]", self.value(s, f"{path}/prefixItems/{i}")) for i, s in enumerate(prefix)]
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
    if isinstance(schema.get(opened), bool):
        raise NotRegular(f"the keyword {opened!r} at {path} is a truth value, as in draft 4: give a number.")
    found = {keyword: Decimal(repr(schema[keyword])) for keyword in (closed, opened) if keyword in schema}
    if len(found) < 2:
        return next(iter(found.values()), None), opened in found
    bound = tighter(*found.values())
    return bound, found[opened] == bound


def _kinds(value: str | list[str]) -> list[str]:
    kinds = [value] if isinstance(value, str) else list(dict.fromkeys(value))
    return [kind for kind in kinds if not (kind == "integer" and "number" in kinds)]


def _is_number(value: Any) -> bool:
    """Also one that JSON cannot write, which `spell` refuses: `keywords.is_number` would leave it out in silence."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_KINDS: dict[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: _is_number(v) and (isinstance(v, int) or v.is_integer()),
    "number": _is_number,
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
}
_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_KEYWORDS: dict[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"},
    "string": {"minLength", "maxLength", "pattern"},
    "integer": _BOUNDS,
    "number": _BOUNDS,
    "boolean": set(),
    "null": set(),
}
