"""xgrammar: a pushdown automaton over bytes with masks prepared at compile time. JSON Schemas and regular expressions.

It has no limit of time or memory, and passes over in silence most keywords that it does not know (`not`, `if`,
`uniqueItems`, …): what a schema may ask of it has to be checked before.
"""

import json
import os
import re
from typing import Any

import numpy as np

from core.constrain.engines.histories import MatcherConstraint
from core.constrain.tokens import TokenTable, once_per_table, ordinary
from core.errors import SchemaError

# Values without a schema of their own keep a blank after the comma, whatever the separators.
_LOOSE_COMMA = re.compile(r'^(basic_(?:array_items|object_properties) ::= \(\("), ', re.MULTILINE)


class XgrammarConstraint(MatcherConstraint):
    engine = "xgrammar"


def compile(schema: dict[str, Any] | None, regex: str | None, tokens: TokenTable, name: str) -> XgrammarConstraint:
    """Exactly one of a JSON Schema and a regular expression. Raises SchemaError for what the library refuses."""

    def make(table: TokenTable) -> _Matcher:
        from xgrammar import GrammarMatcher

        compiler, allowable = _compiler(table), ordinary(table)
        try:
            if schema is None:
                grammar = compiler.compile_regex(
                    (regex or "").replace(r"\x{", r"\u{")
                )  # its own way to name a character
            else:
                grammar = compiler.compile_grammar(_grammar(schema))
        except Exception as error:  # bare exceptions of the C++ side
            raise SchemaError(f"the schema {name!r} cannot be compiled by xgrammar: {_reason(error)}.") from error
        return _Matcher(GrammarMatcher(grammar), allowable)

    return XgrammarConstraint(name, tokens, make)


def _grammar(schema: dict[str, Any]) -> str:
    from xgrammar import Grammar

    # strict_mode would forbid additional properties that the schema allows.
    grammar = Grammar.from_json_schema(
        json.dumps(schema), any_whitespace=False, separators=(",", ":"), strict_mode=False
    )
    return _LOOSE_COMMA.sub(r"\1,", str(grammar))


@once_per_table
def native(tokens: TokenTable) -> Any:
    """The table as the library has it."""
    from xgrammar import TokenizerInfo, VocabType

    # Tokens without bytes are special to it; any others it takes as they are.
    return TokenizerInfo(list(tokens.bytes_of), VocabType.RAW, stop_token_ids=[tokens.eos])


@once_per_table
def _compiler(tokens: TokenTable) -> Any:
    from xgrammar import GrammarCompiler

    return GrammarCompiler(native(tokens), max_threads=os.cpu_count() or 1, cache_enabled=False)


class _Matcher:
    def __init__(self, matcher: Any, allowable: np.ndarray) -> None:
        self._matcher, self._allowable = matcher, allowable

    def feed(self, token: int) -> bool:
        return self._matcher.accept_token(token)

    def mask(self) -> np.ndarray:
        row = np.full((1, len(self._allowable)), -1, np.int32)
        self._matcher.fill_next_token_bitmask(row)
        return row[0].view(np.uint32) & self._allowable  # it sets the padding bits

    def may_end(self) -> bool:
        return self._matcher.is_completed()

    def forced(self) -> bytes:
        try:
            return self._matcher.find_jump_forward_string().encode()
        except UnicodeDecodeError as error:  # what is forced begins or ends within a character
            return bytes(error.object)

    def copy(self) -> "_Matcher":
        return _Matcher(self._matcher.fork(), self._allowable)


def _reason(error: Exception) -> str:
    """The message without the time, the source file and the line."""
    return " ".join(re.sub(r"^\[[\d:]+\] \S+:\d+: ", "", str(error)).split()).rstrip(".")
