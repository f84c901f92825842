"""A configuration as people write it: YAML and `path=value` as plain data, and what is wrong with it in their words."""

import reprlib
from collections.abc import Callable, Sequence
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from core.errors import ConfigError

WORDS = {  # where pydantic speaks of Python
    "extra_forbidden": "there is no such field",
    "float_type": "write a number",
    "int_parsing": "write a whole number in place of {input}",
    "int_type": "write a whole number",
    "model_type": "write its fields, as {{name: value}}",
    "string_pattern_mismatch": "write letters, digits, - and _ alone, 41 at most",
    "string_type": "write a text, in quotes where YAML reads something else",
    "too_short": "write one at least",
    "tuple_type": "write a list, as [first, second]",
}


def plain(text: str, what: str = "") -> Any:
    """The plain data of a YAML text. Raises ConfigError."""
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{what}not YAML: line {line}: {error.problem}.") from error
    except Exception as error:  # what is no number or no date raises whatever its constructor came upon
        reason = str(error) or type(error).__name__
        raise ConfigError(f"{what}not YAML: {reason.splitlines()[0]}.") from error


def assign(data: Any, path: str, value: Any) -> None:
    """Sets what stands at `path` (keys and places in lists, with dots between) in plain data. Raises ConfigError where
    nothing stands there."""
    *parents, last = path.split(".")
    try:
        for part in parents:
            data = data[int(part)] if isinstance(data, list) else data[part]
        if isinstance(data, list):
            data[int(last)] = value
        elif last in data:
            data[last] = value
        else:
            raise KeyError(last)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise ConfigError(
            f"the configuration has no field {path!r}: say where it stands, as in student.depth or stages.0.epochs."
        ) from error


def dotted(path: Sequence[int | str]) -> str:
    """A field as YAML and the command line name it."""
    return ".".join(map(str, path))


def explain(error: ValidationError, name: Callable[[Sequence[int | str]], str] = dotted) -> str:
    """A validation error in one line: field, reason, field, reason. `name` says what its readers call a field."""
    errors = error.errors()
    lines = []
    for item in errors:
        where = item["loc"]
        if where and any(other["loc"] != where == other["loc"][: len(where)] for other in errors):
            continue  # it follows from what is wrong inside
        lines.append(f"{name(where)}: {_reason(item)}" if where else _reason(item))
    return "; ".join(lines) + "."


def _reason(item: ErrorDetails) -> str:
    if words := WORDS.get(item["type"]):
        return words.format(input=reprlib.repr(item["input"]))
    return item["msg"].removeprefix("Value error, ")
