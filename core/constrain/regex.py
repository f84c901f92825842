"""Regular expressions in their usual notation, to and from `expression.py`.

Python's own parser reads them. What makes a language that is not regular (back references), or depends on
what stands around the match (look-around, word boundaries), is refused by name. `\\d` and `\\w` are ASCII and `\\s`
is the white space of Unicode, as in JSON Schema; `.` is any character but a new line.
"""

import re
import warnings
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from threading import Lock
from typing import Any

from core.constrain.expression import (
    ANY,
    DIGIT,
    SURROGATES,
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
    none_of,
)
from core.errors import SchemaError

LONGEST, LONGEST_RENDERED = 20_000, 1_000_000
_PARSING = Lock()  # filters of warnings belong to all threads
_WORD = (*DIGIT.ranges, (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE = (
    (0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
    (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip
_CATEGORIES = {
    ops.CATEGORY_DIGIT: DIGIT.ranges,
    ops.CATEGORY_WORD: _WORD,
    ops.CATEGORY_SPACE: _SPACE,
    ops.CATEGORY_NOT_DIGIT: none_of(DIGIT.ranges).ranges,
    ops.CATEGORY_NOT_WORD: none_of(_WORD).ranges,
    ops.CATEGORY_NOT_SPACE: none_of(_SPACE).ranges,
}
_REFUSED = {
    ops.ASSERT: "look-around",
    ops.ASSERT_NOT: "look-around",
    ops.GROUPREF: "a back reference",
    ops.GROUPREF_EXISTS: "a condition on a group",
    ops.ATOMIC_GROUP: "an atomic group",
    ops.POSSESSIVE_REPEAT: "a possessive repetition",
}
_NOT_LINE = none_of(((0x0A, 0x0A),))


def parse(regex: str, search: bool = False) -> Expression:
    """What the whole text must match or, with `search`, some part of it (as JSON Schema's `pattern`).

    Raises SchemaError for what is not a regular expression, and for what is not regular in it.
    """
    if not regex and not search:
        raise SchemaError("the regular expression is empty: type one, for example [0-9]{4}.")
    if len(regex) > LONGEST:
        raise SchemaError(f"the regular expression has {len(regex):,} characters; the limit is {LONGEST:,}.")
    try:
        with _PARSING, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", FutureWarning)
            tree = parser.parse(regex)
    except FutureWarning as error:
        hint = "other dialects read it as a set of sets: escape [, -, &, | and ~ in its classes"
        raise SchemaError(f"the regular expression {_short(regex)} is ambiguous: {hint}.") from error
    except re.error as error:
        where = "" if error.pos is None else f" at character {error.pos + 1}"
        message = f"the regular expression {_short(regex)} is not valid{where}: {error.msg}."
        raise SchemaError(message, error.lineno or 0, error.colno or 0) from error
    except (OverflowError, RecursionError) as error:
        raise SchemaError(f"the regular expression {_short(regex)} is too large: {error}.") from error
    if tree.state.flags & ~re.UNICODE.value:
        raise SchemaError(f"the regular expression {_short(regex)} sets a flag: write out what it should match.")
    try:
        return _Reader(regex, search).anchored(list(tree))
    except RecursionError as error:
        raise SchemaError(f"the regular expression {_short(regex)} is nested too deeply.") from error


class _Reader:
    """Turns the parser's tree into an expression."""

    def __init__(self, regex: str, search: bool) -> None:
        self.regex, self.search = regex, search

    def anchored(self, nodes: list[Any], begins: bool = True, ends: bool = True) -> Expression:
        """A branch that may begin and end with anchors; `begins` and `ends`: it stands at that side of all."""
        started, finished = not begins, not ends
        while begins and nodes and nodes[0] in _BEGIN:
            started, nodes = True, nodes[1:]
        while ends and nodes and nodes[-1] in _END:
            finished, nodes = True, nodes[:-1]
        if len(nodes) == 1 and (branches := _branches(nodes[0])):
            inner = [self.anchored(branch, not started, not finished) for branch in branches]
            return inner[0] if len(inner) == 1 else Either(tuple(inner))
        body = self.sequence(nodes)
        before = [Repeat(ANY)] if self.search and not started else []
        after = [Repeat(ANY)] if self.search and not finished else []
        return Then((*before, body, *after)) if before or after else body

    def sequence(self, nodes: list[Any]) -> Expression:
        parts = [self.node(op, value) for op, value in nodes]
        return parts[0] if len(parts) == 1 else Then(tuple(parts))

    def node(self, op: Any, value: Any) -> Expression:
        if op is ops.LITERAL:
            return Text(chr(self.code(value)))
        if op is ops.NOT_LITERAL:
            return none_of(((self.code(value), value),))
        if op is ops.ANY:
            return _NOT_LINE
        if op is ops.IN:
            return self.character_class(value)
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            least, most, body = value
            return Repeat(self.sequence(list(body)), least, None if most is ops.MAXREPEAT else most)
        if op in (ops.SUBPATTERN, ops.BRANCH):
            branches = [self.sequence(branch) for branch in _branches((op, value))]
            return branches[0] if len(branches) == 1 else Either(tuple(branches))
        what = "an anchor in the middle" if op is ops.AT else _REFUSED.get(op, str(op).lower())
        raise SchemaError(f"the regular expression {_short(self.regex)} uses {what}, which cannot be honoured.")

    def code(self, code: int) -> int:
        if SURROGATES[0] <= code <= SURROGATES[1]:
            raise SchemaError(f"the regular expression {_short(self.regex)} names half a surrogate pair.")
        return code

    def character_class(self, items: list[Any]) -> Chars:
        ranges: list[tuple[int, int]] = []
        for op, value in items:
            if op is ops.LITERAL:
                ranges.append((self.code(value), value))
            elif op is ops.RANGE:
                ranges.append((self.code(value[0]), self.code(value[1])))
            elif op is ops.CATEGORY:
                ranges += _CATEGORIES[value]
        negated = items[0][0] is ops.NEGATE
        return none_of(tuple(ranges)) if negated else chars(*ranges)


_BEGIN = ((ops.AT, ops.AT_BEGINNING), (ops.AT, ops.AT_BEGINNING_STRING))
_END = ((ops.AT, ops.AT_END), (ops.AT, ops.AT_END_STRING))


def _branches(node: tuple[Any, Any]) -> list[list[Any]]:
    """The alternatives of a group or a choice; none for other nodes. Flags inside a group change its meaning."""
    op, value = node
    if op is ops.BRANCH:
        return [list(branch) for branch in value[1]]
    if op is ops.SUBPATTERN:
        _, added, removed, body = value
        if added or removed:
            raise SchemaError("a group of the regular expression sets a flag: write out what it should match.")
        return [list(body)]
    return []


def _short(regex: str) -> str:
    return repr(regex if len(regex) <= 60 else regex[:57] + "…")


def render(expression: Expression) -> str:
    """The notation of an expression, for engines that read it. Raises SchemaError for intersections and
    differences, which it cannot say, and for what would become endless."""
    found = _render(expression)
    if len(found) > LONGEST_RENDERED:
        raise SchemaError(f"the regular expression has more than {LONGEST_RENDERED:,} characters: it is too large.")
    return found


def _render(expression: Expression) -> str:
    match expression:
        case Text(text):
            return "".join(_literal(c) for c in text)
        case Chars(ranges):
            return _class(ranges)
        case Then(parts):
            return "".join(f"(?:{render(p)})" if isinstance(p, Either) else render(p) for p in parts)
        case Either(options):
            if not options:
                raise SchemaError("an expression that nothing matches has no notation.")
            return "|".join(render(option) for option in options)
        case Repeat(body, least, most, separator):
            return _render_repeat(render(body), least, most, render(Text(separator)))
        case Listed(parts, separator):
            return _render_listed([(f"(?:{render(p)})", required) for p, required in parts], render(Text(separator)))
        case Field(_, body):
            return f"(?:{render(body)})"
        case Both() | Without():
            raise SchemaError("this schema joins two conditions on one text: it has no regular expression to show.")


def _render_repeat(body: str, least: int, most: int | None, separator: str) -> str:
    counts = lambda a, b: f"{{{a},{'' if b is None else b}}}"
    if not separator or most == 0:
        return f"(?:{body}){counts(least, most)}"
    more = counts(max(least - 1, 0), None if most is None else most - 1)
    found = f"(?:{body})(?:{separator}(?:{body})){more}"
    return f"(?:{found})?" if least == 0 else found


def _render_listed(parts: list[tuple[str, bool]], separator: str) -> str:
    """Each part that may come first, followed by those after it."""
    options = []
    for i, (part, required) in enumerate(parts):
        later = "".join(separator + p if r else f"(?:{separator}{p})?" for p, r in parts[i + 1 :])
        options.append(part + later)
        if sum(map(len, options)) > LONGEST_RENDERED:
            break  # render() refuses it
        if required:
            return f"(?:{'|'.join(options)})"
    return f"(?:{'|'.join([*options, ''])})"


def _literal(character: str) -> str:
    return re.escape(character) if character.isascii() and character.isprintable() else f"\\x{{{ord(character):X}}}"


def _class(ranges: tuple[tuple[int, int], ...]) -> str:
    if not ranges:
        raise SchemaError("a character class that holds nothing has no notation.")
    return "[" + "".join(f"\\x{{{low:X}}}-\\x{{{high:X}}}" for low, high in ranges) + "]"
