"""From line to line of a table by buttons: no key selects a line in Streamlit's tables."""

from collections.abc import Callable

import streamlit as st


def walk(page: str, what: str, line: int | None, lines: int, go: Callable[[int], None]) -> None:
    """Buttons to `what` before and after the selected `line`, if any; `go` is called with its place among `lines`."""
    at = -1 if line is None else line
    if lines == 1 and at == 0:
        return  # nowhere to go
    with st.container(horizontal=True):
        for name, icon, target in (("Previous", "arrow_upward", at - 1), ("Next", "arrow_downward", at + 1)):
            st.button(
                f"{name} {what}",
                key=f"{page}_{name.lower()}",
                icon=f":material/{icon}:",
                disabled=not 0 <= target < lines,
                on_click=go,
                args=(target,),
            )


def select(table: str, line: int | None) -> None:
    """Selects a line of the table with this key, or none: before it is drawn, or in a callback."""
    st.session_state[table] = {"selection": {"rows": [] if line is None else [line], "columns": [], "cells": []}}
