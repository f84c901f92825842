"""Files of inputs without answers: what is read of them, and what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data import plain
from core.errors import DataError
from core.tasks import CARS, POS

INPUTS = [f"The cat number {i} sleeps ." for i in range(10)]


def write(folder, name: str, content: str):
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "one  two\r\n\r\nthree, four\n"),
        ("a.csv", 'id,text\r\n1,one  two\r\n2,\r\n3,"three, four",\r\n'),
        ("a.jsonl", '{"text": "one two", "id": 1}\n\n{"text": "three,\\nfour"}\n'),
        ("A.TXT", "\ufeffone two\nthree, four"),
    ],
)
def test_each_format_gives_the_inputs_on_one_line_each(tmp_path, name, content):
    assert plain.read(write(tmp_path, name, content)) == ["one two", "three, four"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", " \n\n", "a.txt holds no input"),
        ("a.csv", "input\nhello\n", 'no column "text"'),
        ("a.csv", "", 'no column "text"'),
        ("a.csv", "text\nOne, two .\n", "a.csv, line 2: more fields than columns"),
        ("a.csv", 'text\none\n"two\nthree\n', r"a.csv, line 4: not valid CSV \(unexpected end of data\)"),
        ("a.csv", f"text\n{'x' * 140_000}\n", "a.csv, line 2: not valid CSV"),
        ("a.jsonl", '{"text": "x"}\n[1]\n', "a.jsonl, line 2: not a JSON object"),
        ("a.jsonl", '{"text": 1}\n', 'a.jsonl, line 1: not an object with a "text"'),
        ("a.jsonl", '{"text": "x"}\n{"text": ', "a.jsonl, line 2: not valid JSON"),
        ("a.jsonl", '{"text": "\\ud800"}\n', "a.jsonl, line 1: not valid Unicode"),
    ],
)
def test_what_cannot_be_read_is_named_by_line(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message):
        plain.read(write(tmp_path, name, content))


def test_a_file_that_is_not_there_or_not_utf8(tmp_path):
    with pytest.raises(DataError, match=r"cannot read none\.txt"):
        plain.read(tmp_path / "none.txt")
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match=r"not UTF-8 \(byte 3\)"):
        plain.read(tmp_path / "a.txt")


@given(st.lists(st.text(st.characters(codec="utf-8")).filter(lambda text: text.split()), min_size=1, max_size=5))
def test_any_text_comes_back_from_json_lines(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("plain") / "a.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    assert plain.read(path) == [" ".join(text.split()) for text in texts]


@pytest.mark.parametrize("task", [POS, CARS], ids=lambda task: task.name)
@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl"])
def test_a_task_takes_them_without_gold(tmp_path, task, name):
    lines = {".txt": INPUTS, ".csv": ["text", *INPUTS], ".jsonl": [json.dumps({"text": t}) for t in INPUTS]}
    data = task.load(str(write(tmp_path, name, "\n".join(lines[name[1:]]))))
    assert [len(data.train), len(data.dev), len(data.test)] == [8, 1, 1]
    assert [e.input for e in data.without_gold] == INPUTS and not any(e.answer for e in data.without_gold)


def test_a_folder_may_be_plain_where_it_trains_and_tagged_where_it_is_scored(tmp_path):
    tagged = "1\tHi\t_\tINTJ\t_\t_\t_\t_\t_\t_\n\n"
    write(tmp_path, "train.txt", "\n".join(INPUTS))
    write(tmp_path, "dev.conllu", tagged)
    write(tmp_path, "test.conllu", tagged)
    data = POS.load(str(tmp_path))
    assert len(data.without_gold) == len(data.train) == 10 and data.test[0].answer
    (tmp_path / "test.conllu").unlink()
    with pytest.raises(DataError, match=r"cannot read test\.conllu"):
        POS.load(str(tmp_path))


def test_a_row_that_has_some_of_its_fields_is_still_refused(tmp_path):
    rows = [{"text": t} for t in INPUTS] + [{"text": "x", "make": "ford"}]
    with pytest.raises(DataError, match='line 11: "model" is missing'):
        CARS.load(str(write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)))))
