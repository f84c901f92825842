"""llguidance: an Earley parser over bytes with lazily built lexers. JSON Schemas and regular expressions.

Its own limits keep grammars, lexers and single steps from growing without end; a grammar that meets one is
refused with its reason, at compile time or later.
"""

import json
import re
from typing import Any

import numpy as np

from core.constrain.engines.histories import MatcherConstraint
from core.constrain.engines.plain_schema import plain
from core.constrain.tokens import TokenTable, once_per_table, ordinary
from core.errors import SchemaError

# Forcing would narrow masks to one spelling of forced bytes, by a tokenisation that a table does not know.
_OPTIONS = '%llguidance {"no_forcing": true}\n'
_SERIALISATION = {
    "whitespace_flexible": False,
    "item_separator": ",",
    "key_separator": ":",
    # Without \uXXXX: an additional key "\u0061" would pass for another one than the property "a".
    "json_allowed_escapes": 'bfnrt"\\',
}
_MAX_LEXER_STATES = 50_000  # one or two kB each


class LlguidanceConstraint(MatcherConstraint):
    engine = "llguidance"


def compile(schema: dict[str, Any] | None, regex: str | None, tokens: TokenTable, name: str) -> LlguidanceConstraint:
    """Exactly one of a JSON Schema and a regular expression. Raises SchemaError for what it cannot honour."""
    rules = grammar(schema, regex, name)
    return LlguidanceConstraint(name, tokens, lambda table: _make(rules, table, name))


def grammar(schema: dict[str, Any] | None, regex: str | None, name: str) -> str:
    """In the library's own notation. Raises SchemaError for what it would not hold exactly."""
    return _OPTIONS + f"start: {_json_rule(schema) if schema is not None else _regex_rule(regex or '', name)}"


def _json_rule(schema: dict[str, Any]) -> str:
    # The library's own options come last: a schema cannot switch its strictness off.
    return "%json " + json.dumps({**plain(schema), "x-guidance": _SERIALISATION})


def _regex_rule(regex: str, name: str) -> str:
    from llguidance import regex_to_lark

    if (len(regex) - len(regex.rstrip("\\"))) % 2:  # the conversion would drop it
        raise SchemaError(f"the schema {name!r} cannot be held by llguidance: it ends in a backslash.")
    return f"/{regex_to_lark(regex, use_ascii='dw')}/"


def _make(rules: str, tokens: TokenTable, name: str) -> "_Matcher":
    from llguidance import LLMatcher, LLParserLimits

    limits = LLParserLimits(max_lexer_states=_MAX_LEXER_STATES, verbose_errors=False)
    tokenizer, allowable = native(tokens)
    matcher = _Matcher(LLMatcher(tokenizer, rules, log_level=0, limits=limits), allowable, name)
    matcher.check()
    return matcher


class _Tokens:
    """What LLTokenizer asks of a tokenizer."""

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(self, table: TokenTable) -> None:
        self.tokens = list(table.bytes_of)
        self.eos_token_id = table.eos
        self.special_token_ids = [i for i, text in enumerate(table.bytes_of) if not text]

    def __call__(self, text: str) -> list[int]:
        raise NotImplementedError("nothing is tokenised where nothing is forced")


@once_per_table
def native(tokens: TokenTable) -> tuple[Any, np.ndarray]:
    """The table as the library has it, and the packed row of all that a mask may hold."""
    from llguidance import LLTokenizer

    wrapper: Any = _Tokens(tokens)
    return LLTokenizer(wrapper), ordinary(tokens)


class _Matcher:
    def __init__(self, matcher: Any, allowable: np.ndarray, name: str) -> None:
        self._matcher, self._allowable, self._name = matcher, allowable, name

    def feed(self, token: int) -> bool:
        if self._matcher.try_consume_tokens([token]):
            return True
        self.check()
        return False

    def mask(self) -> np.ndarray:
        row = np.frombuffer(self._matcher.compute_bitmask(), np.uint32)[: len(self._allowable)]
        if self._matcher.get_error().startswith("NoExtensionBias"):
            return np.zeros_like(row)
        self.check()
        return row & self._allowable

    def may_end(self) -> bool:
        return self._matcher.is_accepting()

    def forced(self) -> bytes:
        return self._matcher.compute_ff_bytes()

    def copy(self) -> "_Matcher":
        return _Matcher(self._matcher.deep_copy(), self._allowable, self._name)

    def check(self) -> None:
        """Raises SchemaError if the library gave up; it would allow nothing but eos from there on."""
        if self._matcher.is_error():
            reason = _reason(self._matcher.get_error())
            raise SchemaError(f"the schema {self._name!r} cannot be held by llguidance: {reason}.")


def _reason(error: str) -> str:
    """The line that says it, of a message with source excerpts."""
    if inner := re.search(r"^error: (.+)$", error, re.MULTILINE):
        return inner[1]
    first = error.strip().splitlines()[0]
    return re.sub(r"^(at \d+\(\d+\): )?(failed to compile JSON schema: )?", "", first).rstrip(".")
