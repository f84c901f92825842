"""A JSON Schema in words that llguidance and we read alike, or the reason why there are none.

Only what can be reached is kept. References are followed by us and lead to `$defs`, patterns and formats become
patterns in plain notation, and what the library is known to get wrong is refused by name. There are two spellings that
it never writes: control characters that need \\uXXXX, and zeros at the end of a bounded fraction.
"""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

from core.constrain import formats, keywords, regex
from core.constrain.engines.endless import ends
from core.constrain.expression import Chars, Either, Expression, Repeat, Then
from core.constrain.keywords import ANNOTATIONS, SIBLINGS
from core.constrain.references import References
from core.errors import SchemaError

_ONE = {
    "additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then",
    "unevaluatedItems", "unevaluatedProperties",
}  # fmt: skip
_LISTS = {"allOf", "anyOf", "items", "oneOf", "prefixItems"}
_NAMED = {"dependentSchemas", "patternProperties", "properties"}
_BOUNDS = ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum")
_EXACT = 2**53  # numbers are floats in the library
_TENTHS = 2**49  # up to here a float has tenths
_UNSPELLED = re.compile(r"[\x00-\x07\x0b\x0e-\x1f\x7f]")


def plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Raises SchemaError for what llguidance would not hold exactly, and for what no answer could ever meet."""
    rewriter = _Rewriter(schema)
    found = rewriter.schema(schema, "#")
    targets: dict[str, Any] = {}
    while len(targets) < len(rewriter.names):
        name = list(rewriter.names)[len(targets)]
        targets[rewriter.names[name]] = rewriter.schema(rewriter.references.target(name, "#"), name)
    stated = {"$schema": schema["$schema"]} if "$schema" in schema else {}
    whole = {**stated, **found, **({"$defs": targets} if targets else {})}
    if not ends(whole):
        raise SchemaError("no answer comes to an end: the schema asks for itself again at every turn.")
    return whole


class _Rewriter:
    """`names`: the references met so far, and what they are called instead."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.draft, self.references = keywords.draft_of(root), References(root)
        self.names: dict[str, str] = {}

    def schema(self, schema: Any, path: str) -> Any:
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict):
            raise SchemaError(f"what stands at {path} is not a schema: write an object.")
        keywords.check(schema, path)
        keywords.check_draft(schema, self.draft, path)
        _refuse_inexact(schema, path)
        if "$ref" in schema and self.draft < SIBLINGS:
            return {"$ref": self._reference(schema["$ref"], path)}
        found: dict[str, Any] = {}
        for keyword, value in schema.items():
            if keyword not in ANNOTATIONS and keyword not in ("pattern", "format"):
                found[keyword] = self._rewritten(keyword, value, f"{path}/{keyword}")
        found = _with_patterns(found, schema, path)
        return _with_bounds(found) if _may_be(schema, "number") else found

    def _rewritten(self, keyword: str, value: Any, path: str) -> Any:
        if keyword == "$ref":
            return self._reference(value, path)
        if keyword in _NAMED and isinstance(value, dict):
            found = {name: self.schema(child, f"{path}/{name}") for name, child in value.items()}
            return found if keyword != "patternProperties" else _with_plain_keys(found, path)
        if keyword in _LISTS and isinstance(value, list):
            return [self.schema(child, f"{path}/{i}") for i, child in enumerate(value)]
        return self.schema(value, path) if keyword in _ONE else value

    def _reference(self, name: str, path: str) -> str:
        self.references.target(name, path)
        return f"#/$defs/{self.names.setdefault(name, str(len(self.names)))}"


def _with_patterns(found: dict[str, Any], schema: dict[str, Any], path: str) -> dict[str, Any]:
    """With the pattern and the format that `schema` names, in plain notation; an unknown format stays."""
    patterns = [_pattern(schema["pattern"], path)] if "pattern" in schema else []
    if (name := schema.get("format")) in formats.FORMATS:
        patterns.append(_notation(formats.FORMATS[name]))
    elif name is not None and _may_be(schema, "string"):
        found["format"] = name
    if patterns:
        found["pattern"] = patterns[0]
    if patterns[1:]:
        found["allOf"] = [*found.get("allOf", []), {"pattern": patterns[1]}]
    return found


def _with_plain_keys(found: dict[str, Any], path: str) -> dict[str, Any]:
    keys = [_pattern(pattern, path) for pattern in found]
    if len(set(keys)) < len(keys):
        raise SchemaError(f"two patterns at {path} mean the same: make them one.")
    return dict(zip(keys, found.values()))


def _pattern(pattern: str, path: str) -> str:
    try:
        return _notation(regex.parse(pattern, search=True))
    except SchemaError as error:
        raise SchemaError(f"the pattern at {path}: {error}") from error


def _notation(expression: Expression) -> str:
    return f"^(?:{regex.render(_quotable(expression))})$"


def _quotable(expression: Expression) -> Expression:
    """Without some of the control characters that the library cannot write: where a class holds all, or all but the
    line feed, it would take a quotation mark and a backslash for members too."""
    match expression:
        case Chars(((0, last), *others)) if last >= 8:
            return Chars(((8, last), *others))
        case Then(parts):
            return Then(tuple(map(_quotable, parts)))
        case Either(options):
            return Either(tuple(map(_quotable, options)))
        case Repeat(body):
            return replace(expression, body=_quotable(body))
    return expression


def _with_bounds(found: dict[str, Any]) -> dict[str, Any]:
    """An inclusive bound as what lies inside, or the bound alone: the library would not write 5.0 at a maximum of 5."""
    options = []
    for closed, opened in (("maximum", "exclusiveMaximum"), ("minimum", "exclusiveMinimum")):
        if closed in found and found.get(opened) is not True and (closed == "maximum" or found[closed] < 0):
            bound = found.pop(closed)
            options.append({"anyOf": [{opened: bound}, _alone(Decimal(bound))]})
    return {**found, "allOf": [*found.get("allOf", []), *options]} if options else found


def _alone(number: Decimal) -> dict[str, Any]:
    """A whole number and no other, with and without a point: the only tenth from there to the next."""
    next_tenth = float(number + (Decimal("-0.1") if number < 0 else Decimal("0.1")))
    least, most = ("exclusiveMinimum", "maximum") if number < 0 else ("exclusiveMaximum", "minimum")
    return {"type": "number", "multipleOf": 0.1, least: next_tenth, most: int(number)}


def _may_be(schema: dict[str, Any], kind: str) -> bool:
    kinds = schema.get("type", kind)
    return kind in ([kinds] if isinstance(kinds, str) else kinds)


def _refuse_inexact(schema: dict[str, Any], path: str) -> None:
    """What the library takes and gets wrong: multiples of most fractions (0.25, not 0.01), fractions as bounds (0.9 is
    refused below 0.95, 9 taken above 9), numbers that are no exact floats, values that it spells in its own way, and
    different keys, which it does not tell from equal ones."""
    what = ""
    multiple = schema.get("multipleOf", 1)
    if multiple != int(multiple) and Decimal(repr(multiple)).normalize().as_tuple().digits != (1,):
        what = f"the keyword 'multipleOf' with {multiple!r}"
    for keyword in filter(schema.__contains__, _BOUNDS):
        what = what or _inexact_bound(keyword, schema[keyword], _may_be(schema, "number"))
    free = schema.get("additionalProperties") is not False or schema.get("patternProperties")
    if free and schema.get("minProperties", 0) - len(set(schema.get("required", []))) > 1:
        what = "the keyword 'minProperties' for free keys"
    what = what or _misspelled([schema.get("enum"), schema.get("const")])
    if what:
        raise SchemaError(f"{what} at {path} cannot be held exactly by llguidance.")


def _inexact_bound(keyword: str, bound: int | float, of_fractions: bool) -> str:
    if of_fractions and bound != int(bound) and not (keyword == "minimum" and bound > 0):
        return f"the keyword {keyword!r} with the fraction {bound!r}"
    most = _TENTHS if of_fractions else _EXACT
    return f"the keyword {keyword!r} with a number beyond 2**{most.bit_length() - 1}" if abs(bound) > most else ""


def _misspelled(value: Any) -> str:
    """The first of the values, and of those inside them, that the library writes in another way than we do."""
    if isinstance(value, (dict, list)):
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        return next(filter(None, map(_misspelled, inner)), "")
    if isinstance(value, str) and _UNSPELLED.search(value):
        return "a value with a control character"
    rounded = isinstance(value, float) and (value.is_integer() or "e" in repr(value))
    if rounded or (keywords.is_number(value) and abs(value) > _EXACT):
        return f"the number {value!r:.40}"
    return ""
