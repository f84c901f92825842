"""Datasets: what there is to learn from, bundled or the user's own, down to one example's tokens."""

import streamlit as st

from ui import charts, data_form, page_tools, shell, uploads
from ui.datasets import data_charts, dataset_view
from ui.text import as_csv, errors_shown

shell.guard()

page_tools.header(
    "datasets",
    "Datasets",
    "What a student learns from and is tested on. Choose a task, then the bundled data or your own file.",
    data_form.SAMPLES,
)

task, path = data_form.choose()
dataset = None
with errors_shown():
    dataset = uploads.load(task, path)

if dataset is None:
    st.info("Choose other data above, or mend the file and add it again.", icon=":material/arrow_upward:")
    st.stop()

dataset_view.headline(dataset)

split, wanted = data_form.narrow()
examples = dataset.split(split)
hits = data_form.search(examples, wanted)
frame = dataset_view.table(task, hits)

if hits:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(
            f"{len(hits):,} of {len(examples):,} examples"
            + (" hold the text searched for" if wanted else f" in {split}"),
            width="content",
        )
        st.download_button(
            "Download the table as CSV",
            lambda: as_csv(frame),
            f"{task.name}-{split}.csv",
            "text/csv",
            key="datasets_csv",
            type="tertiary",
            icon=":material/download:",
            on_click="ignore",
        )
    row = dataset_view.select_row(task, frame)
    st.subheader(f"Example {hits[row][0]} as the model sees it")
    selected = st.container()
else:
    st.info("No example holds this text: search for a shorter one, or in another split.", icon=":material/search_off:")

lengths, labels = st.columns(2)
with lengths:
    st.subheader(f"Length of the inputs in {split}")
    charts.chart(data_charts.length_chart(examples), "datasets_lengths", data_charts.describe_lengths(examples))
with labels:
    st.subheader(f"Labels in {split}")
    if drawn := data_charts.label_chart(examples):
        charts.chart(drawn, "datasets_labels", data_charts.describe_labels(examples))
    else:
        st.caption("None: these inputs have no gold answers.")
    if rare := data_charts.hidden_labels(examples):
        st.caption(f"{rare} rarer labels are not shown.")

if hits:
    with selected:
        dataset_view.as_tokens(task, hits[row][1])
