"""Types, values and fields of a pydantic source text: trees become the objects that they name.

Knows nothing of classes and statements, and computes nothing: what is neither a name nor a constant is refused.
"""

import ast
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from core.constrain.source.names import (
    BOUNDS,
    CONSTRAINED,
    CONTAINERS,
    LENGTHS,
    LIMITS,
    METADATA,
    NUMBER_LIMIT,
    SCALARS,
    SPECIAL,
    TEXTS,
    Scope,
    Where,
    last_line,
    refuse,
    shown,
)


def read_type(node: ast.expr, scope: Scope, where: Where) -> Any:
    """The type an annotation names. Raises SchemaError, with line and path, for all that is not known."""
    scope.spend(1, node, where)
    match node:
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=str() as text):
            return read_type(_quoted(text, node, where), scope, where.into(node))
        case ast.BinOp(op=ast.BitOr()):
            return _union(_alternatives(node), node, scope, where)
        case ast.Name() | ast.Attribute():
            return _named(node, scope, where)
        case ast.Subscript():
            return _subscripted(node, scope, where)
        case ast.Call() if scope.meaning(node.func) in CONSTRAINED:
            return _call(node, scope, where, LIMITS)
    refuse(node, where, f"{shown(node)} is not a type that is known here: name a type, nothing is computed.")


def _quoted(text: str, node: ast.expr, where: Where) -> ast.expr:
    try:
        inner = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        refuse(node, where, f"the text {shown(node)} is not a type: put the name of a type between the quotes.")
    for child in ast.walk(inner):
        if isinstance(child, ast.expr):
            child.lineno = node.lineno
    return inner


def _alternatives(node: ast.expr) -> list[ast.expr]:
    found: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        found.append(node.right)
        node = node.left
    return [node, *reversed(found)]


def _union(nodes: list[ast.expr], node: ast.expr, scope: Scope, where: Where) -> Any:
    if not nodes:
        refuse(node, where, "a Union needs types: write Union[X, Y].")
    return SPECIAL["typing.Union"][tuple(read_type(child, scope, where.into(child)) for child in nodes)]


def _named(node: ast.expr, scope: Scope, where: Where) -> Any:
    name = scope.meaning(node)
    if name in scope.aliases:
        return read_type(scope.aliases[name], scope, where.into(node))
    if found := scope.models.get(name) or scope.forward.get(name) or scope.enums.get(name) or SCALARS.get(name):
        return found
    if name in CONTAINERS:
        return CONTAINERS[name][0]
    if name in SPECIAL:
        refuse(node, where, f"{shown(node)} says nothing by itself: write what it holds in brackets.")
    hint = "use a simple type, list, dict, Literal, Enum, or a class defined in this text"
    refuse(node, where, f"the type {shown(node)} is not known here: {hint}.")


def _subscripted(node: ast.Subscript, scope: Scope, where: Where) -> Any:
    name = scope.meaning(node.value)
    arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "typing.Union":
        return _union(arguments, node, scope, where)
    if name == "typing.Optional" and len(arguments) == 1:
        return SPECIAL[name][read_type(arguments[0], scope, where.into(node))]
    if name == "typing.Literal" and arguments:
        return SPECIAL[name][tuple(_literal(child, scope, where) for child in arguments)]
    if name == "typing.Annotated" and len(arguments) > 1:
        inner = read_type(arguments[0], scope, where.into(node))
        return SPECIAL[name][(inner, *(_metadata(child, inner, scope, where) for child in arguments[1:]))]
    if name in CONTAINERS:
        return _container(name, arguments, node, scope, where)
    refuse(node, where, f"{shown(node)} is not a type that is known here: check its name and what is in the brackets.")


def _container(name: str, arguments: list[ast.expr], node: ast.expr, scope: Scope, where: Where) -> Any:
    origin, count = CONTAINERS[name]
    if origin is tuple:
        match arguments:
            case [item, ast.Constant(value=value)] if value is ...:
                return origin[read_type(item, scope, where.into(item, "[]")), ...]
            case _:
                steps = [f"[{i}]" for i in range(len(arguments))]
    else:
        steps = ["[]"] if count == 1 else [".keys", "[*]"]
        if len(arguments) != count:
            refuse(node, where, f"{shown(node)} holds {len(arguments)} types: {name} takes {count}.")
    held = tuple(read_type(child, scope, where.into(child, step)) for child, step in zip(arguments, steps))
    if steps[:1] == [".keys"] and not _is_text(held[0]):
        refuse(node, where, f"the keys of {shown(node)} are no texts, which a JSON Schema cannot say: use str.")
    return origin[held]


def _is_text(kind: Any) -> bool:
    """Whether all values of the type are texts, and JSON Schema can say which."""
    if get_origin(kind) is Annotated:
        return _is_text(get_args(kind)[0])
    if get_origin(kind) is Literal:
        return all(isinstance(value, str) for value in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return all(isinstance(member.value, str) for member in kind)
    return kind is str


def _literal(node: ast.expr, scope: Scope, where: Where) -> Any:
    value = read_value(node, scope, where)
    if value is not None and not isinstance(value, str | int | Enum):
        refuse(node, where, f"{shown(node)} cannot stand in a Literal: write texts, whole numbers, True, False, None.")
    return value


def _metadata(node: ast.expr, kind: Any, scope: Scope, where: Where) -> Any:
    if isinstance(node, ast.Call) and scope.meaning(node.func) in METADATA:
        return _call(node, scope, where, _limits(kind))
    refuse(node, where, f"{shown(node)} cannot be honoured in Annotated: use Field(…) or StringConstraints(…).")


def read_value(node: ast.expr, scope: Scope, where: Where) -> Any:
    """A constant, a list, tuple or dict of constants, or a member of an Enum. Raises SchemaError for all else."""
    scope.spend(1, node, where)
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return _sane(value, node, where)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -_sane(value, node, where)
        case ast.List():
            return [read_value(child, scope, where) for child in node.elts]
        case ast.Tuple():
            return tuple(read_value(child, scope, where) for child in node.elts)
        case ast.Dict():
            keys = [read_value(key, scope, where) if key else refuse(node, where, "write ** out.") for key in node.keys]
            if not all(isinstance(key, str) for key in keys):
                refuse(node, where, f"a key of {shown(node)} is not a text: put the keys in quotes.")
            return dict(zip(keys, (read_value(value, scope, where) for value in node.values)))
        case ast.Attribute(value=ast.Name(id=name), attr=member) if name in scope.enums:
            if member not in scope.enums[name].__members__:
                refuse(node, where, f"the Enum {name} has no member {member!r}: use one of its members.")
            return scope.enums[name][member]
    refuse(node, where, f"{shown(node)} is not a constant: write the value itself, nothing is computed.")


def read_doc(node: ast.ClassDef, where: Where) -> str | None:
    """The docstring as it stands: pydantic cleans it itself."""
    return _sane(ast.get_docstring(node, clean=False), node, where)


def _sane(value: Any, node: ast.AST, where: Where) -> Any:
    """What JSON could not write is refused here: infinite numbers, endless numbers, half characters."""
    if isinstance(value, int | float) and not abs(value) < NUMBER_LIMIT:
        refuse(node, where, "a number is too large: stay below 2**63.")
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        refuse(node, where, "a text holds half a surrogate pair, which is no character: write the character itself.")
    return value


def read_field(node: ast.expr, kind: Any, scope: Scope, where: Where) -> Any:
    """What stands behind `=` of a field of the type `kind`: a Field, or its default."""
    if isinstance(node, ast.Call) and scope.meaning(node.func) == "pydantic.Field":
        return _call(node, scope, where, _limits(kind))
    return _default(node, scope, where)


def _default(node: ast.expr, scope: Scope, where: Where) -> Any:
    if isinstance(node, ast.Constant) and node.value is ...:
        return ...
    return read_value(node, scope, where)


def _limits(kind: Any) -> set[str]:
    """The limits that say something about values of the type: pydantic drops some of the others in silence."""
    origin = get_origin(kind) or kind
    if origin is Annotated:
        return _limits(get_args(kind)[0])
    if origin is Union:
        inner = [child for child in get_args(kind) if child is not type(None)]
        return _limits(inner[0]) if len(inner) == 1 else set()
    if origin is str:
        return {"pattern", *LENGTHS}
    if origin in (int, float):
        return BOUNDS
    sized = origin in {container for container, _ in CONTAINERS.values()}
    return LENGTHS if sized and (origin is not tuple or get_args(kind)[-1:] in ((), (...,))) else set()


def _call(node: ast.Call, scope: Scope, where: Where, limits: set[str]) -> Any:
    """Field(…), StringConstraints(…), constr(…) and their kind, made from constants."""
    name = scope.meaning(node.func)
    function, honoured = (METADATA | CONSTRAINED)[name]
    arguments: list[Any] = []
    for child in node.args:
        if name == "pydantic.Field":
            arguments.append(_default(child, scope, where))
        elif name == "pydantic.conlist":
            arguments.append(read_type(child, scope, where.into(child, "[]")))
        else:
            refuse(child, where, f"{shown(child)} has no keyword: write name=value.")
    keywords = {}
    for keyword in node.keywords:
        if keyword.arg not in honoured:
            refuse(keyword.value, where, f"the keyword {keyword.arg or '**'!r} cannot be honoured: leave it out.")
        if keyword.arg in LIMITS - limits:
            hint = "leave it out, or put it on the type it means with Annotated"
            refuse(keyword.value, where, f"the keyword {keyword.arg!r} does not suit the type: {hint}.")
        keywords[keyword.arg] = _keyword(keyword.arg, keyword.value, scope, where)
    try:
        return function(*arguments, **keywords)
    except Exception as error:  # pydantic says in its own words which arguments do not go together
        refuse(node, where, f"{shown(node)} is not accepted: {last_line(error)}: change it.")


def _keyword(name: str, node: ast.expr, scope: Scope, where: Where) -> Any:
    if name == "default":
        return _default(node, scope, where)
    if name == "default_factory":
        factory = {"list": list, "dict": dict, "set": set}.get(scope.meaning(node))
        return factory or refuse(node, where, "the default_factory is code, which is never run: use list, dict or set.")
    value = read_value(node, scope, where)
    if name in TEXTS:
        wanted, fits = "a text", isinstance(value, str)
    elif name in LENGTHS:
        wanted, fits = "a whole number that is not negative", type(value) is int and value >= 0
    elif name in BOUNDS:
        wanted, fits = "a number", type(value) in (int, float)  # True is an int to isinstance
    else:
        wanted, fits = "a list", isinstance(value, list)
    return value if fits else refuse(node, where, f"{name} is {shown(node)}, but must be {wanted}: change it.")
