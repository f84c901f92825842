"""Constraints over libraries whose matchers move as they read: a state is the history of tokens read.

`MatcherConstraint` gives histories numbers and keeps a few matchers at the states used last; any other state
is reached by replaying its tokens. What an engine adds is a `Matcher` around its own.
"""

from array import array
from collections.abc import Callable
from functools import cached_property
from threading import RLock
from typing import Protocol

import numpy as np

from core.constrain.engines.constraint import NONE, Reading
from core.constrain.engines.recent import MASKS_KEPT, Recent
from core.constrain.tokens import BYTES, TokenTable
from core.errors import SchemaError

MATCHERS_KEPT = 16  # as many answers as may be written side by side without replaying


class Matcher(Protocol):
    """One reader of a grammar over a TokenTable, somewhere in an answer."""

    def feed(self, token: int) -> bool:
        """Moves over a token that is neither eos nor special; False, and where it was, if refused."""
        ...

    def mask(self) -> np.ndarray:
        """As `Constraint.mask`; all zeros where no token can follow."""
        ...

    def may_end(self) -> bool: ...

    def forced(self) -> bytes:
        """The bytes that must come next, given that the answer may not end here."""
        ...

    def copy(self) -> "Matcher": ...


class MatcherConstraint:
    """A constraint made of matchers. Safe to share between threads: matchers are not."""

    engine: str
    start = 0

    def __init__(self, name: str, tokens: TokenTable, make: Callable[[TokenTable], Matcher]) -> None:
        """`make` compiles the grammar for a vocabulary. Raises SchemaError if it allows no answer."""
        self.name, self.tokens = name, tokens
        self._make = make
        self._root = make(tokens)
        self._parent = array("q", [NONE])
        self._token = array("q", [NONE])
        self._children: dict[int, int] = {}  # state * len(tokens) + token, smaller than a dict of pairs
        self._matchers: Recent[Matcher] = Recent(MATCHERS_KEPT)
        self._byte_matchers: Recent[Matcher] = Recent(MATCHERS_KEPT)
        self._masks: Recent[np.ndarray] = Recent(MASKS_KEPT)
        self._lock = RLock()
        self.mask(self.start)

    def mask(self, state: int) -> np.ndarray:
        """Raises SchemaError if the engine led into a dead end."""
        with self._lock:
            if state not in self._masks:
                row = self._at(state).mask()
                if not row.any():
                    raise SchemaError(f"no answer can match the schema {self.name!r}{self._where(state)}.")
                self._masks.keep(state, row)
            return self._masks[state]

    def advance(self, state: int, token: int) -> int:
        if token == self.tokens.eos:
            return state if self.may_end(state) else NONE
        if not self.tokens.bytes_of[token]:
            return NONE
        key = state * len(self.tokens) + token
        with self._lock:
            if key not in self._children:
                matcher = self._at(state)
                if not matcher.feed(token):
                    return NONE
                self._children[key] = len(self._parent)
                self._parent.append(state)
                self._token.append(token)
                del self._matchers[state]  # it has moved on
                self._matchers.keep(self._children[key], matcher)
            return self._children[key]

    def forced(self, state: int) -> bytes:
        with self._lock:
            matcher = self._at(state)
            return b"" if matcher.may_end() else matcher.forced()

    def may_end(self, state: int) -> bool:
        with self._lock:
            return self._at(state).may_end()

    def read(self, state: int, text: bytes) -> Reading:
        with self._lock:
            matcher = self._byte_matcher(state).copy()
            length = next((i for i, byte in enumerate(text) if not matcher.feed(byte)), len(text))
            expected = np.flatnonzero(BYTES.unpack(matcher.mask())[:256]).astype(np.uint8)
            return Reading(length, expected.tobytes(), matcher.may_end())

    def describe(self, state: int) -> str:
        return ""

    def _at(self, state: int) -> Matcher:
        """The matcher that has read the history of `state`: the nearest one behind it, moved there."""
        path: list[int] = []
        near = state
        while near != self.start and near not in self._matchers:
            path.append(self._token[near])
            near = self._parent[near]
        matcher = self._matchers.pop(near, None) or self._root.copy()
        for token in reversed(path):
            matcher.feed(token)
        self._matchers.keep(state, matcher)
        return matcher

    def _byte_matcher(self, state: int) -> Matcher:
        if state not in self._byte_matchers:
            matcher = self._byte_root.copy()
            for byte in self._history(state):
                matcher.feed(byte)
            self._byte_matchers.keep(state, matcher)
        return self._byte_matchers[state]

    @cached_property
    def _byte_root(self) -> Matcher:
        return self._make(BYTES)

    def _history(self, state: int) -> bytes:
        pieces: list[bytes] = []
        while state != self.start:
            pieces.append(self.tokens.bytes_of[self._token[state]])
            state = self._parent[state]
        return b"".join(reversed(pieces))

    def _where(self, state: int) -> str:
        end = self._history(state)[-40:].decode("utf-8", "replace")
        return f": nothing can follow {end!r}" if end else ""
