import ipaddress
import uuid
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.constrain.compile import compile
from core.constrain.formats import FORMATS

MACHINES = {name: compile(found, name) for name, found in FORMATS.items()}


@given(st.dates(), st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32))
def test_dates(day, year, month, number):
    assert MACHINES["date"].matches(day.isoformat())
    try:
        valid = bool(date(year, month, number))
    except ValueError:
        valid = False
    assert MACHINES["date"].matches(f"{year:04}-{month:02}-{number:02}") == valid


@given(st.datetimes(timezones=st.just(UTC)), st.uuids(), st.ip_addresses(v=4))
def test_what_python_writes(moment: datetime, identifier: uuid.UUID, address: ipaddress.IPv4Address):
    assert MACHINES["date-time"].matches(moment.isoformat())
    assert MACHINES["time"].matches(moment.timetz().isoformat())
    assert MACHINES["uuid"].matches(str(identifier))
    assert MACHINES["ipv4"].matches(str(address))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("date", "2023-02-29"),
        ("date", "1900-02-29"),
        ("date", "2024-2-29"),
        ("date", "0000-01-01"),
        ("date", "0000-02-29"),
        ("date-time", "0000-01-01T00:00:00Z"),
        ("time", "24:00:00Z"),
        ("time", "12:00:00"),
        ("date-time", "2024-01-01 00:00:00Z"),
        ("uuid", "0" * 36),
        ("ipv4", "256.1.1.1"),
        ("ipv4", "01.1.1.1"),
        ("ipv4", "1.1.1"),
    ],
)
def test_refused(name, text):
    assert not MACHINES[name].matches(text)


def test_leap_days():
    assert MACHINES["date"].matches("2000-02-29") and MACHINES["date"].matches("2024-02-29")
