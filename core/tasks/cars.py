"""Reading a second-hand car advert as text generation: an advert in, one JSON object of four fields out."""

import hashlib
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from core.data import cars, plain
from core.data.files import json_lines, locate, read_text
from core.errors import DataError
from core.spelling import Template, serialise
from core.tasks.task import SPLITS, Counts, Dataset, Example, Part, Task, without_gold

FIELDS = ("make", "model", "year", "mpg")
WANTED = {
    "make": f"one of {', '.join(cars.MAKES)}",
    "model": "a text",
    "year": "a whole number such as 1974",
    "mpg": "a number or null",
}
YEARS = tuple(str(year) for year in range(1970, 1983))
LONGEST_MODEL = 5

# Chosen so that every make is in train, and every split has adverts without a consumption figure.
SPLIT_SALT = 116

# Longest first, so that "mercedes-benz" is not read as "mercedes".
_NAMES = sorted((*cars.MAKES, *cars.ALIASES), key=len, reverse=True)
_MAKE = re.compile(rf"\b({'|'.join(re.escape(name) for name in _NAMES)})\b", re.IGNORECASE)
_YEAR = re.compile(r"\b[1-9][0-9]{3}\b", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+(?:\.[0-9]+)?")


class CarInfo(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    make: cars.Make
    model: str
    year: int
    mpg: float | None


def example(text: str, info: CarInfo) -> Example:
    return Example(input=text, answer=serialise(info), labels=(info.make,))


def template(text: str) -> Template:
    """The makes the advert names (or all), its own spans of words as models, its own numbers."""
    if not text.split():
        raise DataError("the advert is empty: type at least one word.")
    years = _unique(_YEAR.findall(text)) or YEARS
    return ('{"make":"', _makes(text), '","model":"', _models(text), '","year":', years, ',"mpg":', _mpgs(text), "}")


def _makes(text: str) -> tuple[str, ...]:
    named = {cars.ALIASES.get(name.lower(), name.lower()) for name in _MAKE.findall(text)}
    return tuple(make for make in cars.MAKES if make in named) or cars.MAKES


def _models(text: str) -> tuple[str, ...]:
    """Spans of one to five words, as JSON spells them between the quotes."""
    words = list(re.finditer(r"\S+", text))
    spans = [
        _bare(text[first.start() : last.end()])
        for start, first in enumerate(words)
        for last in words[start : start + LONGEST_MODEL]
    ]
    return _unique(serialise(span)[1:-1] for span in spans if span) or (serialise(text.strip())[1:-1],)


def _bare(span: str) -> str:
    """Without trailing punctuation, quotes around it, brackets around it, or a bracket left without its partner."""
    span = span.rstrip(',.;:!?"').lstrip('"')
    if span.startswith("(") and ")" not in span[:-1]:
        return span[1:].removesuffix(")")
    if span.endswith(")") and "(" not in span:
        span = span[:-1]
    return span


def _mpgs(text: str) -> tuple[str, ...]:
    numbers = (float(number.replace(",", "")) for number in _NUMBER.findall(text))
    return _unique(["null", *(serialise(number) for number in numbers if math.isfinite(number))])


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def score(gold: CarInfo, predicted: CarInfo | None) -> Counts:
    """Accuracy of each field, and of all four together; a missing answer has every field wrong."""
    hits = {field: int(predicted is not None and getattr(gold, field) == getattr(predicted, field)) for field in FIELDS}
    return {"field_accuracy": (sum(hits.values()), len(FIELDS)), **{field: (hit, 1) for field, hit in hits.items()}}


def parts(info: CarInfo) -> tuple[Part, ...]:
    return tuple((field, "–" if value is None else str(value)) for field, value in info.model_dump().items())


def load(path: str | None = None) -> Dataset:
    """The bundled adverts, no car in two splits, or a user's JSONL file, or plain one, split 8 : 1 : 1 in its own
    order."""
    if path is None:
        return _bundled()
    file = locate(path)
    return Dataset.cut(file.name, _read(file), "adverts")


def split_of(name: str) -> str:
    """The split of a car, by its name alone: about 80 : 10 : 10."""
    bucket = int(hashlib.sha256(f"{SPLIT_SALT} {name}".encode()).hexdigest(), 16) % 10
    return {0: "dev", 1: "test"}.get(bucket, "train")


def _bundled() -> Dataset:
    parts: dict[str, list[Example]] = {split: [] for split in SPLITS}
    for advert in cars.load():
        info = CarInfo.model_validate({field: getattr(advert, field) for field in FIELDS})
        parts[split_of(advert.name)].append(example(advert.text, info))
    return Dataset("bundled", **{part: tuple(examples) for part, examples in parts.items()})


def _read(file: Path) -> list[Example]:
    """The adverts of a file; without gold where there is nothing but a text. Raises DataError with line number and
    reason."""
    if file.suffix.lower() in (".txt", ".csv"):
        return without_gold(plain.read(file))
    rows = json_lines(read_text(file), file.name)
    examples = [_parse(row, f"{file.name}, line {number}") for number, row in rows]
    if not examples:
        raise DataError(f"{file.name} holds no advert: give one JSON object a line.")
    return examples


def _parse(row: dict[str, Any], where: str) -> Example:
    text = row.pop("text", None)
    if not isinstance(text, str) or not text.strip():
        raise DataError(f'{where}: "text" is missing, empty or not a string. Put the advert there.')
    return example(text, _info(row, where)) if row else Example(text, "")


def _info(row: dict[str, Any], where: str) -> CarInfo:
    try:
        info = CarInfo.model_validate(row, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        field, wrong = str(first["loc"][0]), "missing" if first["type"] == "missing" else "wrong"
        raise DataError(f'{where}: "{field}" is {wrong}. Give {WANTED[field]}.') from error
    if not 0 < info.year < 10_000:
        raise DataError(f'{where}: "year" is not a year. Give one such as 1974.')
    return info


def _shot(text: str, make: cars.Make, model: str, year: int, mpg: float | None) -> Example:
    return example(text, CarInfo(make=make, model=model, year=year, mpg=mpg))


CARS = Task(
    name="cars",
    title="Car adverts",
    description="Read make, model, year and fuel consumption out of a second-hand car advert.",
    input_label="Advert",
    output=CarInfo,
    instructions="Extract the car's make, model as spelled, year and miles per gallon. mpg is null if not given.",
    shots=(
        _shot(
            "Selling my 1981 VW Polo L, 54,000 miles, 60 hp, 36.5 mpg, $1950 or best offer.",
            "volkswagen", "Polo L", 1981, 36.5,
        ),
        _shot(
            "volvo 164e from 1972, 6 cylinders, 98000 km, fuel use unknown, swap for a saab or 1400 dollars.",
            "volvo", "164e", 1972, None,
        ),
        _shot(
            "MUST SELL STOP LAGUNA S BY CHEVROLET STOP BUILT 1975 STOP DOES 14 TO THE GALLON STOP PRICE $900",
            "chevrolet", "LAGUNA S", 1975, 14.0,
        ),
    ),
    metrics=("field_accuracy", "make", "model", "year", "mpg", "exact_match", "valid"),
    score=score,
    parts=parts,
    part_label="Field",
    template=template,
    load=load,
    suffix=".jsonl",
    path_help="file",
    file_help='JSON lines: {"text": "...", "make": "...", "model": "...", "year": 1974, "mpg": 18.0} (mpg may be null)',
)  # fmt: skip
