"""A pydantic source text, as pasted into a form: read with `ast` into the JSON Schema of one of its classes.

The text is never run: its classes are made anew from names and constants that `names.py` knows, and pydantic
writes their schema. What is not known, or would be code, is refused with its line; nothing is skipped.
"""

import ast
from typing import Any, ForwardRef

from pydantic import BaseModel

from core.constrain.source.classes import read_enum, read_model
from core.constrain.source.names import BARE, ENUMS, MODULES, NEVER_RUN, Scope, Where, last_line, refuse, shown
from core.constrain.source.types import read_type
from core.errors import SchemaError

SOURCE_LIMIT, CLASSES_LIMIT = 100_000, 500
TOO_DEEP = "the text is nested too deeply to be read: make it flatter."


def to_json_schema(source: str) -> tuple[str, dict[str, Any]]:
    """Name and JSON Schema of the last model in the text.

    The schema is the one `model_json_schema()` gives. Raises SchemaError, with the line, for what cannot be honoured.
    """
    if len(source) > SOURCE_LIMIT:
        raise SchemaError(f"the text has {len(source):,} characters; the limit is {SOURCE_LIMIT:,}: make it shorter.")
    try:
        models = _models(_parse(source))
        if not models:
            raise SchemaError("the text defines no model: write class Answer(BaseModel): and its fields.")
        name, model = models.popitem()
        return name, _described(model)
    except (RecursionError, MemoryError) as error:
        raise SchemaError(TOO_DEEP) from error


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        message = f"line {line}, column {column}: not Python: {error.msg}: correct the text there."
        raise SchemaError(message, line, column) from error
    except ValueError as error:
        raise SchemaError(f"the text holds characters that are no text: {error}: remove them.") from error


def _described(model: type[BaseModel]) -> dict[str, Any]:
    try:
        return model.model_json_schema()
    except RecursionError:
        raise
    except Exception as error:  # what pydantic can hold but not describe, each an error of its own
        raise SchemaError(f"{model.__name__} cannot be described: {last_line(error)}: change the class.") from error


def _models(tree: ast.Module) -> dict[str, type[BaseModel]]:
    """Every model of the text, in its order. Enums and aliases may be used before the line that defines them."""
    scope, enums, models = _scan(tree)
    for statement in enums:
        scope.enums[statement.name] = read_enum(statement, scope)
    # A number, so that no word of the text reaches pydantic's own evaluation of forward references.
    scope.forward = {statement.name: ForwardRef(f"_class_{i}") for i, statement in enumerate(models)}
    for name, value in scope.aliases.items():
        read_type(value, scope, Where(name))
    for statement in models:
        scope.models[statement.name] = read_model(statement, scope)
    made = {scope.forward[name].__forward_arg__: model for name, model in scope.models.items()}
    for statement in models:
        try:
            scope.models[statement.name].model_rebuild(_types_namespace=made)
        except RecursionError:
            raise
        except Exception as error:
            refuse(statement, Where(statement.name), f"pydantic refuses the class: {last_line(error)}: change it.")
    return scope.models


def _scan(tree: ast.Module) -> tuple[Scope, list[ast.ClassDef], list[ast.ClassDef]]:
    """Imports and aliases, the Enums, the models."""
    scope = Scope()
    classes: dict[str, ast.ClassDef] = {}
    for statement in tree.body:
        match statement:
            case ast.Import() | ast.ImportFrom():
                _import(statement, scope)
            case ast.ClassDef(name=name):
                _claim(name, statement, scope, classes)
                classes[name] = statement
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                _claim(name, statement, scope, classes)
                scope.aliases[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value) if (
                scope.meaning(annotation) == "typing.TypeAlias"
            ):
                _claim(name, statement, scope, classes)
                scope.aliases[name] = value
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(ast.Name(id=name), "model_rebuild"), args=[], keywords=[])
            ) if name in classes:
                pass  # done for every model anyway
            case _:
                refuse(statement, Where("the text"), f"{shown(statement)} {NEVER_RUN}")
    if len(classes) > CLASSES_LIMIT:
        raise SchemaError(f"the text has {len(classes)} classes; the limit is {CLASSES_LIMIT}: make it smaller.")
    is_enum = {name: any(scope.meaning(base) in ENUMS for base in node.bases) for name, node in classes.items()}
    enums = [node for name, node in classes.items() if is_enum[name]]
    return scope, enums, [node for name, node in classes.items() if not is_enum[name]]


def _claim(name: str, node: ast.stmt, scope: Scope, classes: dict[str, ast.ClassDef]) -> None:
    if name in classes or name in scope.aliases:
        refuse(node, Where(name), f"the name {name!r} is defined twice: choose another one.")
    if name in scope.imports or name in BARE or name.startswith("_"):
        refuse(node, Where(name), f"the name {name!r} has a meaning already or begins with _: choose another one.")


def _import(node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
    """Notes what a name means; what it is worth is found out where it is used."""
    for alias in node.names:
        origin = "." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        if origin not in MODULES:
            known = ", ".join(sorted(MODULES))
            refuse(node, Where("the text"), f"the module {origin!r} is not one of {known}: leave the import out.")
        meaning = origin.replace("typing_extensions", "typing")
        if isinstance(node, ast.ImportFrom):
            scope.imports[alias.asname or alias.name] = f"{meaning}.{alias.name}"
        elif alias.asname:
            scope.imports[alias.asname] = meaning
        else:  # `import a.b` binds a
            scope.imports[origin.partition(".")[0]] = meaning.partition(".")[0]
