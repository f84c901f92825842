"""The tokens' bytes as flat arrays: `Spellings` in the order of their ids, `Trie` in depth-first order.

Both are plain NumPy, built without a loop over bytes: a quarter of a million tokens take a fraction of a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Spellings:
    """Token i is spelled `byte[offset[i] : offset[i + 1]]`: nothing, for a special token.

    `byte` is uint8 (bytes,), `offset` int64 (tokens + 1,).
    """

    byte: np.ndarray
    offset: np.ndarray


@dataclass(frozen=True, eq=False)
class Trie:
    """All tokens in depth-first order: node i has a byte and a depth; its subtree ends before `end[i]`;
    the tokens spelled by it are `tokens[first[i] : first[i + 1]]`, more than one if they have the same bytes.

    `byte` is uint8 (nodes,), `depth` and `end` int32 (nodes,), `first` int32 (nodes + 1,), and `tokens` int32, the
    ids of all tokens that have bytes.
    """

    byte: np.ndarray
    depth: np.ndarray
    end: np.ndarray
    first: np.ndarray
    tokens: np.ndarray

    @cached_property
    def longest(self) -> int:
        """Bytes of the longest token."""
        return int(self.depth.max(initial=-1)) + 1


def spell(bytes_of: Sequence[bytes]) -> Spellings:
    """The flat bytes of `bytes_of`, in its order."""
    offset = np.zeros(len(bytes_of) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, bytes_of), np.int64, len(bytes_of)), out=offset[1:])
    # A copy, because what `frombuffer` gives is read-only, and to compiled code that is another type.
    return Spellings(np.frombuffer(b"".join(bytes_of), np.uint8).copy(), offset)


def build(bytes_of: Sequence[bytes]) -> Trie:
    """The trie of the tokens `bytes_of[i]`; those without bytes are not in it."""
    tokens = sorted((i for i, text in enumerate(bytes_of) if text), key=bytes_of.__getitem__)
    spellings = spell([bytes_of[i] for i in tokens])
    length = np.diff(spellings.offset)
    token = np.repeat(np.arange(len(tokens)), length)
    position = np.arange(len(token)) - spellings.offset[token]
    # In this order a token shares its beginning with the one before it; the rest of its bytes are new nodes.
    is_node = position >= _shared_with_previous(spellings, token, position)[token]
    depth = position[is_node].astype(np.int32)
    return Trie(
        byte=spellings.byte[is_node],
        depth=depth,
        end=_ends(depth),
        first=np.append(token[is_node], len(tokens)).astype(np.int32),
        tokens=np.array(tokens, np.int32),
    )


def _shared_with_previous(spellings: Spellings, token: np.ndarray, position: np.ndarray) -> np.ndarray:
    """How many bytes each token has in common with the one before it: int64 (tokens,)."""
    if not len(token):
        return np.zeros(0, np.int64)
    byte, offset = spellings.byte, spellings.offset
    length = np.diff(offset, prepend=0)  # of the token before
    before = offset[np.maximum(token - 1, 0)] + position
    differs = (position >= length[token]) | (byte != byte[np.minimum(before, len(byte) - 1)])
    # A token equal to the one before it differs nowhere.
    return np.minimum.reduceat(np.where(differs, position, len(byte)), offset[:-1])


def _ends(depth: np.ndarray) -> np.ndarray:
    """The end of each node's subtree: the next node of its depth, unless its parent's subtree ends before."""
    end = np.empty_like(depth)
    by_depth = np.argsort(depth, kind="stable")
    parents = np.array([-1])
    parents_end = np.array([len(depth)])
    for nodes in np.split(by_depth, np.cumsum(np.bincount(depth))[:-1]):
        parent = np.searchsorted(parents, nodes) - 1
        end[nodes] = np.minimum(np.append(nodes[1:], len(depth)), parents_end[parent])
        parents, parents_end = nodes, end[nodes]
    return end
