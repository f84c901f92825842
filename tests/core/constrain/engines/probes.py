"""What the tests of engines ask a constraint: by hand, byte by byte."""

import numpy as np

from core.constrain.engines.constraint import NONE
from core.constrain.tokens import TokenTable

OBJECT = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "é": {"enum": ["x", "xy", "好"]}},
    "required": ["a", "é"],
    "additionalProperties": False,
}
SPECIAL = 257
PIECES = (b'{"', b'"a"', b'":', b"12", b"ab", b"abc", b"ab", b'"}', "é".encode(), b"\xe5\xa5", b"\xff", b"a\x00")


# The 256 bytes, eos, a special token, and pieces: merged, doubled, not whole characters.
TABLE = TokenTable((*(bytes([i]) for i in range(256)), b"", b"", *PIECES), eos=256)


def feed(constraint, text, state=None):
    state = constraint.start if state is None else state
    for byte in text.encode():
        state = constraint.advance(state, byte)
    return state


def allowed(constraint, state):
    return np.flatnonzero(constraint.tokens.unpack(constraint.mask(state))).tolist()


def check_masks(constraint, answer):
    """Every mask along `answer` is what advance() says, token by token."""
    state = constraint.start
    for byte in [*answer.encode(), constraint.tokens.eos]:
        brute = [t for t in range(len(constraint.tokens)) if constraint.advance(state, t) != NONE]
        assert allowed(constraint, state) == brute
        assert byte in brute
        assert (constraint.tokens.eos in brute) == constraint.may_end(state)
        bits = np.unpackbits(constraint.mask(state).view(np.uint8), bitorder="little")
        assert not bits[len(constraint.tokens) :].any()
        state = constraint.advance(state, byte)


def accepts(constraint, text):
    reading = constraint.read(constraint.start, text.encode())
    return reading.length == len(text.encode()) and reading.may_end
