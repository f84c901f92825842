import json
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from core.constrain import number
from core.constrain.compile import compile
from core.constrain.number import Bounds
from core.errors import SchemaError

bounds = st.none() | st.integers(-1200, 1200) | st.decimals(-30, 30, places=3)


def machine(expression):
    try:
        return compile(expression, "n")
    except SchemaError:
        return None


@given(bounds, bounds, st.booleans(), st.booleans(), st.lists(st.integers(-1300, 1300)))
def test_integers(low, high, open_low, open_high, values):
    found = Bounds(*(None if b is None else Decimal(b) for b in (low, high)), open_low, open_high)
    accepted = machine(number.integers(found))
    for value in [*values, 0, *(int(b) + d for b in (low, high) if b is not None for d in (-1, 0, 1))]:
        assert (accepted is not None and accepted.matches(str(value))) == found.holds(Decimal(value))
    assert accepted is None or not any(accepted.matches(t) for t in ("-0", "00", "01", "", "-", "1.0", "+1"))


near = st.tuples(st.sampled_from([-1, 0, 1]), st.integers(0, 5))


@given(bounds, bounds, st.booleans(), st.booleans(), st.lists(st.decimals(-31, 31, places=4)), near)
@example(Decimal("0.5"), Decimal("0.75"), True, False, [Decimal("0.50"), Decimal("0.7500")], (1, 1))
def test_decimals(low, high, open_low, open_high, values, step):
    found = Bounds(*(None if b is None else Decimal(b) for b in (low, high)), open_low, open_high)
    accepted = machine(number.decimals(found))
    close = [Decimal(b) + step[0] * Decimal(10) ** -step[1] for b in (low, high) if b is not None]
    for value in [*values, *close, Decimal(0), Decimal("-0.0"), *(Decimal(b) for b in (low, high) if b is not None)]:
        for text in {f"{value:f}", f"{value.normalize():f}", *([f"{value:f}00"] if "." in f"{value:f}" else [])}:
            if "." in text or text == str(int(value)):
                assert (accepted is not None and accepted.matches(text)) == found.holds(value), text


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers())
def test_every_number_that_json_writes(value, whole):
    assert compile(number.NUMBER, "n").matches(json.dumps(value))
    assert compile(number.INTEGER, "n").matches(json.dumps(whole))
    assert not any(compile(number.NUMBER, "n").matches(t) for t in ("01", "1.", ".5", "1e", "--1", "", "NaN", "٣"))


def test_bounds_of_many_digits_are_exact():
    high = 10**30 + 1
    for open_high in (False, True):
        found = Bounds(high=Decimal(high), open_high=open_high)
        for accepted in (machine(number.integers(found)), machine(number.decimals(found))):
            assert accepted.matches(str(high)) != open_high
            assert accepted.matches(str(high - 1)) and not accepted.matches(str(high + 1))
            assert accepted.matches(str(-high - 1))
    assert not machine(number.integers(Bounds(high=Decimal(-high)))).matches(str(1 - high))
