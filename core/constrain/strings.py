"""Texts as JSON spells them: with quotes, and with the escapes that are needed."""

import json
from functools import lru_cache
from typing import Any

from core.constrain import formats, regex
from core.constrain.expression import (
    ANY,
    Both,
    Chars,
    Either,
    Expression,
    Repeat,
    Text,
    Then,
    chars,
    either,
    none_of,
    one_of,
    then,
)
from core.constrain.keywords import NotRegular
from core.errors import SchemaError

_ESCAPED = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
# The order of the options is that of their first bytes; json.dumps spells no character in two ways.
_CODE = either(then("0", one_of("01234567bef")), then("1", one_of("0123456789abcdef")))
CHARACTER = either(
    none_of(((0, 0x1F), (0x22, 0x22), (0x5C, 0x5C))),
    then("\\", either(one_of('"\\bfnrt'), then("u00", _CODE))),
)
STRING = then('"', Repeat(CHARACTER), '"')


def string(schema: dict[str, Any], least: int, most: int | None, path: str) -> Expression:
    """A text of `least` to `most` characters, of the pattern and format that the schema names."""
    found: Expression = Repeat(CHARACTER, least, most)
    limited = bool(least) or most is not None
    if "pattern" in schema:
        pattern = _pattern(schema["pattern"], path)
        found, limited = Both(pattern, found) if limited else pattern, True
    if "format" in schema:
        if schema["format"] not in formats.FORMATS:
            raise NotRegular(f"the format {schema['format']!r} at {path} cannot be held by an automaton.")
        spelled = formats.FORMATS[schema["format"]]
        found = Both(spelled, found) if limited else spelled
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
