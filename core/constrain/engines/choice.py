"""Which engine holds a schema: ours where it is exact and small enough, llguidance for the rest.

What neither can hold is refused with both reasons; nothing is ever held approximately.
"""

from dataclasses import dataclass
from typing import Literal

from core.constrain import compile as compiler
from core.constrain import regex
from core.constrain.compile import Limits, TooLarge
from core.constrain.engines import llguidance, xgrammar
from core.constrain.engines.constraint import Constraint
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.engines.outlines import OutlinesConstraint
from core.constrain.schema import Schema
from core.constrain.tokens import TokenTable
from core.errors import SchemaError

Engine = Literal["dfa", "llguidance", "outlines", "xgrammar"]


@dataclass(frozen=True)
class Choice:
    """A constraint and why its engine was taken."""

    constraint: Constraint
    reason: str


def choose(schema: Schema, tokens: TokenTable, limits: Limits | None = None) -> Choice:
    """Raises SchemaError if no engine holds the schema exactly."""
    why_not = schema.not_regular
    if not why_not:
        try:
            return Choice(
                build(schema, tokens, "dfa", limits), "the schema is a regular language: an automaton is exact"
            )
        except TooLarge as error:
            why_not = str(error)
    try:
        return Choice(build(schema, tokens, "llguidance"), why_not)
    except SchemaError as error:
        raise SchemaError(f"no engine holds this schema. An automaton: {why_not} llguidance: {error}") from error


def build(schema: Schema, tokens: TokenTable, engine: Engine, limits: Limits | None = None) -> Constraint:
    """A schema in the engine asked for. Raises SchemaError if that engine cannot hold it.

    `dfa` and `llguidance` are exact. The others are there to compare with: `xgrammar` passes over keywords that it does
    not know, and `outlines` never writes a NUL.
    """
    try:
        return _built(schema, tokens, engine, limits)
    except RecursionError as error:
        raise SchemaError(f"the schema {schema.name!r} is nested too deeply for {engine}.") from error


def _built(schema: Schema, tokens: TokenTable, engine: Engine, limits: Limits | None) -> Constraint:
    # A regular expression in plain notation: the dialects differ.
    plain = None if schema.regex is None or schema.expression is None else regex.render(schema.expression)
    if engine == "llguidance":
        return llguidance.compile(schema.json_schema, plain, tokens, schema.name)
    if engine == "xgrammar":
        return xgrammar.compile(schema.json_schema, plain, tokens, schema.name)
    if schema.expression is None:
        raise SchemaError(schema.not_regular)
    if engine == "outlines":
        return OutlinesConstraint(regex.render(schema.expression), tokens, schema.name)
    return DfaConstraint(compiler.compile(schema.expression, schema.name, limits), tokens)
