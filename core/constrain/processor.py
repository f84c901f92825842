"""A `LogitsProcessor` for `transformers.generate`: every row under its own constraint.

For our engine the state of each row lives beside the logits, on their device: reading a token is a few
gathers, a mask is one more, and nothing waits for the device. Other engines keep their states on the CPU, and
the last tokens go there at each step. Beams may be re-ordered between steps: a row finds its state by its text.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
import torch
from transformers import LogitsProcessor

from core.constrain.engines.constraint import NONE, Constraint
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.masks import MaskStore
from core.constrain.tokens import TokenTable
from core.errors import SchemaError

T = TypeVar("T")
MOST_STATES = 5_000  # automata with more keep their states on the CPU, where only visited ones need a mask


class _States(Protocol):
    """The states of a batch of rows. After its end a row allows eos alone."""

    def begin(self, rows: int, device: torch.device) -> None: ...

    def keep(self, parents: torch.Tensor) -> None:
        """Row i goes on where row `parents[i]` was."""
        ...

    def advance(self, tokens: torch.Tensor) -> None:
        """Each row (rows,) reads its token."""
        ...

    def packed(self) -> torch.Tensor:
        """The masks (rows, bytes) uint8, on the device."""
        ...

    def refused(self) -> torch.Tensor:
        """(rows,) bool: which rows have read a token that their schema refuses."""
        ...


class ConstraintLogitsProcessor(LogitsProcessor):
    """Sets the logits of refused tokens to -inf.

    `prompt_length` is the padded length of the prompts: what comes after it is the answer. With fewer
    constraints than rows, each constraint serves as many neighbouring rows (beams, several answers). Use a new
    processor for every call of `generate`. Raises SchemaError if the constraints read different tokenizers.
    """

    def __init__(self, constraints: Sequence[Constraint], prompt_length: int) -> None:
        if not constraints:
            raise SchemaError("a batch needs at least one constraint.")
        self.tokens = constraints[0].tokens
        if any(c.tokens is not self.tokens for c in constraints):
            raise SchemaError("the constraints of one batch read different tokenizers: give them one token table.")
        automata = list(dict.fromkeys(c for c in constraints if isinstance(c, DfaConstraint)))
        fits = sum(len(c.automaton) for c in automata) <= MOST_STATES
        all_ours = all(isinstance(c, DfaConstraint) for c in constraints)
        self.states: _States = _DeviceStates(constraints, automata) if all_ours and fits else _HostStates(constraints)
        self.constraints = constraints
        self.prompt_length = prompt_length
        self.before: torch.Tensor | None = None  # the answers at the last step

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """`input_ids` (rows, length), `scores` (rows, V); V may be padded beyond the token table."""
        answers = input_ids[:, self.prompt_length :]
        if self.before is None:
            self.states.begin(len(input_ids), scores.device)
            owner = torch.tensor(_spread(range(len(self.constraints)), len(input_ids)), device=scores.device)
            self.siblings = owner[:, None] == owner[None]
            read = 0
        else:
            read = answers.shape[1] - 1
            if len(self.constraints) < len(input_ids):
                same = (answers[:, None, :-1] == self.before[None]).all(-1) & self.siblings
                self.states.keep(same.int().argmax(1))
        for step in range(read, answers.shape[1]):
            self.states.advance(answers[:, step])
        self.before = answers
        allowed = _unpacked(self.states.packed(), scores.shape[1])
        return scores.masked_fill(~allowed, float("-inf"))

    def refused(self) -> list[int]:
        """The rows that hold a token their schema refuses: something else than this processor chose it."""
        return self.states.refused().nonzero().flatten().tolist()


def _unpacked(packed: torch.Tensor, width: int) -> torch.Tensor:
    """Bits (rows, bytes) uint8 as (rows, width) bool; what lies beyond the table is refused."""
    bits = torch.arange(8, dtype=torch.uint8, device=packed.device)
    allowed = ((packed[:, :, None] >> bits) & 1).flatten(1).bool()[:, :width]
    return torch.nn.functional.pad(allowed, (0, width - allowed.shape[1]))


class _DeviceStates:
    """All automata as one table; two states are added, one after the end and one after a refused token."""

    def __init__(self, constraints: Sequence[Constraint], automata: Sequence[DfaConstraint]) -> None:
        self.tokens = constraints[0].tokens
        offsets = np.cumsum([0, *(len(c.automaton) for c in automata)]).tolist()
        self.ended, self.dead = offsets[-1], offsets[-1] + 1
        tables = [_shifted(c.automaton.next_state, offset, self.dead) for c, offset in zip(automata, offsets)]
        self.next_state = np.concatenate([*tables, np.full((2, 256), self.dead, np.int32)])
        self.accepting = np.concatenate([*(c.automaton.accepting for c in automata), [False, False]])
        begin = {id(c): offset + c.start for c, offset in zip(automata, offsets)}
        self.starts = [begin[id(c)] for c in constraints]
        self.row, self.table = _table(automata, self.tokens)

    def begin(self, rows: int, device: torch.device) -> None:
        put = lambda array: torch.from_numpy(array).to(device)
        spellings, reachable = self.tokens.spellings, self.tokens.ids(np.bitwise_or.reduce(self.table.view(np.uint32)))
        self._next_state, self._accepting = put(self.next_state).flatten(), put(self.accepting)
        self._row, self._table = put(self.row), put(self.table)
        self._byte, self._offset = put(spellings.byte), put(spellings.offset)
        self._longest = int(np.diff(spellings.offset)[reachable].max())
        self.state = torch.tensor(_spread(self.starts, rows), device=device)

    def keep(self, parents: torch.Tensor) -> None:
        self.state = self.state[parents]

    def advance(self, tokens: torch.Tensor) -> None:
        """Reads every token byte by byte, all rows at once; shorter tokens wait for the longest that is ever
        allowed."""
        known = tokens.clamp(max=len(self.tokens) - 1)
        begin, end = self._offset[known], self._offset[known + 1]
        unreadable = (begin == end) | (end - begin > self._longest) | (tokens != known)
        state = torch.where(unreadable, self.dead, self.state)
        for place in range(self._longest):
            at = (begin + place).clamp(max=len(self._byte) - 1)
            following = self._next_state[state * 256 + self._byte[at]].long()
            state = torch.where(begin + place < end, following, state)
        at_end = (self.state == self.ended) | ((tokens == self.tokens.eos) & self._accepting[self.state])
        self.state = torch.where(at_end, self.ended, state)

    def packed(self) -> torch.Tensor:
        return self._table.index_select(0, self._row[self.state])

    def refused(self) -> torch.Tensor:
        return self.state == self.dead


class _HostStates:
    """States of any engine; masks go to the device as they are needed."""

    def __init__(self, constraints: Sequence[Constraint]) -> None:
        self.constraints, self.tokens = list(constraints), constraints[0].tokens

    def begin(self, rows: int, device: torch.device) -> None:
        self.device = device
        self.rows: list[Constraint] = _spread(self.constraints, rows)
        self.state = [c.start for c in self.rows]
        self.ended = [False] * rows

    def keep(self, parents: torch.Tensor) -> None:
        order = parents.tolist()
        self.state, self.ended = [self.state[i] for i in order], [self.ended[i] for i in order]

    def advance(self, tokens: torch.Tensor) -> None:
        for i, token in enumerate(tokens.tolist()):
            if not self.ended[i] and self.state[i] != NONE:
                known = token < len(self.tokens)
                self.state[i] = self.rows[i].advance(self.state[i], token) if known else NONE
                self.ended[i] = token == self.tokens.eos and self.state[i] != NONE

    def packed(self) -> torch.Tensor:
        over = [ended or state == NONE for ended, state in zip(self.ended, self.state)]
        end = self.tokens.pack([self.tokens.eos])
        masks = [end if o else c.mask(s) for c, s, o in zip(self.rows, self.state, over)]
        return torch.from_numpy(np.stack(masks).view(np.uint8)).to(self.device)

    def refused(self) -> torch.Tensor:
        return torch.tensor([state == NONE for state in self.state])


def _shifted(next_state: np.ndarray, offset: int, dead: int) -> np.ndarray:
    """A table whose states begin at `offset`."""
    return np.where(next_state == NONE, dead, next_state + offset).astype(np.int32)


def _table(constraints: Sequence[DfaConstraint], tokens: TokenTable) -> tuple[np.ndarray, np.ndarray]:
    """The row of every state (states + 2,) and the different rows (unique, bytes) uint8."""
    store = MaskStore(tokens)
    rows = [store.rows_of_states(c) for c in constraints]
    end = store.add(tokens.pack([tokens.eos]))
    return np.array([*np.concatenate(rows), end, end], np.int64), store.packed(range(len(store))).view(np.uint8)


def _spread(items: Sequence[T], rows: int) -> list[T]:
    """One item a row, neighbours sharing where there are fewer items."""
    if rows % len(items):
        raise SchemaError(f"{rows} rows cannot be shared out among {len(items)} constraints.")
    return [item for item in items for _ in range(rows // len(items))]
