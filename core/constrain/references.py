"""What `$ref` leads to inside a JSON Schema."""

import re
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from core.constrain.keywords import NotRegular, draft_of
from core.errors import SchemaError

_INDEX = re.compile("0|[1-9][0-9]{0,9}", re.ASCII)


class References:
    """Of the schema `root`. JSON pointers only: what changes their meaning is refused."""

    def __init__(self, root: Any) -> None:
        self.root = root

    def target(self, name: str, path: str) -> Any:
        """Raises SchemaError if the reference at `path` leads nowhere, NotRegular if nobody here can follow it."""
        if name and not name.startswith("#"):
            raise NotRegular(f"the reference {name!r} at {path} leads out of the schema: put its target into $defs.")
        pointer = unquote(name[1:])
        if pointer and not pointer.startswith("/"):
            raise NotRegular(f"the reference {name!r} at {path} names an anchor: write the path to it, as #/$defs/….")
        if self._moved:
            raise NotRegular(f"the reference {name!r} at {path} depends on {self._moved}: leave that out.")
        target = self.root
        for step in pointer.split("/")[1:]:
            target = _child(target, step.replace("~1", "/").replace("~0", "~"))
            if target is _NOTHING:
                raise SchemaError(f"the reference {name!r} at {path} leads nowhere.")
        return target

    @cached_property
    def _moved(self) -> str:
        """An identifier below the root around a reference, which would be relative to it and not to the root. Looked
        for in values too, because a property may be called `enum` or `default`."""
        keyword = "id" if draft_of(self.root) < 6 else "$id"
        nodes = [(child, "") for child in self.root.values()]
        while nodes:
            node, inside = nodes.pop()
            if isinstance(node, list):
                nodes += [(child, inside) for child in node]
            elif isinstance(node, dict):
                if isinstance(found := node.get(keyword), str) and not found.startswith("#"):
                    inside = f"the {keyword} {found!r} below the root"
                if inside and isinstance(node.get("$ref"), str):
                    return inside
                nodes += [(child, inside) for child in node.values()]
        return ""


_NOTHING = object()


def _child(node: Any, key: str) -> Any:
    if isinstance(node, dict):
        return node.get(key, _NOTHING)
    if isinstance(node, list) and _INDEX.fullmatch(key) and int(key) < len(node):
        return node[int(key)]
    return _NOTHING
