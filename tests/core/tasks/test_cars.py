"""The car task: its split, its input-conditioned schema, its scores and its file format."""

import json
from collections import defaultdict

import pytest

from core.data import cars
from core.errors import DataError
from core.spelling import Template, serialise
from core.tasks.cars import CARS, YEARS, split_of
from core.tasks.task import Example

BUNDLED = CARS.load(None)
EXAMPLES = (*BUNDLED.train, *BUNDLED.dev, *BUNDLED.test)
ROW = {"text": "1974 Ford Pinto, 18 mpg", "make": "ford", "model": "Pinto", "year": 1974, "mpg": 18}


def spells(template: Template, answer: str) -> bool:
    """Whether some way through the template gives the answer."""
    starts = {0}
    for piece in template:
        options = (piece,) if isinstance(piece, str) else piece
        starts = {start + len(option) for start in starts for option in options if answer.startswith(option, start)}
    return len(answer) in starts


def choices(text: str) -> list[tuple[str, ...]]:
    """What the template leaves open: makes, models, years, consumption figures."""
    found = [piece for piece in CARS.template(text) if not isinstance(piece, str)]
    assert len(found) == 4
    for options in found:
        assert options and all(options) and len(set(options)) == len(options)
    return found


def write(folder, rows) -> str:
    file = folder / "adverts.jsonl"
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(file)


def test_split_is_fixed_and_about_80_10_10():
    assert CARS.load(None) == BUNDLED
    assert len(EXAMPLES) == 812
    assert 0.76 < len(BUNDLED.train) / len(EXAMPLES) < 0.84
    assert min(len(BUNDLED.dev), len(BUNDLED.test)) > 0.08 * len(EXAMPLES)
    assert not BUNDLED.leaks()


def test_no_car_is_in_two_splits():
    where = {example.input: part for part in ("train", "dev", "test") for example in BUNDLED.split(part)}
    parts = defaultdict(set)
    for advert in cars.load():
        parts[advert.name].add(where[advert.text])
        assert where[advert.text] == split_of(advert.name)
    assert all(len(found) == 1 for found in parts.values())


def test_train_knows_every_make_and_every_split_has_unknown_consumption():
    assert {example.labels[0] for example in BUNDLED.train} == set(cars.MAKES)
    for part in ("train", "dev", "test"):
        assert any('"mpg":null' in example.answer for example in BUNDLED.split(part))


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_template_spells_every_gold_answer(part):
    for example in BUNDLED.split(part):
        info = CARS.parse(example.answer)
        assert info is not None and serialise(info) == example.answer
        makes, models, years, mpgs = choices(example.input)
        assert info.make in makes and info.model in models and str(info.year) in years
        assert serialise(info.mpg) in mpgs
        assert spells(CARS.template(example.input), example.answer)


def test_every_answer_of_a_template_is_valid():
    text = 'The "Ford" (Pinto runabout), 1974; 18mpg, $1,250 or 2000 km\\year'
    makes, models, years, mpgs = choices(text)
    for model in models:
        answer = f'{{"make":"{makes[0]}","model":"{model}","year":{years[0]},"mpg":{mpgs[-1]}}}'
        info = CARS.parse(answer)
        assert info is not None and info.model in text
        assert spells(CARS.template(text), answer)


def test_template_reads_makes_numbers_and_spans():
    makes, models, years, mpgs = choices("VW Rabbit (diesel), 1980, 44.3mpg, not an affordable OPEL! $1,950 0012")
    assert makes == ("opel", "volkswagen")
    assert {"Rabbit (diesel)", "Rabbit", "diesel", "OPEL"} <= set(models)
    assert not any(model.endswith((",", "!")) for model in models)
    assert years == ("1980",)
    assert mpgs == ("null", "1980.0", "44.3", "1950.0", "12.0")


@pytest.mark.parametrize(("text", "makes"), [("a mercedes-benz 240d", ("mercedes-benz",)), ("Accord", cars.MAKES)])
def test_makes_fall_back_to_all(text, makes):
    assert choices(text)[0] == makes


@pytest.mark.parametrize(
    "text", ["Ford", "no numbers here at all", "!!!", "(", "...  ,", "9" * 400, "\u0663\u0669 caf\u00e9"]
)
def test_odd_texts_have_choices_and_valid_answers(text):
    makes, models, years, mpgs = choices(text)
    assert years == YEARS
    for mpg in mpgs:
        assert CARS.parse(f'{{"make":"{makes[0]}","model":"{models[0]}","year":{years[0]},"mpg":{mpg}}}')


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_empty_text_is_refused(text):
    with pytest.raises(DataError, match="empty"):
        CARS.template(text)


def test_shots_are_valid_new_and_spelled_by_their_templates():
    assert len(CARS.shots) == 3
    assert [CARS.parse(shot.answer).mpg is None for shot in CARS.shots].count(True) == 1
    for shot in CARS.shots:
        assert spells(CARS.template(shot.input), shot.answer)
        assert shot.input not in {example.input for example in EXAMPLES}


def test_score_counts_each_field():
    gold = Example("", '{"make":"ford","model":"Pinto","year":1974,"mpg":18.0}')
    wrong = '{"make":"ford","model":"pinto","year":1974,"mpg":null}'
    assert CARS.evaluate(gold, gold.answer) == {
        "field_accuracy": (4, 4), "make": (1, 1), "model": (1, 1), "year": (1, 1), "mpg": (1, 1),
        "exact_match": (1, 1), "valid": (1, 1),
    }  # fmt: skip
    counts = CARS.evaluate(gold, wrong)
    assert counts["field_accuracy"] == (2, 4) and counts["model"] == counts["mpg"] == (0, 1)
    assert counts["exact_match"] == (0, 1) and counts["valid"] == (1, 1)
    assert tuple(counts) == CARS.metrics


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{}",
        '{"make":"lada","model":"1200","year":1974,"mpg":null}',
        '{"make":"ford","model":"Pinto","year":1974,"mpg":1e999}',
        "not json",
    ],
)
def test_invalid_answer_scores_nothing(answer):
    gold = Example("", '{"make":"ford","model":"Pinto","year":1974,"mpg":null}')
    counts = CARS.evaluate(gold, answer)
    assert counts["field_accuracy"] == (0, 4) and not any(hits for hits, _ in counts.values())


def test_user_file_is_split_in_its_own_order(tmp_path):
    rows = [ROW | {"text": f"{ROW['text']}, lot {i}", "mpg": None if i == 3 else 18} for i in range(20)]
    data = CARS.load(write(tmp_path, [*rows[:5], "", *rows[5:]]))
    assert (data.name, len(data.train), len(data.dev), len(data.test)) == ("adverts.jsonl", 16, 2, 2)
    assert data.test[-1].input.endswith("lot 19")
    assert data.train[0].answer == '{"make":"ford","model":"Pinto","year":1974,"mpg":18.0}'
    assert data.train[3].answer.endswith('"mpg":null}')
    assert data.train[0].labels == ("ford",)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{not json", "not valid JSON"),
        ("[" * 5000, "not valid JSON"),
        ('{"text": "\\ud800"}', "not valid Unicode"),
        (ROW | {"mpg": 10**400}, '"mpg" is'),
        ("[1, 2]", "not a JSON object"),
        ({key: ROW[key] for key in ROW if key != "text"}, '"text" is missing'),
        (ROW | {"text": "  "}, '"text" is missing'),
        (ROW | {"text": 7}, '"text" is missing'),
        ({key: ROW[key] for key in ROW if key != "mpg"}, '"mpg" is missing. Give a number or null'),
        ({key: ROW[key] for key in ROW if key != "model"}, '"model" is missing. Give a text'),
        (ROW | {"year": "1974"}, '"year" is wrong'),
        (ROW | {"year": 10**30}, '"year" is not a year'),
        (ROW | {"mpg": True}, '"mpg" is wrong'),
        (ROW | {"model": None}, '"model" is wrong'),
        (ROW | {"make": "lada"}, '"make" is wrong. Give one of amc, '),
        (ROW | {"mpg": float("nan")}, '"mpg" is wrong. Give a number or null'),
    ],
)
def test_bad_line_is_named(tmp_path, bad, reason):
    with pytest.raises(DataError) as error:
        CARS.load(write(tmp_path, [ROW] * 11 + [bad]))
    assert "adverts.jsonl, line 12: " in str(error.value) and reason in str(error.value)


def test_empty_short_missing_and_undecodable_files(tmp_path):
    with pytest.raises(DataError, match="holds no advert"):
        CARS.load(write(tmp_path, ["", "  "]))
    with pytest.raises(DataError, match="a split needs at least 10 adverts, and it has 9"):
        CARS.load(write(tmp_path, [ROW] * 9))
    with pytest.raises(DataError, match=r"cannot read none\.jsonl"):
        CARS.load(str(tmp_path / "none.jsonl"))
    with pytest.raises(DataError, match="cannot read"):
        CARS.load(str(tmp_path))
    (tmp_path / "latin.jsonl").write_bytes(b'{"text": "\xe9"}')
    with pytest.raises(DataError, match="not UTF-8"):
        CARS.load(str(tmp_path / "latin.jsonl"))
