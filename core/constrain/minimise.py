"""The smallest automaton of a language: partition refinement over partial automata.

Valmari, "Fast brief practical DFA minimization" (2012): O(transitions x log states). States that the start
does not reach, or that reach no end, are dropped on the way.
"""

import numpy as np
from numba import njit

from core.constrain.automaton import NONE


def minimise(table: np.ndarray, accepting: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`table` (states, classes) int32 with NONE for no transition, `accepting` (states,) bool.

    Returns the minimal table and accepting states, numbered breadth first from the start (state 0), and
    for every old state its new number or NONE. An empty language gives a table of no states.
    """
    useful = _useful(table, accepting, start)
    number = np.cumsum(useful) - 1
    if not useful[start]:
        return table[:0], accepting[:0], np.full(len(table), NONE, np.int32)
    lookup = np.append(np.where(useful, number, NONE), NONE).astype(np.int32)
    small, ends = lookup[table[useful]], accepting[useful]
    tail, symbol = np.nonzero(small != NONE)
    order = np.argsort(symbol, kind="stable")
    block = _blocks(
        len(small),
        ends,
        tail[order].astype(np.int32),
        symbol[order].astype(np.int32),
        small[tail[order], symbol[order]],
    )
    _, member = np.unique(block, return_index=True)
    merged = np.append(block, NONE)[small[member]].astype(np.int32)
    visited = _breadth_first(merged, int(block[number[start]]))
    renumber = np.full(len(member) + 1, NONE, np.int32)
    renumber[visited] = np.arange(len(visited), dtype=np.int32)
    new = np.append(renumber[block], np.int32(NONE))[lookup[:-1]]
    return renumber[merged[visited]], ends[member][visited], new


@njit(cache=True, nogil=True)
def _useful(table, accepting, start):  # type: ignore[no-untyped-def]
    """States that the start reaches and that reach an end."""
    states, classes = table.shape
    reached = np.zeros(states, np.bool_)
    order = np.empty(states, np.int32)
    order[0], reached[start], count, done = start, True, 1, 0
    arrivals = np.zeros(states + 1, np.int64)
    while done < count:
        for symbol in range(classes):
            target = table[order[done], symbol]
            if target >= 0:
                arrivals[target + 1] += 1
                if not reached[target]:
                    reached[target] = True
                    order[count] = target
                    count += 1
        done += 1
    first = np.cumsum(arrivals)
    filled = first.copy()
    sources = np.empty(first[-1], np.int32)
    for i in range(count):
        for symbol in range(classes):
            target = table[order[i], symbol]
            if target >= 0:
                sources[filled[target]] = order[i]
                filled[target] += 1
    useful = reached & accepting
    stack = np.empty(states, np.int32)
    top = 0
    for state in range(states):
        if useful[state]:
            stack[top] = state
            top += 1
    while top:
        top -= 1
        state = stack[top]
        for i in range(first[state], first[state + 1]):
            if not useful[sources[i]]:
                useful[sources[i]] = True
                stack[top] = sources[i]
                top += 1
    return useful


@njit(cache=True, nogil=True)
def _blocks(states, accepting, tail, symbol, head):  # type: ignore[no-untyped-def]
    """The block of each state. Transitions come sorted by `symbol`. Names follow the paper: a partition is
    its elements `e`, their places `l`, the set `s` each is in, and where sets begin `f` and end `p`."""
    edges = len(tail)
    size = max(states, edges) + 1
    marked = np.zeros(size + 1, np.int32)
    touched = np.empty(size + 1, np.int32)
    be, bl, bs = np.arange(states), np.arange(states), np.zeros(states, np.int64)
    bf, bp = np.zeros(states + 1, np.int64), np.zeros(states + 1, np.int64)
    bp[0] = states
    bz, waiting = 1, 0
    for state in range(states):
        if accepting[state]:
            waiting = _mark(state, be, bl, bs, bf, marked, touched, waiting)
    bz = _split(be, bs, bf, bp, bz, marked, touched, waiting)
    ce, cl, cs = np.arange(edges), np.arange(edges), np.zeros(edges, np.int64)
    cf, cp = np.zeros(edges + 1, np.int64), np.zeros(edges + 1, np.int64)
    cz = 0
    for edge in range(edges):
        if edge == 0 or symbol[edge] != symbol[edge - 1]:
            cf[cz] = edge
            cz += 1
        cs[edge] = cz - 1
        cp[cz - 1] = edge + 1
    first = np.zeros(states + 1, np.int64)
    for edge in range(edges):
        first[head[edge] + 1] += 1
    first = np.cumsum(first)
    filled = first.copy()
    incoming = np.empty(edges, np.int64)
    for edge in range(edges):
        incoming[filled[head[edge]]] = edge
        filled[head[edge]] += 1
    block, cord = 1, 0
    while cord < cz:
        waiting = 0
        for i in range(cf[cord], cp[cord]):
            waiting = _mark(tail[ce[i]], be, bl, bs, bf, marked, touched, waiting)
        bz = _split(be, bs, bf, bp, bz, marked, touched, waiting)
        cord += 1
        while block < bz:
            waiting = 0
            for i in range(bf[block], bp[block]):
                for j in range(first[be[i]], first[be[i] + 1]):
                    waiting = _mark(incoming[j], ce, cl, cs, cf, marked, touched, waiting)
            cz = _split(ce, cs, cf, cp, cz, marked, touched, waiting)
            block += 1
    return bs


@njit(cache=True, nogil=True)
def _mark(element, e, l, s, f, marked, touched, waiting):  # type: ignore[no-untyped-def]  # noqa: E741
    """Moves an element to the front of its set; remembers the set."""
    group, place = s[element], l[element]
    front = f[group] + marked[group]
    if place < front:
        return waiting
    e[place] = e[front]
    l[e[place]] = place
    e[front] = element
    l[element] = front
    if marked[group] == 0:
        touched[waiting] = group
        waiting += 1
    marked[group] += 1
    return waiting


@njit(cache=True, nogil=True)
def _split(e, s, f, p, sets, marked, touched, waiting):  # type: ignore[no-untyped-def]
    """Parts every remembered set into marked and unmarked; the smaller part gets the new number."""
    while waiting:
        waiting -= 1
        group = touched[waiting]
        middle = f[group] + marked[group]
        if middle < p[group]:
            if marked[group] <= p[group] - middle:
                f[sets], p[sets], f[group] = f[group], middle, middle
            else:
                p[sets], f[sets], p[group] = p[group], middle, middle
            for i in range(f[sets], p[sets]):
                s[e[i]] = sets
            marked[sets] = 0
            sets += 1
        marked[group] = 0
    return sets


@njit(cache=True, nogil=True)
def _breadth_first(table, start):  # type: ignore[no-untyped-def]
    states, classes = table.shape
    seen = np.zeros(states, np.bool_)
    order = np.empty(states, np.int32)
    order[0], seen[start], count, done = start, True, 1, 0
    while done < count:
        for symbol in range(classes):
            target = table[order[done], symbol]
            if target >= 0 and not seen[target]:
                seen[target] = True
                order[count] = target
                count += 1
        done += 1
    return order[:count]
