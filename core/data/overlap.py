"""What a held-out set has in common with the training set: the same texts, and texts that are nearly the same."""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SHINGLE = 3  # words
LEAST = 8  # words; in shorter texts a few common words would be enough to look alike
ALIKE = 0.5  # one word changed in the middle of a dozen is still found

_WORDS = re.compile(r"[^\W_]+")
Shingles = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Overlap:
    """Places in the held-out texts. `near` ones are not `exact`."""

    exact: tuple[int, ...]
    near: tuple[int, ...]


def overlap(train: Iterable[str], held_out: Sequence[str]) -> Overlap:
    """Which held-out texts stand in `train`, and which nearly do: they differ in case, blanks or punctuation only,
    or at least half of the three-word shingles of both are common (Broder 1997). Exact, no hashing: 12,000 texts
    against 2,000 take a second or two."""
    texts = set(train)
    words = {text: _words(text) for text in texts}
    normal = set(words.values()) - {()}
    index = _Index([shingles for w in words.values() if (shingles := _shingles(w))])
    exact, near = [], []
    for place, text in enumerate(held_out):
        own = _words(text)
        if text in texts:
            exact.append(place)
        elif own in normal or index.holds_one_like(_shingles(own)):
            near.append(place)
    return Overlap(tuple(exact), tuple(near))


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORDS.findall(unicodedata.normalize("NFKC", text).casefold()))


def _shingles(words: Sequence[str]) -> Shingles:
    if len(words) < LEAST:
        return frozenset()
    return frozenset(tuple(words[i : i + SHINGLE]) for i in range(len(words) - SHINGLE + 1))


class _Index:
    """Sets by what they hold. Two sets that are at least `ALIKE` share one of the rarest elements of either, so only
    sets that do are compared (prefix filtering, Bayardo et al. 2007): phrases that many texts share cost nothing."""

    def __init__(self, sets: Sequence[Shingles]) -> None:
        self.frequency = Counter(element for one in sets for element in one)
        self.holders: dict[tuple[str, ...], list[Shingles]] = defaultdict(list)
        for one in sets:
            for element in self._rarest(one):
                self.holders[element].append(one)

    def _rarest(self, one: Shingles) -> list[tuple[str, ...]]:
        ordered = sorted(one, key=lambda element: (self.frequency[element], element))
        return ordered[: len(one) - math.ceil(ALIKE * len(one)) + 1] if one else []

    def holds_one_like(self, one: Shingles) -> bool:
        candidates = {other for element in self._rarest(one) for other in self.holders.get(element, ())}
        return any(len(one & other) >= ALIKE * len(one | other) for other in candidates)
