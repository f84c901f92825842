"""The vocabulary as a table: search, filter and sort what a mask did to each token; all that is found as CSV."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from core.constrain.engines.constraint import Constraint
from core.constrain.refusals import ALLOWED
from core.constrain.token_classes import CLASSES, classify
from core.constrain.tokens import TokenTable, once_per_table
from ui.components.candidates import visible
from ui.components.vocabulary_grid import reasons, spelled
from ui.page_tools import linked
from ui.text import as_csv, whole

SHOWN = 300
ANY = "any class"
SHOW = {"all": "All", "allowed": "Allowed", "refused": "Refused"}


@once_per_table
def _texts(tokens: TokenTable) -> pd.Series:
    """Every token's text, by id."""
    return pd.Series([spelled(tokens, i) for i in range(len(tokens))], dtype="object")


def vocabulary_table(constraint: Constraint, state: int, likely: Callable[[], np.ndarray | None], *, key: str) -> None:
    """`likely` gives every token's probability before the mask, or None if it is not known."""
    search, show, kind = _controls(key)
    found = matching(constraint, state, search, show, kind)
    before = likely()
    if before is not None:
        found = found[np.argsort(-before[found], kind="stable")]
    shown = frame(constraint, state, found[:SHOWN], before)
    more = f", the {'likeliest' if before is not None else 'first'} {SHOWN} of them shown" if len(found) > SHOWN else ""
    st.caption(f"{len(found):,} of {len(constraint.tokens):,} tokens{more}.")
    st.dataframe(
        shown,
        hide_index=True,
        height=340,
        key=f"{key}_rows",
        column_config={
            "p before": st.column_config.NumberColumn(format="%.3g"),
            "p after": st.column_config.NumberColumn(format="%.3g"),
        },
    )
    st.download_button(
        "All of them as CSV",
        lambda: as_csv(frame(constraint, state, found, before, exact=True)),
        "tokens.csv",
        "text/csv",
        key=f"{key}_csv",
        icon=":material/download:",
        disabled=not len(found),
        on_click="ignore",
    )


def _controls(key: str) -> tuple[str, str, str]:
    left, middle, right = st.columns([2, 1.4, 1.2], vertical_alignment="bottom")
    linked(f"{key}_search", "")
    linked(f"{key}_show", "all", SHOW)
    linked(f"{key}_class", ANY, (ANY, *CLASSES))
    search = left.text_input(
        "Search tokens", key=f"{key}_search", placeholder="part of a token, or its id", persist_state="session"
    )
    show = middle.segmented_control(
        "Show", list(SHOW), required=True, format_func=SHOW.__getitem__, key=f"{key}_show", persist_state="session"
    )
    kind = right.selectbox("Class", [ANY, *CLASSES], key=f"{key}_class", persist_state="session")
    return search, show or "all", kind


def matching(constraint: Constraint, state: int, search: str, show: str, kind: str) -> np.ndarray:
    """Ids of the tokens that the filters let through, ascending. A number finds the token of that id too."""
    keep = np.ones(len(constraint.tokens), bool)
    if search:
        keep = _texts(constraint.tokens).str.contains(search, case=False, regex=False).to_numpy(bool, copy=True)
        if (number := whole(search)) is not None and number < len(keep):
            keep[number] = True
    if show != "all":
        keep = keep & ((reasons(constraint, state).reason == ALLOWED) == (show == "allowed"))
    if kind in CLASSES:
        keep = keep & (classify(constraint.tokens).kind == CLASSES.index(kind))
    return np.flatnonzero(keep)


def frame(
    constraint: Constraint, state: int, ids: np.ndarray, before: np.ndarray | None, exact: bool = False
) -> pd.DataFrame:
    """A row a token. `exact` texts are JSON strings, as a file wants them; others show blanks as signs."""
    found = reasons(constraint, state)
    allowed = found.reason[ids] == ALLOWED
    texts = _texts(constraint.tokens).iloc[ids]
    columns = {
        "id": ids,
        "text": [json.dumps(text, ensure_ascii=False) if exact else visible(text) for text in texts],
        "class": [CLASSES[kind] for kind in classify(constraint.tokens).kind[ids]],
        "allowed": allowed,
    }
    if before is not None:
        columns |= {"p before": before[ids], "p after": after_mask(before, found.reason == ALLOWED)[ids]}
    why = [found.reasons[i] if found.reasons and i != ALLOWED else None for i in found.reason[ids].tolist()]
    columns["dies at byte"] = pd.array([None if w is None else w.dies_at for w in why], dtype="Int64")
    columns["expected"] = ["" if w is None else w.expected for w in why]
    return pd.DataFrame(columns)


def after_mask(before: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Every token's probability once the refused ones are gone; all alike if the model gave the allowed ones none."""
    kept = float(before[allowed].sum())
    return np.where(allowed, before / kept if kept > 0 else 1 / np.count_nonzero(allowed), 0.0)
