"""Anatomy: what this page will show. It has no controls until the NumPy student exists."""

import streamlit as st

from ui import shell

shell.guard()

st.title("Anatomy")
st.write("A student, taken apart: this page will walk through one forward pass of a small GPT written in plain NumPy.")
st.info(
    "The NumPy student is not part of this version. Nothing here can be clicked yet.", icon=":material/construction:"
)
st.markdown(
    """
- **Tokens**: how a sentence becomes byte-pair tokens and back, with the blank shown as `Ġ`.
- **Shapes**: every array on the way, by name and size.
- **Attention**: which earlier tokens each head looks at.
- **Logits and sampling**: greedy, temperature, top-k and top-p, with and without the mask.
"""
)
st.page_link(
    "pages/masks.py", label="Until then: see what a schema allows, token by token", icon=":material/filter_alt:"
)
