"""The controls of the Datasets page: task, data, split, search, and adding data of one's own."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from streamlit.typing import UploadedFile

from core.errors import StillroomError
from core.tasks import TASKS, Example, Task
from core.tasks.task import SPLITS
from ui import uploads
from ui.page_tools import close, given, linked, to_address
from ui.text import show_error

BUNDLED = ""
ADD = "datasets_add"
UNREAD = "_datasets_unread"  # uploads that are not read to their end yet: (task's name, path) -> whether it is new
SAMPLES = {
    "Sentences and their tags": {},
    "Questions, for the test": {"split": "test", "search": "?"},
    "Car adverts": {"task": "cars"},
    "Adverts without consumption": {"task": "cars", "search": "unknown"},
}


def choose() -> tuple[Task, str | None]:
    """Task and data; None is the bundled data. What was chosen is remembered for the other pages."""
    left, rest = st.columns([4, 6])
    middle, right = rest.columns([5, 4], vertical_alignment="bottom")
    linked("datasets_task", next(iter(TASKS)), TASKS)
    name = left.segmented_control(
        "Task",
        list(TASKS),
        format_func=lambda name: TASKS[name].title,
        required=True,
        key="datasets_task",
        persist_state="session",
    )
    task = TASKS[name or next(iter(TASKS))]
    for one in TASKS.values():  # another one's too: the click that ended the reading may have been on the task
        _take_file(one)
    with right.popover("Add your own", icon=":material/upload_file:", width="stretch", key=ADD, on_change="rerun"):
        _add(task)
    path = _select(task, middle)
    st.caption(task.description)
    _say_problem(task)
    uploads.choose(task, path)
    return task, path


def _select(task: Task, place: st.delta_generator.DeltaGenerator) -> str | None:
    known = labels(task)
    linked(_key(task), BUNDLED, known)
    path = place.selectbox(
        "Data", list(known), format_func=lambda path: known.get(path, path), key=_key(task), persist_state="session"
    )
    return path or None


def _key(task: Task) -> str:
    return f"datasets_data_{task.name}"


def follow(task: Task) -> str | None:
    """For a page that only uses the data: what its link says, as if it had been chosen on Datasets, else what was. The
    link is kept."""
    name, chosen = f"data_{task.name}", uploads.chosen(task)
    said = given(name, BUNDLED)
    if said not in (BUNDLED, chosen) and _works(task, said):
        if said not in labels(task):
            st.session_state[f"datasets_path_{task.name}"] = said
        st.session_state[_key(task)] = chosen = said
        uploads.choose(task, chosen)
    to_address(name, chosen or BUNDLED)
    return chosen


def labels(task: Task) -> dict[str, str]:
    """The task's data: path -> what lists call it."""
    found = {BUNDLED: "Bundled"} | {path: label for label, path in uploads.known(task)}
    typed = st.session_state.get(f"datasets_path_{task.name}", "").strip().strip("'\"")
    return found | {typed: typed} if typed and _works(task, typed) else found


def _works(task: Task, path: str) -> bool:
    try:
        uploads.load(task, path)
    except StillroomError:
        return False
    return True


def _add(task: Task) -> None:
    """A file from the browser's machine, or a path on the server's."""
    st.caption(
        f"Format: {task.file_help}. Or inputs without answers, which a teacher then writes: one a line (.txt), or as "
        "`text` in .csv or .jsonl. A single file is split 8 : 1 : 1 in its own order."
    )
    st.file_uploader("Upload a file", type=uploads.suffixes(task), key=_uploader(task))
    path = f"datasets_path_{task.name}"
    linked(path, "")
    st.text_input(
        "Or a path on this machine",
        key=path,
        persist_state="session",
        placeholder=task.path_help,
        on_change=_take_path,
        args=(task, path),
    )
    _say_problem(task)  # while it is open, it covers what stands below
    chosen = uploads.chosen(task)
    if chosen and uploads.is_upload(chosen):
        st.button("Delete the chosen upload", key="datasets_delete", on_click=_delete, args=(task, chosen))


def _uploader(task: Task) -> str:
    """Its key, not of the page's state: a browser keeps the file after a reset, so the server must know it still, or
    the next click would bring it as a new one."""
    return f"_datasets_file_{task.name}"


def _take_file(task: Task) -> None:
    """In each run until it is saved, for a click ends that. A file that the server has no longer is none."""
    state, key = st.session_state, _uploader(task)
    upload, done = state.get(key), f"{key} done"
    if isinstance(upload, UploadedFile) and upload.file_id != state.get(done):
        path = uploads.place(upload)
        state.setdefault(UNREAD, {}).setdefault((task.name, str(path)), not path.exists())
        uploads.save(upload, path)
        state[done] = upload.file_id
    read_uploads()


def read_uploads() -> None:
    """Reads to its end what was uploaded, and chooses or refuses it. A click ends the reading, also one that leads to
    another page: so it goes on there."""
    unread: dict[tuple[str, str], bool] = st.session_state.get(UNREAD, {})
    for (name, path), is_new in list(unread.items()):
        if Path(path).exists() and not _take(TASKS[name], path) and is_new:
            uploads.remove(path)
        unread.pop((name, path), None)


def _take_path(task: Task, key: str) -> None:
    path = st.session_state[key].strip().strip("'\"")  # as a file manager copies it
    if path:
        _take(task, path)
    else:
        _problem(task, None)


def _take(task: Task, path: str) -> bool:
    """Chooses data if it can be read; otherwise what was chosen before stays, with the reason shown."""
    try:
        uploads.load(task, path)
    except StillroomError as error:
        _problem(task, str(error))
        return False
    st.session_state[_key(task)] = path
    uploads.choose(task, path)
    _problem(task, None)
    close(ADD)
    return True


def _problem(task: Task, message: str | None) -> None:
    st.session_state.setdefault("datasets_problem", {})[task.name] = message


def _say_problem(task: Task) -> None:
    if problem := st.session_state.get("datasets_problem", {}).get(task.name):
        show_error(problem)


def _delete(task: Task, path: str) -> None:
    uploads.remove(path)
    st.session_state[_key(task)] = BUNDLED


def narrow() -> tuple[str, str]:
    """Split, and the text that is searched for."""
    left, right = st.columns([1, 2])
    linked("datasets_split", SPLITS[0], SPLITS)
    split = left.segmented_control("Split", SPLITS, required=True, key="datasets_split", persist_state="session")
    linked("datasets_search", "")
    wanted = right.text_input(
        "Search",
        key="datasets_search",
        type="search",
        live=True,
        placeholder="a text that the input holds",
        persist_state="session",
    )
    return split or SPLITS[0], wanted


def search(examples: Sequence[Example], wanted: str) -> list[tuple[int, Example]]:
    """Examples whose input holds a text, upper and lower case alike, with their numbers from 1."""
    wanted = wanted.casefold()
    return [(i, e) for i, e in enumerate(examples, 1) if wanted in e.input.casefold()]
