"""Masks: a text token by token: what the schema allowed, what the mask removed, and why."""

import streamlit as st

from ui import asking, page_tools, shell
from ui.masks import mask_generate, mask_source, mask_steps, mask_views, mask_ways
from ui.masks.mask_samples import SAMPLES

shell.guard()

page_tools.header(
    "masks",
    "Masks",
    "What a schema allows at each token of a text, and how much of a model's probability the mask removes.",
    SAMPLES,
)

chosen = mask_source.choose()
if chosen is None:
    st.info("Mend the schema or choose another model above: the steps appear here.", icon=":material/arrow_upward:")
    asking.forget_presses()
    st.stop()

source, schema = chosen
found, work = mask_ways.look(source, schema)

if found is not None:
    asking.alone(mask_steps.walk, found, mask_source.constraint(source), source.model.load, busy=work is not None)

mask_views.draw(source, found)
shell.show_seeds(mask_generate.seeds() | mask_views.seeds())
asking.do([work])
