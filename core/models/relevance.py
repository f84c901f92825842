"""Which fields of a configuration mean something under the choices that are made in it.

A field's description says it: one that begins "scratch: …" or "task, logits: …" names the choices, of other fields of
the same model, under which this field means anything.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def options(field: FieldInfo) -> tuple[str, ...]:
    """The choices that a field offers, if it does."""
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def is_relevant(model: type[BaseModel], name: str, data: Mapping[str, Any]) -> bool:
    """Whether a field matters under the choices in `data`, which must matter themselves."""
    return not _ways(model, name, data)


def check(made: BaseModel) -> None:
    """Raises ValueError that names a field which is set and does not matter, and the choice that makes it so."""
    model, data = type(made), dict(made)
    for name, field in model.model_fields.items():
        ways = {} if data[name] == field.default else _ways(model, name, data)
        if ways:
            value = repr(data[name]) if isinstance(data[name], str) else json.dumps(data[name])
            wanted = " or ".join(f"the {other} {' or '.join(map(repr, choices))}" for other, choices in ways.items())
            present = " and ".join(repr(data[other]) for other in ways)
            raise ValueError(
                f"{name} {value} is for {wanted}, this one is {present}: change the {' or the '.join(ways)}, "
                f"or leave {name} out"
            )


def _ways(model: type[BaseModel], name: str, data: Mapping[str, Any]) -> dict[str, list[str]]:
    """The choices, by the field that offers them, under each of which this one would matter; none if it does."""
    found: dict[str, list[str]] = {}
    for other, choices in _owners(model, name).items():
        ways = {other: choices} if data[other] not in choices else _ways(model, other, data)
        if not ways:
            return {}
        found |= ways
    return found


def _owners(model: type[BaseModel], name: str) -> dict[str, list[str]]:
    """The choices that a description begins with, by the field that offers them."""
    prefix = re.match(r"([a-z_, ]+):", model.model_fields[name].description or "")
    named = [word.strip() for word in prefix[1].split(",")] if prefix else []
    others = {other: options(field) for other, field in model.model_fields.items() if other != name}
    owners = {other: [c for c in named if c in offered] for other, offered in others.items()}
    return {other: choices for other, choices in owners.items() if choices}
