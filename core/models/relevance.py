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
    return _obstacle(model, name, data) is None


def check(made: BaseModel) -> None:
    """Raises ValueError that names a field which is set and does not matter, and the choice that makes it so."""
    model, data = type(made), dict(made)
    for name, field in model.model_fields.items():
        obstacle = None if data[name] == field.default else _obstacle(model, name, data)
        if obstacle:
            other, choices = obstacle
            value = repr(data[name]) if isinstance(data[name], str) else json.dumps(data[name])
            raise ValueError(
                f"{name} {value} is for the {other} {' or '.join(map(repr, choices))}, this one is "
                f"{data[other]!r}: change the {other}, or leave {name} out"
            )


def _obstacle(model: type[BaseModel], name: str, data: Mapping[str, Any]) -> tuple[str, list[str]] | None:
    """A field that keeps this one from mattering, with the choices under which it would."""
    found = [
        (other, choices) if data[other] not in choices else _obstacle(model, other, data)
        for other, choices in _owners(model, name).items()
    ]
    return found[0] if found and all(found) else None


def _owners(model: type[BaseModel], name: str) -> dict[str, list[str]]:
    """The choices that a description begins with, by the field that offers them."""
    prefix = re.match(r"([a-z_, ]+):", model.model_fields[name].description or "")
    named = [word.strip() for word in prefix[1].split(",")] if prefix else []
    others = {other: options(field) for other, field in model.model_fields.items() if other != name}
    owners = {other: [c for c in named if c in offered] for other, offered in others.items()}
    return {other: choices for other, choices in owners.items() if choices}
