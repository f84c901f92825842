"""What the names in a pydantic source text mean: tables, the names of one text, and how a text is refused.

A name means what the tables say, or a class or alias of the same text. Nothing is run or imported to find out.
"""

import ast
import collections.abc
import datetime
import typing
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from typing import Any, ForwardRef, NoReturn

import pydantic
from pydantic import BaseModel

from core.errors import SchemaError

MODULES = {"collections.abc", "datetime", "enum", "pydantic", "typing", "typing_extensions", "uuid", "__future__"}
SPECIAL: dict[str, Any] = {
    f"typing.{name}": getattr(typing, name) for name in ("Annotated", "Literal", "Optional", "TypeAlias", "Union")
}
SCALARS: dict[str, Any] = {
    **{kind.__name__: kind for kind in (bool, float, int, str)},
    **{f"datetime.{kind.__name__}": kind for kind in (datetime.date, datetime.datetime, datetime.time)},
    **{
        f"pydantic.{name}": getattr(pydantic, name)
        for name in (
            "NegativeFloat", "NegativeInt", "NonNegativeFloat", "NonNegativeInt", "NonPositiveFloat", "NonPositiveInt",
            "PositiveFloat", "PositiveInt", "StrictBool", "StrictFloat", "StrictInt", "StrictStr",
        )
    },
    "typing.Any": Any,
    "uuid.UUID": uuid.UUID,
}  # fmt: skip
CONTAINERS: dict[str, tuple[Any, int | None]] = {  # and how many types stand in the brackets
    **{kind.__name__: (kind, 1) for kind in (frozenset, list, set)},
    **{"dict": (dict, 2), "tuple": (tuple, None), "typing.Dict": (dict, 2), "typing.Tuple": (tuple, None)},
    **{"typing.FrozenSet": (frozenset, 1), "typing.List": (list, 1), "typing.Set": (set, 1)},
    **{f"{module}.Sequence": (collections.abc.Sequence, 1) for module in ("collections.abc", "typing")},
    **{f"{module}.Mapping": (collections.abc.Mapping, 2) for module in ("collections.abc", "typing")},
}
BOUNDS = {"ge", "gt", "le", "lt", "multiple_of"}
LENGTHS = {"min_length", "max_length"}
LIMITS = {"pattern", *BOUNDS, *LENGTHS}
TEXTS = {"alias", "description", "discriminator", "pattern", "title"}
METADATA: dict[str, tuple[Callable[..., Any], set[str]]] = {  # and the keywords that are honoured
    "pydantic.Field": (pydantic.Field, {"default", "default_factory", "examples", *BOUNDS, *LENGTHS, *TEXTS}),
    "pydantic.StringConstraints": (pydantic.StringConstraints, {"pattern", *LENGTHS}),
}
CONSTRAINED: dict[str, tuple[Callable[..., Any], set[str]]] = {
    "pydantic.constr": (pydantic.constr, {"pattern", *LENGTHS}),
    "pydantic.conint": (pydantic.conint, BOUNDS),
    "pydantic.confloat": (pydantic.confloat, BOUNDS),
    "pydantic.conlist": (pydantic.conlist, LENGTHS),
}
ENUMS: dict[str, Any] = {"enum.Enum": Enum, "enum.IntEnum": IntEnum, "enum.StrEnum": StrEnum}
CLASSES = (*ENUMS, "enum.auto", "pydantic.BaseModel", "pydantic.ConfigDict")
# What a bare name means where the text forgot the import.
BARE = {name.rpartition(".")[2]: name for name in (*SCALARS, *CONTAINERS, *METADATA, *CONSTRAINED, *CLASSES, *SPECIAL)}
NEVER_RUN = "is code, and code of the text is never run, so a rule in it could not be kept: leave it out."
TYPES_LIMIT, DEPTH_LIMIT, NUMBER_LIMIT = 20_000, 30, 2**63


@dataclass(frozen=True)
class Where:
    """Path of a value inside the schema, for messages; it cannot become deeper than `DEPTH_LIMIT`."""

    path: str
    depth: int = 0

    def into(self, node: ast.AST, step: str = "") -> "Where":
        if self.depth == DEPTH_LIMIT:
            refuse(node, self, f"types are nested more than {DEPTH_LIMIT} deep, or an alias holds itself: unfold them.")
        return Where(self.path + step, self.depth + 1)


@dataclass
class Scope:
    """The names of one text, and what of them has been made."""

    imports: dict[str, str] = field(default_factory=dict)  # name in the text -> module, or module.name
    aliases: dict[str, ast.expr] = field(default_factory=dict)
    forward: dict[str, ForwardRef] = field(default_factory=dict)  # every model
    models: dict[str, type[BaseModel]] = field(default_factory=dict)  # those made so far
    enums: dict[str, type[Enum]] = field(default_factory=dict)
    spent: int = 0

    def spend(self, amount: int, node: ast.AST, where: Where) -> None:
        """Aliases and base classes may be repeated so that a short text would ask for endless work."""
        self.spent += amount
        if self.spent > TYPES_LIMIT:
            refuse(node, where, f"the text comes to more than {TYPES_LIMIT:,} types and values: make it smaller.")

    def meaning(self, node: ast.expr) -> str:
        """Full name, such as `typing.Optional`, of a dotted name; empty if it is no name."""
        attributes = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        first = self.imports.get(node.id) or (node.id if attributes else BARE.get(node.id, node.id))
        return ".".join([first, *reversed(attributes)])


def refuse(node: ast.AST, where: Where, message: str) -> NoReturn:
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
    raise SchemaError(f"line {line}: {where.path}: {message}", line, column)


def shown(node: ast.AST) -> str:
    """The code, for a message: its first line, not too long."""
    try:
        text = ast.unparse(node).partition("\n")[0]
    except ValueError:  # numbers of endless digits, and a few f-strings
        return "this"
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


def last_line(error: Exception) -> str:
    """What pydantic has to say: its messages begin with where it was and end with a link."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and "For further" not in line]
    return lines[-1].rstrip(".") if lines else type(error).__name__
