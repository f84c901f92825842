import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.constrain.minimise import NONE, minimise

SYMBOLS = 3


@st.composite
def machines(draw):
    states = draw(st.integers(1, 12))
    cell = st.integers(-1, states - 1)
    table = draw(st.lists(st.lists(cell, min_size=SYMBOLS, max_size=SYMBOLS), min_size=states, max_size=states))
    accepting = draw(st.lists(st.booleans(), min_size=states, max_size=states))
    return np.array(table, np.int32), np.array(accepting), draw(st.integers(0, states - 1))


def language(table, accepting, state, depth):
    """Every accepted word of at most `depth` symbols."""
    found = {()} if state != NONE and accepting[state] else set()
    if state != NONE and depth:
        for symbol in range(SYMBOLS):
            rest = language(table, accepting, table[state, symbol], depth - 1)
            found |= {(symbol, *word) for word in rest}
    return found


@given(machines())
def test_same_language_and_no_state_too_many(machine):
    table, accepting, start = machine
    small, ends, new = minimise(table, accepting, start)
    depth = 5
    before = language(table, accepting, start, depth)
    assert (language(small, ends, 0, depth) if len(small) else set()) == before
    # Machines of n and m states that differ do so on a word shorter than n + m: 24 is more than enough here.
    assert len({frozenset(_signature(small, ends, state)) for state in range(len(small))}) == len(small)
    assert all(new[s] == NONE or ends[new[s]] == accepting[s] for s in range(len(table)))


def _signature(table, accepting, state):
    """Moore's classes after as many rounds as there are states: equal for equivalent states only."""
    block = [int(a) for a in accepting]
    for _ in range(len(table)):
        keys = [(block[s], *(block[t] if t != NONE else -1 for t in table[s])) for s in range(len(table))]
        number = {key: i for i, key in enumerate(sorted(set(keys)))}
        block = [number[key] for key in keys]
    return {block[state]}


@given(machines())
def test_every_state_is_useful_and_numbered_breadth_first(machine):
    small, ends, _ = minimise(*machine)
    order, seen = [0], {0}
    for state in order if len(small) else []:
        for target in small[state]:
            if target != NONE and target not in seen:
                seen.add(target)
                order.append(target)
    assert order[: len(small)] == list(range(len(small)))
    assert all(language(small, ends, state, len(small)) for state in range(len(small)) if len(small) < 7)


def test_an_empty_language_has_no_states():
    small, _, new = minimise(np.array([[0, NONE, NONE]], np.int32), np.array([False]), 0)
    assert len(small) == 0 and new.tolist() == [NONE]
