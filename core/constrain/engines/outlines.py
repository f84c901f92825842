"""outlines_core: the token-level index that `outlines` builds of a regular expression. States are its own.

Its keys are the tokens' bytes. It has no limit of time or memory: strings of bounded length can take minutes.
"""

from functools import cached_property
from typing import Any

import numpy as np

from core.constrain.engines.constraint import NONE, Reading
from core.constrain.engines.recent import MASKS_KEPT, Recent
from core.constrain.tokens import TokenTable
from core.errors import SchemaError

# The library loses transitions that leave an accepting state, and of two options of which one begins like
# the other it takes the first alone. A byte that no answer holds makes the end explicit and mends both.
_END = b"\x00"


class OutlinesConstraint:
    engine = "outlines"

    def __init__(self, regex: str, tokens: TokenTable, name: str) -> None:
        self.name, self.tokens = name, tokens
        self._regex = regex
        self._end = len(tokens)  # the id of the end byte, beyond the table's
        self._index = _index(regex, tokens.bytes_of, tokens.eos, name)
        self._masks: Recent[np.ndarray] = Recent(MASKS_KEPT)

    @property
    def start(self) -> int:
        return self._index.get_initial_state()

    def mask(self, state: int) -> np.ndarray:
        row = self._masks.get(state)
        if row is None:
            ids = np.array(self._index.get_allowed_tokens(state), np.int64)
            ids = ids[(ids != self._end) & (ids != self.tokens.eos)]
            row = self.tokens.pack(np.append(ids, self.tokens.eos) if self.may_end(state) else ids)
            self._masks.keep(state, row)
        return row

    def advance(self, state: int, token: int) -> int:
        if token == self.tokens.eos:
            return state if self.may_end(state) else NONE
        following = self._index.get_next_state(state, token)
        return NONE if following is None else following

    def forced(self, state: int) -> bytes:
        return b""

    def may_end(self, state: int) -> bool:
        ended = self._index.get_next_state(state, self._end)
        return ended is not None and self._index.is_final_state(ended)  # [^a]* reads the end byte too

    def read(self, state: int, text: bytes) -> Reading:
        length = 0
        while length < len(text) and text[length] != _END[0]:
            following = self._bytes.get_next_state(state, text[length])
            if following is None:
                break
            state, length = following, length + 1
        ended = self._bytes.get_next_state(state, 256)
        expected = sorted(set(self._bytes.get_allowed_tokens(state)) - {256, *_END})
        return Reading(length, bytes(expected), ended is not None and self._bytes.is_final_state(ended))

    def describe(self, state: int) -> str:
        return ""

    @cached_property
    def _bytes(self) -> Any:
        """The index over single bytes. It names its states by the expression alone, as the one over tokens does."""
        return _index(self._regex, tuple(bytes([i]) for i in range(256)), 257, self.name)


def _index(regex: str, bytes_of: tuple[bytes, ...], eos: int, name: str) -> Any:
    """The index of `regex` and the end byte, whose id is the one after the last token's."""
    from outlines_core import Index, Vocabulary

    ids: dict[bytes, list[int]] = {_END: [len(bytes_of)]}
    for token, text in enumerate(bytes_of):
        if text and _END not in text:
            ids.setdefault(text, []).append(token)
    try:
        return Index(rf"(?:{regex})\x00", Vocabulary(eos, ids))
    except Exception as error:  # bare exceptions of the Rust side
        reason = " ".join(str(error).split()).rstrip(".")
        raise SchemaError(f"the schema {name!r} cannot be compiled by outlines: {reason}.") from error
