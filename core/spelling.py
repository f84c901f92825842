"""How answers are spelled: the one JSON spelling, and what an input leaves open in it."""

import json
import math
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

# An input-conditioned schema: literal text, or a tuple of the texts that may stand there.
Template = tuple[str | tuple[str, ...], ...]

_ENCODER = json.JSONEncoder(ensure_ascii=False)


def serialise(value: BaseModel | Any) -> str:
    """The JSON spelling of data and prompts, and of what grammars allow: no blanks, no ASCII escapes, and no exponents,
    which a grammar has none of within bounds. Raises TypeError for a key that is no text."""
    return _written(value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value)


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{_key(name)}:{_written(child)}" for name, child in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, float) and math.isfinite(value):
        text = f"{Decimal(float.__repr__(value + 0.0)):f}"  # -0.0 as 0.0
        return text if "." in text else f"{text}.0"  # read again it is a float, of any size
    return _ENCODER.encode(value)


def _key(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the key {name!r} is not a text")
    return _ENCODER.encode(name)


def shortest(template: Template) -> str:
    """The shortest text that matches."""
    return "".join(piece if isinstance(piece, str) else min(piece, key=len) for piece in template)
