"""`MaskStore`: the masks of a whole corpus, each different one kept once.

Thirty thousand positions hold a few dozen different masks, so a position is a row number; a mask of few
tokens is kept as their ids, any other as packed bits. Nothing of size positions x vocabulary is ever made.
"""

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np

from core.constrain.engines.constraint import NONE, Constraint, check_bytes
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.forced import Encode, forced_tokens
from core.constrain.tokens import TokenTable
from core.errors import SchemaError

FORCED = -1
SMALL = 256  # tokens; masks that allow no more are kept as ids


class MaskStore:
    """Row n allows `count(n)` tokens."""

    def __init__(self, tokens: TokenTable) -> None:
        self.tokens = tokens
        self._rows: list[np.ndarray] = []  # ids (count,) int32, or packed (words,) uint32
        self._counts: list[int] = []
        self._numbers: dict[tuple[bool, bytes], int] = {}
        self._row_of_state: WeakKeyDictionary[Constraint, dict[int, int]] = WeakKeyDictionary()
        self._merges: dict[tuple[int, int], bool] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def nbytes(self) -> int:
        return sum(row.nbytes for row in self._rows)

    def count(self, number: int) -> int:
        return self._counts[number]

    def ids(self, number: int) -> np.ndarray:
        """The allowed tokens of a row, ascending, int32."""
        row = self._rows[number]
        return row if self._is_small(number) else self.tokens.ids(row)

    def packed(self, numbers: Sequence[int]) -> np.ndarray:
        """Packed rows (len(numbers), words) uint32."""
        found = np.empty((len(numbers), self.tokens.words), np.uint32)
        for row, number in zip(found, numbers):
            kept = self._rows[number]
            row[:] = self.tokens.pack(kept) if self._is_small(number) else kept
        return found

    def allowed(self, numbers: Sequence[int]) -> np.ndarray:
        """Masks (len(numbers), tokens) bool."""
        return self.tokens.unpack(self.packed(numbers))

    def add(self, row: np.ndarray) -> int:
        """The number of a packed row (words,) uint32, the same for equal rows."""
        count = int(np.bitwise_count(row).sum())
        return self._add(self.tokens.ids(row) if count <= SMALL else row, count)

    def rows(
        self, constraint: Constraint, ids: Sequence[int] | np.ndarray, starts: Sequence[int] | np.ndarray = (0,)
    ) -> np.ndarray:
        """The row number (n,) int32 before each token of one or more answers: `ids` (n,) holds them end to end,
        `starts` says where each begins.

        Call it once for a corpus that shares a schema, once an example where each has its own, and in pieces for
        a corpus that does not fit in memory. Raises SchemaError for an answer that its schema refuses, with the
        answer's number, the byte and what was expected there.
        """
        states = self._walk(constraint, ids, starts)
        row = np.empty(states.max(initial=-1) + 1, np.int32)
        visited = np.flatnonzero(np.bincount(states))
        row[visited] = self._rows_of(constraint, visited.tolist())
        return row[states]

    def positions(self, constraint: Constraint, ids: Sequence[int], encode: Encode) -> np.ndarray:
        """As `rows` for one answer, with FORCED for tokens that the schema dictates: where decoding would not
        ask the model. They need neither a mask nor a teacher nor a loss."""
        states = self._walk(constraint, ids, (0,)).tolist()
        free, place, answer = [], 0, list(ids)
        while place < len(answer):
            dictated = forced_tokens(constraint, states[place], encode, self._merges)
            rest = answer[place : place + len(dictated)]  # less than all of it where an answer was cut short
            if rest and dictated[: len(rest)] == rest:
                place += len(rest)
            else:
                free.append(place)
                place += 1
        found = np.full(len(answer), FORCED, np.int32)
        found[free] = self._rows_of(constraint, [states[i] for i in free])
        return found

    def rows_of_states(self, constraint: DfaConstraint) -> np.ndarray:
        """The row number (states,) int32 of every state of an automaton."""
        return np.array(self._rows_of(constraint, range(len(constraint.automaton))), np.int32)

    def _walk(
        self, constraint: Constraint, ids: Sequence[int] | np.ndarray, starts: Sequence[int] | np.ndarray
    ) -> np.ndarray:
        """The state (n,) int32 before each token. Raises as `rows`."""
        tokens = np.asarray(ids, np.int32)
        outside = np.flatnonzero((tokens < 0) | (tokens >= len(self.tokens)))
        if len(outside):
            raise SchemaError(
                f"token id {tokens[outside[0]]} at place {outside[0]} is outside the vocabulary of "
                f"{len(self.tokens):,}: the ids were made by another tokenizer."
            )
        begins = np.asarray(starts, np.int64)
        states, refused = _states(constraint, tokens, begins)
        if refused != NONE:
            raise _refusal(constraint, tokens, begins, refused)
        return states

    def _rows_of(self, constraint: Constraint, states: Sequence[int]) -> list[int]:
        """The row number of each of `states`."""
        if constraint.tokens is not self.tokens:
            raise SchemaError("the constraint reads another tokenizer than the mask store: use one token table.")
        known = self._row_of_state.setdefault(constraint, {})
        fresh = [state for state in dict.fromkeys(states) if state not in known]
        if isinstance(constraint, DfaConstraint):
            counts, ids = constraint.few(np.array(fresh, np.int32), SMALL)
            for state, count, row in zip(fresh, counts.tolist(), ids):
                known[state] = self._add(row[:count], count) if count <= SMALL else self.add(constraint.mask(state))
        else:
            known.update((state, self.add(constraint.mask(state))) for state in fresh)
        return [known[state] for state in states]

    def _add(self, row: np.ndarray, count: int) -> int:
        """`row` as it is kept: ids or packed."""
        key = count <= SMALL, row.tobytes()
        if key not in self._numbers:
            self._numbers[key] = len(self._rows)
            self._rows.append(row.copy())
            self._counts.append(count)
        return self._numbers[key]

    def _is_small(self, number: int) -> bool:
        return self._counts[number] <= SMALL


def _states(constraint: Constraint, ids: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, int]:
    """As `DfaConstraint.states`, for any engine."""
    if isinstance(constraint, DfaConstraint):
        return constraint.states(ids, starts)
    states, begins = np.full(len(ids), NONE, np.int32), set(starts.tolist())
    state = constraint.start
    for i, token in enumerate(ids.tolist()):
        state = constraint.start if i in begins else state
        states[i] = state
        ended = i > 0 and i not in begins and ids[i - 1] == constraint.tokens.eos
        state = NONE if ended else constraint.advance(state, token)
        if state == NONE:
            return states, i
    return states, NONE


def _refusal(constraint: Constraint, ids: np.ndarray, starts: np.ndarray, place: int) -> SchemaError:
    """What was refused at `place`, in terms of the answer's text."""
    answer = int(np.searchsorted(starts, place, side="right")) - 1
    which = f"answer {answer + 1}" if len(starts) > 1 else "the answer"
    begin, tokens = int(starts[answer]), constraint.tokens
    before = ids[begin:place].tolist()
    if tokens.eos in before:
        return SchemaError(f"{which} goes on after its end, at token {place - begin}.")
    token = int(ids[place])
    if not tokens.bytes_of[token] and token != tokens.eos:
        return SchemaError(f"{which} holds the special token {token} at its token {place - begin}.")
    text = b"".join(tokens.bytes_of[i] for i in (*before, token))
    try:
        check_bytes(constraint, text)
    except SchemaError as error:
        return SchemaError(f"{which}, token {place - begin}: {error}")
    return SchemaError(
        f"{which} ends too early for the schema {constraint.name!r}: {text[-40:].decode('utf-8', 'replace')!r}."
    )
