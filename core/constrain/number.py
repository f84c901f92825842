"""Numbers as JSON spells them, within bounds: expressions over their decimal digits.

A bounded number has no exponent: whether 1e3 lies within a bound cannot be told digit by digit. Decimals are never
computed with, which would round them to the digits of their context.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from core.constrain.expression import DIGIT, Both, Expression, Repeat, Text, chars, either, one_of, optional, then

DIGITS = Repeat(DIGIT)
_NON_ZERO = chars((0x31, 0x39))
_FRACTION = then(".", Repeat(DIGIT, 1))
NATURAL = either("0", then(_NON_ZERO, DIGITS))
INTEGER = then(optional(Text("-")), NATURAL)
NUMBER = then(
    optional(Text("-")),
    NATURAL,
    optional(_FRACTION),
    optional(then(one_of("eE"), optional(one_of("+-")), Repeat(DIGIT, 1))),
)


@dataclass(frozen=True)
class Bounds:
    """None: no bound. `open_low` and `open_high`: the bound itself is outside."""

    low: Decimal | None = None
    high: Decimal | None = None
    open_low: bool = False
    open_high: bool = False

    @property
    def mirrored(self) -> "Bounds":
        low, high = (None if bound is None else bound.copy_negate() for bound in (self.high, self.low))
        return Bounds(low, high, self.open_high, self.open_low)

    def holds(self, number: Decimal) -> bool:
        above = self.low is None or number > self.low or (number == self.low and not self.open_low)
        below = self.high is None or number < self.high or (number == self.high and not self.open_high)
        return above and below


def integers(bounds: Bounds) -> Expression:
    """The whole numbers within the bounds; zero has no sign."""
    zero = [Text("0")] if bounds.holds(Decimal(0)) else []
    return either(*zero, _naturals(bounds), then("-", _naturals(bounds.mirrored)))


def decimals(bounds: Bounds) -> Expression:
    """The numbers within the bounds, spelled without exponent; zero may have a sign."""
    return either(_positives(bounds), then("-", _positives(bounds.mirrored)))


def _naturals(bounds: Bounds) -> Expression:
    """Whole numbers from 1 on, within the bounds."""
    low = 1 if bounds.low is None else max(1, _ceiling(bounds.low, bounds.open_low))
    if bounds.high is None:
        return _from(str(low))
    high = -_ceiling(bounds.high.copy_negate(), bounds.open_high)
    return _between(low, high)


def _ceiling(bound: Decimal, is_open: bool) -> int:
    whole = math.ceil(bound)
    return whole + 1 if is_open and whole == bound else whole


def _from(low: str) -> Expression:
    """Whole numbers without leading zeros, at least `low`."""
    longer = then(_NON_ZERO, Repeat(DIGIT, len(low)))
    return either(longer, _same_length(low, "9" * len(low)))


def _between(low: int, high: int) -> Expression:
    """Whole numbers without leading zeros, from `low` to `high`, both at least 1 digit and positive."""
    options, first = [], low
    while first <= high:
        last = min(high, 10 ** len(str(first)) - 1)
        options.append(_same_length(str(first), str(last)))
        first = last + 1
    return either(*options)


def _same_length(low: str, high: str) -> Expression:
    """Digit strings of one length, from `low` to `high`."""
    if low == high:
        return Text(low)
    if low[0] == high[0]:
        return then(low[0], _same_length(low[1:], high[1:]))
    rest = len(low) - 1
    options = []
    first, last = int(low[0]), int(high[0])
    if low[1:] != "0" * rest:
        options.append(then(low[0], _same_length(low[1:], "9" * rest)))
        first += 1
    if high[1:] != "9" * rest:
        options.append(then(high[0], _same_length("0" * rest, high[1:])))
        last -= 1
    if first <= last:
        options.append(then(chars((0x30 + first, 0x30 + last)), Repeat(DIGIT, rest, rest)))
    return either(*options)


def _positives(bounds: Bounds) -> Expression:
    """Numbers without sign, within the bounds."""
    found: Expression = then(NATURAL, optional(_FRACTION))
    if bounds.low is not None and (bounds.low > 0 or (bounds.low == 0 and bounds.open_low)):
        found = Both(found, _bound(bounds.low, 1, bounds.open_low))
    if bounds.high is not None:
        found = Both(found, _bound(bounds.high, -1, bounds.open_high))
    return found


def _bound(bound: Decimal, side: int, is_open: bool) -> Expression:
    """Numbers without sign beyond `bound` on one side: 1 above, -1 below."""
    if bound < 0:
        return either()
    whole, _, digits = f"{bound:f}".partition(".")
    digits = digits.rstrip("0")
    value = int(whole)
    beyond = _from(str(value + 1)) if side > 0 else either(*(["0"] if value else []), _between(1, value - 1))
    fraction = _fraction(digits, side, is_open)
    return either(then(beyond, optional(_FRACTION)), then(str(value), fraction))


def _fraction(digits: str, side: int, is_open: bool) -> Expression:
    """Fractions, their point included or all of them left out, on one side of 0.`digits`."""
    options = [then(".", _digits(digits, side, is_open))]
    at_zero = not digits and not is_open
    if at_zero or (digits and side < 0):
        options.append(Text(""))
    return either(*options)


def _digits(digits: str, side: int, is_open: bool) -> Expression:
    """Digits after the point, at least one, on one side of `digits`, which does not end in 0."""
    if not digits:
        zeros: list[Expression] = [] if is_open else [Repeat(Text("0"), 1)]
        return either(*zeros, then(Repeat(Text("0")), _NON_ZERO, DIGITS)) if side > 0 else either(*zeros)
    digit, rest = digits[0], digits[1:]
    low, high = (int(digit) + 1, 9) if side > 0 else (0, int(digit) - 1)
    options: list[Expression] = [then(chars((0x30 + low, 0x30 + high)), DIGITS)] if low <= high else []
    end = (not rest and not is_open) or (rest and side < 0)
    options.append(then(digit, either(_digits(rest, side, is_open), *([""] if end else []))))
    return either(*options)
