"""What a link says of a page's choices: read when the page opens, and written back as they change."""

from collections.abc import Sequence

import streamlit as st


def wanted(name: str, known: Sequence[str], otherwise: str) -> str:
    """The value of ?name= if it is one of `known`."""
    value = st.query_params.get(name, otherwise)
    return value if value in known else otherwise


def follow(name: str, value: str | list[str] | None) -> None:
    """Makes the link say it; None or nothing takes it out of the link."""
    if not value:
        st.query_params.pop(name, None)
    elif st.query_params.get_all(name) != ([value] if isinstance(value, str) else value):
        st.query_params[name] = value
