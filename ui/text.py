"""Text from data and models, figures and errors: none but our own headings is read as HTML or markdown."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
import streamlit as st

from core.errors import StillroomError

# What Streamlit and its markdown look for once the escapes are read: names between colons, addresses, arrows.
_FOUND_LATER = re.compile(r"(?<=[:@])|(?<=www)(?=\.)|(?<=[-<>~])(?=[-=>])", re.IGNORECASE)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Shows an error that the user can mend in place of what it prevented. Code after the block runs on."""
    try:
        yield
    except StillroomError as error:
        show_error(str(error))


def show_error(message: str) -> None:
    st.error("That did not work", icon=":material/error:")
    st.code(message, language=None, wrap_lines=True)


def plain(text: str) -> None:
    """Text as it is, wrapped."""
    st.code(text, language=None, wrap_lines=True)


def literal(text: str) -> str:
    """Text for places that read markdown, so that they show it as it is, in one line. Where an escape does not help
    there is a sign without width (U+200C)."""
    parted = _FOUND_LATER.sub("\u200c", " ".join(text.split()))
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", parted)


def heading(title: str, help: str | None = None) -> None:
    """Over a part of a page's section: quiet to the eye, and a screen reader can jump to it. `title` is markdown."""
    st.markdown(f"#### {title}", help=help, anchors=False)


def whole(text: str) -> int | None:
    """The number that a text is; None if it is none, or has more than nine digits."""
    return int(text) if text.isdecimal() and len(text) < 10 else None


def percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def share(value: float) -> str:
    """As `percent`, but what is not quite nothing or not quite everything is not rounded to it."""
    if value == 0:
        return "0 %"
    if value < 0.00005:
        return "< 0.01 %"
    return "> 99.99 %" if 0.99995 <= value < 1 else percent(value)


def size(megabytes: float) -> str:
    return f"{megabytes:,.1f} MB"


def count(number: int) -> str:
    return f"{number / 1e6:.1f} M" if number >= 1_000_000 else f"{number:,}"


def duration(seconds: float | None) -> str:
    """None, or less than nothing: not known."""
    if seconds is None or seconds < 0:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes}:{rest:02} min" if minutes else f"{rest} s"


def as_cell(text: str) -> str:
    """Text for a table that a spreadsheet may open: what it would run as a formula gets a quote before it (OWASP, CSV
    injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def as_csv(frame: pd.DataFrame) -> str:
    """A table as such a file."""
    texts = frame.select_dtypes(["object", "string"]).columns
    safe = {name: frame[name].map(lambda value: as_cell(value) if isinstance(value, str) else value) for name in texts}
    return frame.assign(**safe).to_csv(index=False)
