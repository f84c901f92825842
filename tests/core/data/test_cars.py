"""The adverts say what their gold fields say, vary enough, and never change."""

import json
import random
import re
from collections import Counter
from importlib.resources import files

import pytest

from core.data import cars

ADVERTS = cars.load()
ROWS = json.loads(files("vega_datasets").joinpath("_data", "cars.json").read_text(encoding="utf-8"))
FIGURE = re.compile(r"[0-9] ?(mpg|miles per gallon|miles to the gallon|to the gallon|miles/gallon)", re.IGNORECASE)


def skeleton(template: str) -> re.Pattern[str]:
    """A pattern for every advert the template can give."""
    pattern = ""
    for part in re.split(r"(\[[^\]]*\])", template):
        if part.startswith("["):
            known, unknown = part[1:-1].split("|")
            pattern += f"(?:{skeleton(known).pattern}|{skeleton(unknown).pattern})"
        else:
            pattern += ".+".join(re.escape(text) for text in re.split(r"\{\w+\}", part))
    return re.compile(pattern, re.IGNORECASE)


def test_two_adverts_a_row_in_order():
    assert len(ADVERTS) == 2 * len(ROWS) == 812
    assert len({advert.text for advert in ADVERTS}) == len(ADVERTS)
    for number, row in enumerate(ROWS):
        for advert in ADVERTS[2 * number : 2 * number + 2]:
            assert advert.mpg == row["Miles_per_Gallon"]
            assert str(advert.year) == row["Year"][:4]
            assert advert.name == " ".join(cars.split_name(row["Name"]))


def test_same_on_every_call_and_leaves_global_random_alone():
    random.seed(1)
    before = random.getstate()
    assert cars.load() == ADVERTS
    assert random.getstate() == before


def test_at_least_forty_templates_are_used():
    used = {template for template in cars.TEMPLATES if any(skeleton(template).fullmatch(a.text) for a in ADVERTS)}
    assert len(set(cars.TEMPLATES)) == len(cars.TEMPLATES) >= 40
    assert used == set(cars.TEMPLATES)


def test_adverts_are_short_single_ascii_lines():
    for advert in ADVERTS:
        assert advert.text.isascii() and advert.text.isprintable(), advert
        assert 10 <= len(advert.text.split()) <= 30, advert
        assert "None" not in advert.text and not re.search(r"[\[\]{}]|  | [,.]", advert.text), advert


def test_gold_fields_stand_in_the_text():
    for advert in ADVERTS:
        assert advert.model and advert.model in advert.text, advert
        assert advert.model.lower() == advert.name.removeprefix(advert.make + " ")
        assert re.search(rf"(?<![0-9,]){advert.year}(?![0-9])", advert.text), advert
        assert advert.make in cars.MAKES
        spoken = cars.SPOKEN.get(advert.make, (advert.make,))
        assert any(name in advert.text.lower() for name in spoken), advert


def test_consumption_is_exact_or_absent():
    unknown = [advert for advert in ADVERTS if advert.mpg is None]
    assert len(unknown) == 16
    for advert in ADVERTS:
        if advert.mpg is None:
            assert not FIGURE.search(advert.text), advert
        else:
            assert re.search(rf"(?<![0-9.,])({advert.mpg:g}|{advert.mpg:.1f})(?![0-9]|\.[0-9])", advert.text), advert
            assert FIGURE.search(advert.text), advert


def test_names_come_in_several_cases():
    cases = Counter("lower" if a.model.islower() else "upper" if a.model.isupper() else "mixed" for a in ADVERTS)
    assert all(cases[case] > 80 for case in ("lower", "upper", "mixed")), cases


@pytest.mark.parametrize(
    ("name", "make", "model"),
    [
        ("chevroelt chevelle malibu", "chevrolet", "chevelle malibu"),
        ("chevy s-10", "chevrolet", "s-10"),
        ("vw rabbit", "volkswagen", "rabbit"),
        ("vokswagen rabbit", "volkswagen", "rabbit"),
        ("maxda rx3", "mazda", "rx3"),
        ("toyouta corona mark ii (sw)", "toyota", "corona mark ii (sw)"),
        ("mercedes benz 300d", "mercedes-benz", "300d"),
        ("mercedes-benz 240d", "mercedes-benz", "240d"),
        ("hi 1200d", "international harvester", "1200d"),
        ("capri ii", "mercury", "capri ii"),
        ("subaru", "subaru", "leone"),
        ("honda Accelerationord lx", "honda", "accord lx"),
    ],
)
def test_odd_names_are_mended(name, make, model):
    assert cars.split_name(name) == (make, model)


def test_every_make_is_used():
    assert {advert.make for advert in ADVERTS} == set(cars.MAKES)
    assert set(cars.ALIASES.values()) <= set(cars.MAKES)
