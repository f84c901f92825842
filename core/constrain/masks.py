"""`MaskStore`: the masks of many positions, each different row kept once.

A corpus of thirty thousand positions holds a few dozen different masks; positions keep a row's number.
"""

import numpy as np

from core.constrain.tokens import TokenTable


class MaskStore:
    """Unique packed rows (rows, words) uint32. Nothing of size positions x vocabulary is ever kept."""

    def __init__(self, tokens: TokenTable) -> None:
        self.tokens = tokens
        self._number: dict[bytes, int] = {}
        self._rows: list[np.ndarray] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: np.ndarray) -> int:
        """The number of a packed row, the same for equal rows."""
        key = row.tobytes()
        if key not in self._number:
            self._number[key] = len(self._rows)
            self._rows.append(row)
        return self._number[key]

    def allowed(self, numbers: list[int]) -> np.ndarray:
        """Masks (len(numbers), tokens) bool."""
        packed = np.stack([self._rows[n] for n in numbers])
        return self.tokens.unpack(packed)
