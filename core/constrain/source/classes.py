"""Classes of a pydantic source text, made anew from what their bodies name: Enums and models.

A class may hold members, fields and `model_config`; whatever else stands in it is code and is refused.
"""

import ast
import enum
import types
from typing import Any

from pydantic import BaseModel

from core.constrain.source.names import ENUMS, NEVER_RUN, Scope, Where, last_line, refuse, shown
from core.constrain.source.types import read_doc, read_field, read_type, read_value

CONFIG = {"extra": str, "frozen": bool, "populate_by_name": bool, "title": str}
MIXED_IN: dict[str, type] = {"float": float, "int": int, "str": str}


def _body(statement: ast.ClassDef, where: Where) -> list[ast.Assign | ast.AnnAssign]:
    """The assignments of a class that holds nothing else but texts."""
    for outside in statement.decorator_list:
        refuse(outside, where, f"the decorator {shown(outside)} {NEVER_RUN}")
    for keyword in statement.keywords:
        refuse(keyword.value, where, "the class line takes no keywords here: write model_config = ConfigDict(…).")
    found: list[ast.Assign | ast.AnnAssign] = []
    for line in statement.body:
        match line:
            case ast.Assign(targets=[ast.Name()]) | ast.AnnAssign(target=ast.Name(), simple=1):
                found.append(line)
            case ast.Pass() | ast.Expr(value=ast.Constant(value=str())):
                pass
            case ast.Expr(value=ast.Constant(value=value)) if value is ...:
                pass
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                decorators = "".join(f"@{shown(outside)} " for outside in line.decorator_list)
                refuse(line, where, f"{decorators}def {name} {NEVER_RUN}")
            case ast.ClassDef(name=name):
                refuse(line, where, f"the class {name!r} stands inside a class: move it to the outermost level.")
            case _:
                refuse(line, where, f"{shown(line)} {NEVER_RUN}")
    return found


def _target(line: ast.Assign | ast.AnnAssign) -> str:
    target = line.targets[0] if isinstance(line, ast.Assign) else line.target
    return target.id if isinstance(target, ast.Name) else ""


def read_enum(statement: ast.ClassDef, scope: Scope) -> type[enum.Enum]:
    """The Enum that the statement defines. Raises SchemaError, with the line, for what is no member of one."""
    where = Where(statement.name)
    bases = [scope.meaning(base) for base in statement.bases]
    if bases[-1] not in ENUMS or bases[:-1] not in ([], *([name] for name in MIXED_IN)):
        refuse(statement, where, "an Enum derives from Enum, StrEnum, IntEnum or (str, Enum): change its bases.")
    kind = MIXED_IN[bases[0]] if len(bases) > 1 else {"enum.StrEnum": str, "enum.IntEnum": int}.get(bases[-1])
    members = [_member(line, kind, scope, where) for line in _body(statement, where)]
    if not members:
        refuse(statement, where, 'the Enum has no member: write RED = "red".')
    try:
        made = ENUMS[bases[-1]](statement.name, members, type=kind if len(bases) > 1 else None)
    except Exception as error:  # names that an Enum cannot have, and values that its type cannot hold
        refuse(statement, where, f"not an Enum: {last_line(error)}: change its members.")
    made.__doc__ = read_doc(statement, where)
    return made


def _member(line: ast.Assign | ast.AnnAssign, kind: type | None, scope: Scope, where: Where) -> tuple[str, Any]:
    name = _target(line)
    if isinstance(line, ast.AnnAssign) or name.startswith("_"):
        refuse(line, where, f"{shown(line)} is not a member of an Enum: write NAME = value.")
    if isinstance(line.value, ast.Call) and scope.meaning(line.value.func) == "enum.auto" and not line.value.args:
        return name, enum.auto()
    value = read_value(line.value, scope, where)
    if not isinstance(value, str | int | float) or (kind and isinstance(value, str) != (kind is str)):
        refuse(line, where, f"{shown(line)}: the value does not suit the Enum: write a text or a number of its type.")
    return name, value


def read_model(statement: ast.ClassDef, scope: Scope) -> type[BaseModel]:
    """The model that the statement defines. Raises SchemaError, with line and path, for what cannot be honoured."""
    where = Where(statement.name)
    bases = tuple(_base(base, scope, where) for base in statement.bases)
    if not bases:
        refuse(statement, where, "the class derives from nothing: write class Name(BaseModel).")
    held: dict[str, Any] = {"__doc__": read_doc(statement, where)}
    annotations: dict[str, Any] = {}
    lines: dict[str, ast.stmt] = {}
    for line in _body(statement, where):
        name = _target(line)
        inner = Where(f"{statement.name}.{name}")
        if name in lines or name in held:
            refuse(line, inner, "it is defined twice: leave one out.")
        if isinstance(line, ast.Assign) and name == "model_config":
            held[name] = _config(line.value, scope, inner)
            continue
        if isinstance(line, ast.Assign):
            refuse(line, inner, f"{shown(line)} is a field without a type: write {name}: TYPE = value.")
        if name.startswith("_"):
            refuse(line, inner, "a name that begins with _ is private and no part of an answer: leave it out.")
        lines[name], annotations[name] = line, read_type(line.annotation, scope, inner)
        if line.value is not None:
            held[name] = read_field(line.value, annotations[name], scope, inner)
    return _checked(statement, bases, annotations, held, lines)


def _base(node: ast.expr, scope: Scope, where: Where) -> type[BaseModel]:
    name = scope.meaning(node)
    if name == "pydantic.BaseModel":
        return BaseModel
    if name not in scope.models:
        refuse(node, where, f"the base class {shown(node)} is not known here: use BaseModel or a model defined above.")
    scope.spend(len(scope.models[name].model_fields), node, where)
    return scope.models[name]


def _config(node: ast.expr, scope: Scope, where: Where) -> dict[str, Any]:
    match node:
        case ast.Call(func=function, args=[]) if scope.meaning(function) == "pydantic.ConfigDict":
            entries = {keyword.arg or "**": keyword.value for keyword in node.keywords}
        case ast.Dict():
            entries = {
                str(key.value) if isinstance(key, ast.Constant) else "**": v for key, v in zip(node.keys, node.values)
            }
        case _:
            refuse(node, where, f'{shown(node)} is not a configuration: write ConfigDict(extra="forbid").')
    for key, child in entries.items():
        if key not in CONFIG:
            refuse(child, where, f"the keyword {key!r} cannot be honoured: leave it out.")
    config = {key: read_value(child, scope, where) for key, child in entries.items()}
    for key, value in config.items():
        if not isinstance(value, CONFIG[key]):
            refuse(node, where, f"the keyword {key!r} must be of type {CONFIG[key].__name__}: change its value.")
    return config


def _checked(
    statement: ast.ClassDef,
    bases: tuple[type[BaseModel], ...],
    annotations: dict[str, Any],
    held: dict[str, Any],
    lines: dict[str, ast.stmt],
) -> type[BaseModel]:
    """The class; where pydantic refuses it, the field at fault is found by making each one alone."""
    made = _made(statement.name, bases, annotations, held)
    if not isinstance(made, str):
        return made
    for name, line in lines.items():
        alone = {name: held[name]} if name in held else {}
        complaint = _made(statement.name, (BaseModel,), {name: annotations[name]}, alone)
        if isinstance(complaint, str):
            refuse(line, Where(f"{statement.name}.{name}"), f"pydantic refuses it: {complaint}: change it.")
    refuse(statement, Where(statement.name), f"pydantic refuses the class: {made}: change it.")


def _made(
    name: str, bases: tuple[type[BaseModel], ...], annotations: dict[str, Any], held: dict[str, Any]
) -> type[BaseModel] | str:
    """As a class statement would, in a module that does not exist and so holds no names; or why pydantic refuses."""
    body = {"__module__": "pasted", "__qualname__": name, "__annotations__": annotations, **held}
    try:
        return types.new_class(name, bases, exec_body=lambda namespace: namespace.update(body))
    except RecursionError:
        raise
    except Exception as error:  # pydantic's own words for types and constraints that do not go together
        return last_line(error)
