"""Pseudo-labels: how they are judged, kept, and made by a local model."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.constrain.constraints import Constraints
from core.distill.cache import TOLD
from core.distill.config import LabelConfig
from core.distill.labels import Answer, Label, LabelFile, LabelHeader, ask_model, judged
from core.errors import ConfigError
from core.models.api import SaidToken
from core.tasks import CARS, POS
from core.tasks.prompt import default_prompt

HEADER = LabelHeader("teacher", "prompt", "schema", 0.0, 512)
CAR = CARS.load(None).train[0]
SPELLED = '{"make":"ford","model":"Pinto","year":1975,"mpg":18.0}'


@pytest.mark.parametrize(
    "text",
    [
        SPELLED,
        '\n{ "make": "ford",\n "mpg": 18, "model": "Pinto", "year": 1975}  ',
        f"```json\n{SPELLED}\n```",
        "```\n" + SPELLED.replace("P", "\\u0050") + "```\n",
    ],
)
def test_answers_are_learned_in_the_spelling_of_the_data(teacher, text):
    label = judged(CARS, Constraints(CARS, teacher.tokens, False), CAR.input, Answer(text, True, 3, 4), 99)
    assert (label.answer, label.reason, label.text) == (SPELLED, "", text)
    assert (label.tokens_in, label.tokens_out) == (3, 4)


@pytest.mark.parametrize(
    ("text", "complete", "reason"),
    [
        ("I do not know.", True, "does not match the schema .* at byte 0"),
        ("", True, "ends too early"),
        (SPELLED.replace("ford", "lada"), True, "at byte 9"),
        (SPELLED.replace("1975", '"1975"'), True, "does not match the schema"),
        (SPELLED[:30], False, "cut, after 99 tokens"),
        ('{"make":"\ud800', True, "half a surrogate pair"),
    ],
)
def test_what_the_schema_refuses_has_a_reason_and_no_answer(teacher, text, complete, reason):
    import re

    label = judged(CARS, Constraints(CARS, teacher.tokens, False), CAR.input, Answer(text, complete), 99)
    assert label.answer == "" and re.search(reason, label.reason)


def test_an_input_conditioned_schema_refuses_other_words(teacher):
    example = POS.load(None).train[0]
    constraints = Constraints(POS, teacher.tokens, True)
    assert judged(POS, constraints, example.input, Answer(example.answer, True), 99).reason == ""
    other = example.answer.replace('"text":"', '"text":"x', 1)
    assert "at byte" in judged(POS, constraints, example.input, Answer(other, True), 99).reason


label_texts = st.text(max_size=20)
said_tokens = st.builds(
    SaidToken, st.binary(max_size=6), st.lists(st.tuples(st.binary(max_size=6), st.floats(-50, 0))).map(tuple)
)
labels = st.builds(
    Label, label_texts, label_texts, label_texts, label_texts, st.integers(0, 99), st.integers(0, 99),
    st.floats(0, 9), st.lists(said_tokens, max_size=3).map(tuple),
)  # fmt: skip


@given(st.lists(labels, max_size=5))
def test_labels_come_back_as_they_were_put(tmp_path_factory, made):
    path = tmp_path_factory.mktemp("labels") / "labels.jsonl"
    file = LabelFile(path, HEADER)
    for label in made:
        file.put(label)
    again = LabelFile(path, HEADER)
    assert len(again) == len({label.input for label in made})
    assert all(again[label.input] == label for label in {label.input: label for label in made}.values())


def test_a_line_cut_short_by_a_kill_is_asked_again(tmp_path):
    path = tmp_path / "labels.jsonl"
    one, two = (Label(text, "t", "a", "", 1, 1, 0.1) for text in ("one", "two"))
    file = LabelFile(path, HEADER)
    file.put(one)
    file.put(two)
    path.write_bytes(path.read_bytes()[:-9])
    file = LabelFile(path, HEADER)
    assert "one" in file and "two" not in file
    file.put(two)
    assert LabelFile(path, HEADER)["two"] == two
    path.write_bytes(path.read_bytes()[:9])  # not even the header was written
    assert len(LabelFile(path, HEADER)) == 0


@pytest.mark.parametrize("field", ["teacher", "prompt", "schema", "temperature", "max_tokens", "lossy"])
def test_labels_made_from_something_else_are_refused_by_name(tmp_path, field):
    path = tmp_path / "labels.jsonl"
    LabelFile(path, HEADER).put(Label("i", "t", "a", "", 1, 1, 0.1))
    other = LabelHeader(**{**vars(HEADER), field: "other"})
    told = r" \(.*, now other\)" if field in TOLD else ""
    with pytest.raises(ConfigError, match=rf"were made with another {field}{told}: restore it, or"):
        LabelFile(path, other)


@pytest.mark.parametrize("content", ["{]\n", "3\n", '{"teacher": 1}\n[]\n', '{"teacher": 1}\n{"x": 2}\n', "\xff\n"])
def test_damaged_labels(tmp_path, content):
    path = tmp_path / "labels.jsonl"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(ConfigError, match="are damaged: delete the file"):
        LabelFile(path, HEADER)


def test_the_header_knows_prompt_and_schema():
    how, prompt = LabelConfig(), default_prompt(POS)
    first = LabelHeader.of("t", POS, prompt, how, True, False)
    assert first == LabelHeader.of("t", POS, prompt, how, True, False)
    assert LabelHeader.of("t", POS, default_prompt(POS, 1), how, True, False).prompt != first.prompt
    assert LabelHeader.of("t", POS, prompt, how, False, False).schema != first.schema
    assert LabelHeader.of("t", CARS, prompt, how, True, False).schema != first.schema


@pytest.mark.parametrize("conditioned", [True, False])
def test_a_local_model_s_answers_are_cut_where_the_configuration_says(teacher, conditioned):
    example = POS.load(None).train[0]
    heard = {}
    how = LabelConfig(max_tokens=20)
    ask_model(teacher, POS, default_prompt(POS, 1), conditioned, how, [example.input], heard.__setitem__, lambda: False)
    answer = heard[example.input]
    assert not answer.complete and answer.tokens_out == 20
    label = judged(POS, Constraints(POS, teacher.tokens, conditioned), example.input, answer, how.max_tokens)
    assert label.reason.startswith("the answer was cut, after 20 tokens")


def test_a_local_model_writes_valid_labels_and_stops_when_asked(teacher):
    examples = POS.load(None).train[:14]
    constraints = Constraints(POS, teacher.tokens, True)
    heard = {}
    stop = lambda: len(heard) >= 12
    how, prompt = LabelConfig(), default_prompt(POS, 1)
    ask_model(teacher, POS, prompt, True, how, [e.input for e in examples], heard.__setitem__, stop)
    assert len(heard) == 12  # the first batch
    for text, answer in heard.items():
        label = judged(POS, constraints, text, answer, 99)
        assert not label.reason and label.answer == answer.text and label.tokens_in > label.tokens_out > 5
        assert [t["text"] for t in json.loads(label.answer)["tokens"]] == text.split()
    again = {}
    ask_model(teacher, POS, prompt, True, how, list(heard), again.__setitem__, lambda: False)
    assert {k: a.text for k, a in again.items()} == {k: a.text for k, a in heard.items()}
