"""Masks: an answer token by token: what the schema allowed, what it took away, and why."""

import streamlit as st

from ui import mask_source, mask_steps, shell
from ui.text import errors_shown

shell.guard()

st.title("Masks")
st.caption("What a schema allows at each token of an answer, and how much of the model's probability it takes away.")

source, gold = mask_source.choose()
answer = mask_source.answer_for(source, gold)

if not answer:
    st.info("There is no answer to look at yet: press Generate, or type one.", icon=":material/arrow_upward:")
    st.stop()

found = None
with errors_shown():
    states = mask_source.states(source.task, source.text, source.conditioned)
    found = mask_source.explained(source, answer)

if found is None:
    st.info("Mend it above, or press Generate to let the model answer.", icon=":material/arrow_upward:")
    st.stop()

mask_steps.headline(found, states)
mask_steps.walk(found, mask_source.constraint(source), source.model.load)
