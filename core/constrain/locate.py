"""Where in a JSON Schema's text something stands that a message names by its path."""

import re
from collections.abc import Iterator

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_PATH = re.compile(r"#(?:/[^\s:,;]*)?")


def path_in(message: str) -> str:
    """The last path that a message names, such as `#/properties/age`; empty if it names none."""
    found = _PATH.findall(message)
    return found[-1].rstrip(".'\"") if found else ""


def place_of(text: str, path: str) -> tuple[int, int]:
    """Line and column, from 1, of the value at `path` in a JSON text, or of the nearest one around it. Messages name
    keys as they are, and references as JSON pointers escape them."""
    path = path.replace("~1", "/").replace("~0", "~")
    best, longest = 0, -1
    for found, offset in _values(text):
        inside = path == found or path.startswith(f"{found}/")
        if inside and len(found) > longest:
            best, longest = offset, len(found)
    before = text[:best]
    return before.count("\n") + 1, best - (before.rfind("\n") + 1) + 1


def _values(text: str) -> Iterator[tuple[str, int]]:
    """Path and offset of every value; a key stands for its value."""
    stack: list[list[str | int]] = []  # of each open bracket: its path, and the key or number of what comes next
    key_next, pending = False, ("#", -1)
    for match in _TOKEN.finditer(text):
        token, offset = match[0], match.start()
        if token in "}]":
            if stack:
                stack.pop()
            key_next = False
        elif token == ",":
            key_next = bool(stack) and isinstance(stack[-1][1], str)
            if stack and isinstance(stack[-1][1], int):
                stack[-1][1] += 1
        elif token == ":":
            key_next = False
        elif key_next:
            stack[-1][1] = token[1:-1]
            pending = f"{stack[-1][0]}/{stack[-1][1]}", offset
        else:
            in_list = bool(stack) and isinstance(stack[-1][1], int)
            path, start = (f"{stack[-1][0]}/{stack[-1][1]}", offset) if in_list else pending
            yield path, offset if start < 0 else start
            if token in "{[":
                stack.append([path, "" if token == "{" else 0])
                key_next = token == "{"
