"""What an automaton's edges and states say, in words and in a few characters."""

from collections.abc import Sequence

from core.constrain.picture import Edge, Picture, Ranges
from core.constrain.trail import Place
from ui.components.candidates import visible

SHORT = 34  # characters of a drawn label
_MOST = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)
WHOLE = 40  # texts, or ranges, of one that is not drawn
_NAMED = 6  # characters left out of "any but"


def short(edge: Edge) -> str:
    """An edge's label: the text it writes, the first of a list, or a class of characters."""
    if edge.only is not None:
        return _cut(visible(edge.only))
    if edge.ranges:
        return _cut(" | ".join([classes(edge.ranges), *map(visible, edge.texts)]))
    end = f" … {len(edge.texts)} in all"
    label = " | ".join(map(visible, edge.texts))
    return label if len(label) <= SHORT else label[: SHORT - len(end)].rsplit(" | ", 1)[0] + end


def whole(edge: Edge) -> str:
    """As `short`, but in full: for the card, and for people who cannot see the picture."""
    if edge.only is not None:
        return visible(edge.only)
    texts = [visible(t) for t in edge.texts[:WHOLE]] + ["…"] * (len(edge.texts) > WHOLE)
    parts = ["a character: " + classes(edge.ranges, WHOLE)] if edge.ranges else []
    return " or ".join([*parts, *([f"one of {len(edge.texts)}: {' | '.join(texts)}"] if texts else [])])


def classes(ranges: Ranges, most: int = 5) -> str:
    """Characters as ranges; nearly all of them as what is missing."""
    missing = _missing(ranges)
    if sum(high - low + 1 for low, high in ranges) > _MOST // 2 and len(missing) <= _NAMED:
        return "any character" + (" but " + " ".join(map(_name, missing)) if missing else "")
    parts = [_name(low) if low == high else f"{_name(low)}–{_name(high)}" for low, high in ranges]
    return " ".join(parts[:most]) + (" …" if len(parts) > most else "")


def _missing(ranges: Ranges) -> list[int]:
    """Characters from the blank on that are not among them, one more than can be named at most."""
    found: list[int] = []
    after = 0x20
    for low, high in (*ranges, (_MOST + 1, _MOST + 1)):
        gap = range(max(after, 0x20), low)
        found += [code for code in gap[: _NAMED + 1] if not _SURROGATES[0] <= code <= _SURROGATES[1]]
        after = high + 1
    return found


def _name(code: int) -> str:
    character = chr(code)
    if character == " ":
        return "blank"
    return character if character.isprintable() else f"U+{code:04X}"


def remaining(edge: Edge, written: bytes) -> list[str]:
    """Of the texts of an edge those that can still be written, without what has been."""
    begun = [text.encode() for text in edge.texts if text.encode().startswith(written)]
    return [text[len(written) :].decode("utf-8", "replace") for text in begun]


def progress(edge: Edge, written: bytes) -> tuple[str, str]:
    """How far along an edge an answer is: what has been written, and what may follow."""
    done = visible(written.decode("utf-8", "replace"))
    rest = remaining(edge, written)
    if not rest:
        return done, "the rest of the character"
    return done, _cut(visible(rest[0])) if len(rest) == 1 else _cut(" | ".join(visible(text) for text in rest))


def standing(picture: Picture, place: Place) -> str:
    """Where an answer stands, in words."""
    if place.edge is None:
        end = ", where the answer may end" if place.node in picture.accepting else ""
        return f"State {place.node}{end}"
    done, _ = progress(picture.edges[place.edge], place.written)
    return f"State {place.state}, on the way from state {place.node}: “{done}” has been written"


def may_follow(picture: Picture, place: Place) -> list[str]:
    """What may be written next, a line an edge."""
    if place.edge is not None:
        edge = picture.edges[place.edge]
        rest = remaining(edge, place.written) or ["the rest of the character"]
        return [f"{' | '.join(map(visible, rest))}  → state {edge.target}"]
    lines = [f"{whole(picture.edges[i])}  → state {picture.edges[i].target}" for i in picture.leaving[place.node]]
    return [*lines, "the end"] if place.node in picture.accepting else lines


def spoken(steps: Sequence[int]) -> str:
    """Which tokens of the answer passed, in words."""
    if not steps:
        return "No token of this answer passes it."
    shown = ", ".join(map(str, steps[:12])) + (" and more" if len(steps) > 12 else "")
    return f"Passed by token {shown}." if len(steps) == 1 else f"Passed by tokens {shown}."


def _cut(text: str) -> str:
    return text if len(text) <= SHORT else f"{text[: SHORT - 13]}…{text[-12:]}"
