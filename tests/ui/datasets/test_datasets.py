"""The Datasets page: bundled data, search, data of one's own, and what happens when that is malformed."""

from pathlib import Path

import pytest
from streamlit.runtime.scriptrunner_utils.exceptions import StopException
from streamlit.testing.v1 import AppTest

from core.errors import ModelError
from core.paths import ROOT
from core.tasks import CARS, POS, Dataset, Task
from tests.ui.conftest import checked
from ui import data_form, engine, text, uploads
from ui.datasets import dataset_view

SENTENCE = "1\tGo\tgo\tVERB\t_\t_\t0\troot\t_\t_\n2\t{}\t_\tNUM\t_\t_\t1\tobj\t_\t_\n\n"
ADVERT = '{"text": "1974 ford pinto", "make": "ford", "model": "pinto", "year": 1974, "mpg": null}\n'


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No torch, no tokenizer, and uploads in a folder of the test's own."""
    monkeypatch.setattr(engine, "warm_up", lambda: None)
    monkeypatch.setattr(engine, "tokens_of", lambda task, example: (["in"], ["{", "NO", "}"], [True, False, True]))
    dataset_view._tokens.clear()  # the page is the first one: other tests have opened it
    monkeypatch.setattr(uploads, "UPLOADS", tmp_path / "uploads")


def page(**params: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page("pages/datasets.py")
    for name, value in params.items():
        app.query_params[name] = value
    return app.run()


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def write(folder: Path, sentences: int) -> Path:
    file = folder / "own.conllu"
    file.write_text("".join(SENTENCE.format(i) for i in range(sentences)))
    return file


def test_bundled_data_is_shown_at_first() -> None:
    app = page()
    assert not app.exception
    assert metrics(app)["Train"] == str(len(POS.load(None).train))
    assert app.session_state[uploads.CHOSEN]["pos"] is None
    assert any("1 of 3 answer tokens are free" in caption.value for caption in app.caption)


def test_the_table_becomes_a_file_only_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr(text, "as_csv", written.append)
    app = checked(page())
    checked(app.text_input(key="datasets_search").set_value("the").run())
    assert app.get("download_button") and not written


def test_search_counts_and_shows_the_hits() -> None:
    app = page()
    app.text_input(key="datasets_search").set_value("THE").run()
    expected = sum("the" in example.input.lower() for example in POS.load(None).train)
    assert any(caption.value.startswith(f"{expected} of ") for caption in app.caption)
    assert len(app.dataframe[0].value) == expected
    app.text_input(key="datasets_search").set_value("no such text anywhere").run()
    assert not app.exception
    assert any("No example holds this text" in info.value for info in app.info)


def test_buttons_lead_from_example_to_example() -> None:
    app = page()
    assert app.button(key="datasets_previous").disabled
    app.button(key="datasets_next").click().run()
    assert not app.exception
    assert any(heading.value == "Example 2 as the model sees it" for heading in app.subheader)
    app.button(key="datasets_previous").click().run()
    assert any(heading.value == "Example 1 as the model sees it" for heading in app.subheader)
    cars = CARS.load(None).test
    app = page(task="cars", split="test")
    app.session_state["datasets_table"] = {"selection": {"rows": [len(cars) - 1], "columns": [], "cells": []}}
    assert app.run().button(key="datasets_next").disabled
    app = page(task="cars", split="test", search=cars[-1].input)
    assert "datasets_next" not in [button.key for button in app.button]  # one line: nowhere to go


def test_a_deep_link_chooses_task_and_split() -> None:
    app = page(task="cars", split="test")
    assert app.session_state["datasets_task"] == "cars"
    assert len(app.dataframe[0].value) == len(CARS.load(None).test)
    assert "make" in app.dataframe[0].value.columns


def test_a_path_is_chosen_and_remembered(tmp_path: Path) -> None:
    app, file = page(), write(tmp_path, 20)
    app.text_input(key="datasets_path_pos").set_value(str(file)).run()
    assert not app.exception
    assert metrics(app)["Train"] == "16"
    assert app.session_state[uploads.CHOSEN]["pos"] == str(file)


def test_own_data_stays_in_the_link_until_reset(tmp_path: Path) -> None:
    app, file = page(), write(tmp_path, 20)
    app.text_input(key="datasets_path_pos").set_value(str(file)).run()
    app.run()
    assert app.query_params["data_pos"] in (str(file), [str(file)])
    app.button(key="_datasets_reset").click().run()
    assert not app.exception
    assert app.session_state[uploads.CHOSEN]["pos"] is None and "data_pos" not in app.query_params
    assert metrics(app)["Train"] == str(len(POS.load(None).train))


def test_a_link_to_the_teacher_says_the_data_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModelError(f"{name} is not here.")

    monkeypatch.setattr(engine, "teacher", missing)
    app, file = page(), write(tmp_path, 20)
    app.text_input(key="datasets_path_pos").set_value(str(file)).run()
    app.switch_page("pages/teacher.py").run()
    link = app.query_params["data_pos"]
    assert link in (str(file), [str(file)])
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page("pages/teacher.py")
    app.query_params["data_pos"] = link
    app.run()
    assert not app.exception and app.session_state[uploads.CHOSEN]["pos"] == str(file)
    app.switch_page("pages/datasets.py").run()
    assert not app.exception and metrics(app)["Train"] == "16"


def test_inputs_without_gold_are_shown_as_such(tmp_path: Path) -> None:
    app, file = page(), tmp_path / "own.txt"
    file.write_text("".join(f"Go number {i} !\n" for i in range(20)))
    app.text_input(key="datasets_path_pos").set_value(str(file)).run()
    assert not app.exception
    assert metrics(app)["Train"] == "16" and list(app.dataframe[0].value.columns) == ["No.", "Sentence", "Words"]
    shown = [info.value for info in app.info]
    assert any("20 of 20 examples have no gold answer" in text for text in shown)
    assert any("This input has no gold answer" in text for text in shown)
    assert any("None: these inputs have no gold" in caption.value for caption in app.caption)


def test_a_malformed_path_names_the_line_and_changes_nothing(tmp_path: Path) -> None:
    app, file = page(), write(tmp_path, 20)
    file.write_text(file.read_text().replace("VERB", "WERB", 1))
    app.text_input(key="datasets_path_pos").set_value(str(file)).run()
    assert not app.exception
    assert any("line 1: 'WERB'" in code.value for code in app.code)
    assert app.session_state[uploads.CHOSEN]["pos"] is None
    assert metrics(app)["Train"] == str(len(POS.load(None).train))
    app.text_input(key="datasets_path_pos").set_value("").run()
    assert not app.error


def test_an_upload_is_kept_and_found_again() -> None:
    app = page(task="cars")
    app.file_uploader(key="_datasets_file_cars").upload("my cars.jsonl", (ADVERT * 10).encode()).run()
    assert not app.exception
    assert metrics(app)["Train"] == "8"
    assert metrics(app)["Leaks"] == "2"
    assert [label for label, _ in uploads.known(CARS)] == ["my_cars.jsonl"]
    again = page(task="cars")
    assert "my_cars.jsonl" in again.selectbox(key="datasets_data_cars").options


def test_a_malformed_upload_is_refused_with_its_line_and_not_kept() -> None:
    app = page(task="cars")
    app.file_uploader(key="_datasets_file_cars").upload("bad.jsonl", (ADVERT * 3 + "{oops\n").encode()).run()
    assert not app.exception
    assert any("line 4: not valid JSON" in code.value for code in app.code)
    assert uploads.known(CARS) == []
    assert metrics(app)["Train"] == str(len(CARS.load(None).train))


def test_an_upload_that_another_task_refuses_is_kept() -> None:
    content = (ADVERT.replace("1974,", "-1,") * 10).encode()  # inputs for tagging, but no year of a car
    page(task="pos").file_uploader(key="_datasets_file_pos").upload("a.jsonl", content).run()
    app = page(task="cars")
    app.file_uploader(key="_datasets_file_cars").upload("a.jsonl", content).run()
    assert any("not a year" in code.value for code in app.code)
    assert [label for label, _ in uploads.known(POS)] == ["a.jsonl"]


def test_an_upload_can_be_deleted() -> None:
    app = page(task="cars")
    app.file_uploader(key="_datasets_file_cars").upload("a.jsonl", (ADVERT * 10).encode()).run()
    app.run().button(key="datasets_delete").click().run()
    assert not app.exception
    assert uploads.known(CARS) == []
    assert metrics(app)["Train"] == str(len(CARS.load(None).train))


def test_a_reset_leaves_the_uploader_as_the_browser_has_it() -> None:
    """Else the file that the browser still sends would be news, and be chosen by the next click."""
    app = page()
    app.file_uploader(key="_datasets_file_pos").upload("a.txt", b"a line\n" * 20).run()
    assert app.session_state[uploads.CHOSEN]["pos"]
    checked(app.button(key="_datasets_reset").click().run())
    assert app.session_state[uploads.CHOSEN]["pos"] is None
    assert app.file_uploader(key="_datasets_file_pos").value.name == "a.txt"
    assert checked(app.run()).session_state[uploads.CHOSEN]["pos"] is None
    app.file_uploader(key="_datasets_file_pos").set_value(("a.txt", b"a line\n" * 20, "text/plain")).run()
    assert app.session_state[uploads.CHOSEN]["pos"], "the same file, given once more"


def interrupt(monkeypatch: pytest.MonkeyPatch, name: str, after: bool) -> None:
    """A click ends the run before the next call of this function of `uploads`, or right after it."""
    function = getattr(uploads, name)

    def interrupted(task: Task | Upload, path: Path | str | None) -> Dataset:
        if path:
            monkeypatch.setattr(uploads, name, function)
            if after:
                function(task, path)
            raise StopException
        return function(task, path)

    monkeypatch.setattr(uploads, name, interrupted)


@pytest.mark.parametrize(("name", "after"), [("save", False), ("save", True), ("load", False)])
@pytest.mark.parametrize(("line", "left"), [("", ["a.jsonl"]), ("{oops\n", [])])
def test_a_click_while_an_upload_is_saved_or_read(
    line: str, left: list[str], name: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = page(task="cars")
    interrupt(monkeypatch, name, after)
    app.file_uploader(key="_datasets_file_cars").upload("a.jsonl", (ADVERT * 10 + line).encode())
    sent = app._tree
    checked(app.run())
    assert not app.metric, "it was stopped"
    app._tree = sent  # what a browser says once more with its next click
    checked(app.run())
    assert [label for label, _ in uploads.known(CARS)] == left
    assert bool(app.session_state[uploads.CHOSEN]["cars"]) == bool(left)
    assert bool(app.error) != bool(left)


@pytest.mark.parametrize(("line", "left"), [("", ["a.jsonl"]), ("{oops\n", [])])
def test_a_change_of_task_while_an_upload_is_read(line: str, left: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It was given to the task that was left: it is read for that one, and chosen there or refused."""
    app = page(task="cars")
    interrupt(monkeypatch, "load", after=False)
    app.file_uploader(key="_datasets_file_cars").upload("a.jsonl", (ADVERT * 10 + line).encode())
    sent = app._tree
    checked(app.run())
    assert not app.metric, "it was stopped"
    app._tree = sent
    checked(app.segmented_control(key="datasets_task").set_value("pos").run())
    assert [label for label, _ in uploads.known(CARS)] == left and not app.error
    assert metrics(app)["Train"] == str(len(POS.load(None).train)) and app.session_state[uploads.CHOSEN]["pos"] is None
    assert bool(app.session_state[uploads.CHOSEN].get("cars")) == bool(left)
    checked(app.segmented_control(key="datasets_task").set_value("cars").run())
    assert bool(app.session_state[uploads.CHOSEN]["cars"]) == bool(left) != bool(app.error)
    assert metrics(app)["Train"] == (str(8) if left else str(len(CARS.load(None).train)))


@pytest.mark.parametrize(("line", "left"), [("", ["a.jsonl"]), ("{oops\n", [])])
def test_an_upload_is_read_to_its_end_on_the_page_that_one_left_for(
    line: str, left: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = page(task="cars")
    interrupt(monkeypatch, "load", after=False)
    app.file_uploader(key="_datasets_file_cars").upload("a.jsonl", (ADVERT * 10 + line).encode())
    checked(app.run())
    assert not app.metric, "it was stopped"
    checked(app.switch_page("pages/anatomy.py").run())
    assert [label for label, _ in uploads.known(CARS)] == left
    assert bool(app.session_state[uploads.CHOSEN].get("cars")) == bool(left)
    checked(app.switch_page("pages/datasets.py").run())
    assert metrics(app)["Train"] == (str(8) if left else str(len(CARS.load(None).train)))
    assert bool(app.error) != bool(left)


def test_an_upload_that_the_server_has_no_longer_is_no_upload() -> None:
    """As a browser has it that comes back after the server was started again."""
    app = page()
    said = app.file_uploader(key="_datasets_file_pos").upload("a.txt", b"a line\n" * 20).root.get_widget_states()
    app.file_uploader(key="_datasets_file_pos").clear()
    checked(app._run(said))
    assert app.session_state[uploads.CHOSEN]["pos"] is None and not uploads.known(POS)


class Upload:
    def __init__(self, name: str, content: bytes) -> None:
        self.name, self.content = name, content

    def getvalue(self) -> bytes:
        return self.content


def kept(name: str, content: bytes) -> Path:
    upload = Upload(name, content)
    path = uploads.place(upload)
    uploads.save(upload, path)
    return path


def test_the_same_file_twice_is_one_and_names_stay_inside_the_folder() -> None:
    assert kept("a.conllu", b"x") == kept("a.conllu", b"x") and len(uploads.known(POS)) == 1
    assert kept("../../ü/../x y.conllu", b"y").parent.parent == uploads.UPLOADS
    kept("a.conllu", b"z")
    labels = [label for label, _ in uploads.known(POS)]
    assert len(labels) == len(set(labels)) == 3


def test_an_upload_keeps_its_name_and_goes_alone() -> None:
    content = (SENTENCE.format(1) * 20).encode()
    first, second = kept("a.conllu", content), kept("b.conllu", content)
    assert POS.load(str(first)).name == "a.conllu"
    uploads.remove(str(first))
    assert [label for label, _ in uploads.known(POS)] == ["b.conllu"]
    uploads.remove(str(second))
    assert not any(uploads.UPLOADS.iterdir())


def test_remove_leaves_files_outside_alone(tmp_path: Path) -> None:
    file = write(tmp_path, 1)
    uploads.remove(str(file))
    assert file.exists()


def test_the_table_has_a_column_for_each_field_of_a_flat_answer() -> None:
    examples = CARS.load(None).dev[:3]
    frame = dataset_view.table(CARS, data_form.search(examples, ""))
    assert list(frame.columns) == ["No.", "Advert", "Words", "make", "model", "year", "mpg"]
    assert list(frame["No."]) == [1, 2, 3]
