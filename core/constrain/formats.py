"""Text formats of JSON Schema as expressions: RFC 3339 dates and times, RFC 4122 UUIDs, IPv4 addresses."""

from core.constrain import regex
from core.constrain.expression import Expression

_YEAR = "([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"  # not 0000
_FOUR = "(0[48]|[2468][048]|[13579][26])"  # multiples of four, but not 00
_LEAP = f"([0-9]{{2}}{_FOUR}|{_FOUR}00)"
_DAY = "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
_DATE = f"({_YEAR}-{_DAY}|{_LEAP}-02-29)"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
_OFFSET = "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_TIME = _CLOCK + _OFFSET
_HEX = "[0-9a-fA-F]"
_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"

FORMATS: dict[str, Expression] = {
    "date": regex.parse(_DATE),
    "time": regex.parse(_TIME),
    "date-time": regex.parse(f"{_DATE}T{_TIME}"),
    "uuid": regex.parse(f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"),
    "ipv4": regex.parse(rf"{_BYTE}(\.{_BYTE}){{3}}"),
}

# What Python writes for them: without an offset where none is known. As patterns, which every engine knows.
NAIVE = {"time": f"^{_CLOCK}{_OFFSET}?$", "date-time": f"^{_DATE}T{_CLOCK}{_OFFSET}?$"}
