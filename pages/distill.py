"""Distill: start a run and watch it."""

import streamlit as st

from ui import page_tools, shell
from ui.distill import new_run, run_list, run_panel

shell.guard()

page_tools.header(
    "distill",
    "Distill",
    "Teach a small student one task. A run is a folder: it goes on when this page is closed.",
    run_list.SAMPLES,
    keep=new_run.KEPT,
)

run = run_list.chosen()
run_list.draw(run)

if run is not None:
    run_panel.draw(run)
    shell.show_seeds(run_panel.seeds(run))
else:
    st.subheader("New run", anchor=False)
    new_run.draw()
    shell.show_seeds(new_run.seeds())
