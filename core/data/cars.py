"""Renders the cars of `vega-datasets` (406 rows, 1970 to 1982) as short made-up second-hand adverts.

Each row gives two adverts of different templates. Price, mileage and the like are drawn from the
row's own seed: they are distractors, never gold. Names are mended as follows, so that one car has
one spelling: misspelt and short makes go to the make's full name; "Accelerationord", a
search-and-replace slip in the source, is an "accord"; "hi 1200d" is International Harvester's
pick-up; "capri ii" was sold by Mercury; "subaru" alone, which has no model, is a Leone.
"""

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal, get_args

Make = Literal[
    "amc", "audi", "bmw", "buick", "cadillac", "chevrolet", "chrysler", "citroen", "datsun", "dodge", "fiat", "ford",
    "honda", "international harvester", "mazda", "mercedes-benz", "mercury", "nissan", "oldsmobile", "opel",
    "peugeot", "plymouth", "pontiac", "renault", "saab", "subaru", "toyota", "triumph", "volkswagen", "volvo",
]  # fmt: skip
MAKES: tuple[str, ...] = get_args(Make)

# Other spellings of a make, in the source's names or in adverts.
ALIASES = {
    "chevroelt": "chevrolet",
    "chevy": "chevrolet",
    "maxda": "mazda",
    "mercedes": "mercedes-benz",
    "mercedes benz": "mercedes-benz",
    "toyouta": "toyota",
    "vokswagen": "volkswagen",
    "vw": "volkswagen",
}

# What sellers say for a make; any other make goes by its own name.
SPOKEN = {
    "chevrolet": ("chevrolet", "chevrolet", "chevy"),
    "mercedes-benz": ("mercedes-benz", "mercedes"),
    "volkswagen": ("volkswagen", "volkswagen", "vw"),
}

_MENDED = {"capri ii": "mercury capri ii", "hi 1200d": "international harvester 1200d", "subaru": "subaru leone"}
_UNITS = ("mpg", "mpg", "miles per gallon", "miles to the gallon", "miles/gallon")
_SHORT_WORDS = {"air", "auto", "bel", "fox", "man", "new", "st"}
_CHOICE = re.compile(r"\[([^|\]]*)\|([^|\]]*)\]")

# `[with mpg|without]`: the second half stands where the row has no consumption figure.
SALES = (
    "For sale: {year} {make} {model}, {cyl} cylinders, {hp} hp, [{use}|consumption not known], {miles}. {price} ono.",
    "{make} {model}, {year}. One careful owner, {miles}. [Returns {use}.|Consumption never measured.] Asking {price}.",
    "Offered by dealer: {make} {model}, model year {year}, {hp} horsepower, [{use}, |]{price}, warranty included.",
    "I am selling my {make} {model}. Bought new in {year}, it [still gives {use}|has never failed]. {price}.",
    "Make: {make}. Model: {model}. Year: {year}. Price: {price}. Mileage: {miles}. [Economy: {use}.|Economy: unknown.]",
    "{year} | {make} | {model} | {cyl} cyl | [{mpg} mpg|mpg n/a] | {price} | {miles}",
    "Looking for a runabout? Our {year} {make} {model} [does {mpg} to the gallon|always starts] and costs {price}.",
    "[Does {mpg} to the gallon and|Starts first time and] never lets you down: {make} {model} from {year}, {price}.",
    "Built in {land} in {year}, this {make} {model} has {cyl} cylinders, {hp} hp and [{use}|unknown thirst]. {price}.",
    "Dealer clearance! {make} {model}, registered {year}, was {old_price}, now {price}. {miles}[, {use}|]. Call now.",
    "Private sale, {price}: {make} {model}, registered {year}, {miles}, rust on the doors, [{use}|economy unknown].",
    "Why walk? {price} buys this {year} {make} {model} with {hp} hp, {miles}[ and {use} on the motorway|].",
    "Estate sale. My uncle's {make} {model} of {year}, garaged, {miles}. [He noted {use}.|No fuel log.] {price}.",
    "Will swap my {year} {make} {model}, {miles}, [{use}, |]for any {other} in good order, or sell for {price}.",
    "Not another {other}! Try our {make} {model}: built {year}, {cyl}-cylinder engine, [{use}, |]{price} on the road.",
    "{model} by {make}, {year}. Weighs {weight} lbs, [{mpg} miles to the gallon|fuel use unknown], {miles}. {price}.",
    "Lot {lot}: {make} {model}, built {year}, {disp} cubic inches. [Consumption {use}.|Economy not stated.] {price}.",
    "Student must sell {make} {model}. It is a {year}, has done {miles}, [gets {use}|always starts] and costs {price}.",
    "How about this {year} {make} {model} for {price}? It [does {use} and|is cheap to run and] has {miles} behind it.",
    "Price {price}. Year {year}. {make} {model}. Engine {disp} cu in, {cyl} cylinders. Fuel economy [{use}|not known].",
    "Wife says it has to go: {make} {model}, {year} model, {hp} hp, [{use}, |]new tyres last winter, {price}.",
    "[{use}!|Rare find!] {year} {make} {model}, {miles}, two owners, well serviced. First {price} takes it away.",
    "The {model} is the one {make} got right. Ours is from {year}, [gives {use}|runs well] and is priced at {price}.",
    "After {miles} we part with our {make} {model}, bought in {year}. [Averages {use}|Mpg unknown], {cyl} cylinders.",
    "Stock no. {lot}. {make}, {model}, {year}, {hp} bhp, [{use}|economy to be confirmed], {miles}. {price} plus tax.",
    "Question for collectors: what would you pay for my {make} {model} of {year} with {miles}[ and {use}|]?",
    "Year {year}, mileage {miles}, power {hp} hp, [economy {use}, |]make {make}, model {model}, asking price {price}.",
    "Selling two cars. The {other} has gone, the {make} {model} is left: {year}, {miles}, [{use}, |]{price}.",
    "0 to 60 in {accel} seconds! {make} {model}, {year}, {hp} hp[, {mpg} mpg|], {price}. Serious buyers only please.",
    "My {make} turned out too small for us. It is a {model} from {year}, {cyl} cylinders, [{use}, |]{miles}, {price}.",
    "From {land} with love: {make} {model}, year {year}, {weight} lbs, [{use}|consumption unknown], yours for {price}.",
    "We traded in a {model} this week. Yes, the {make}, from {year}, with {miles}[ and {use}|]. Yours for {price}.",
    "Is {price} too much for a {year} {make} {model} that has run {miles}[ and does {use}|]? Make me an offer.",
    "A tidy {model} for the weekend. {make} made it in {year}. [Expect {use}.|Consumption unknown.] {price}, {miles}.",
    "Fuel: [{use}|no figure]. Mileage: {miles}. Car: {make} {model}. First owner since {year}. Price: {price}.",
    "In {year} my father chose {make} over {other}. His {model} has {miles}[, does {use}|] and goes for {price}.",
)
TELEGRAMS = (
    "selling {make} {model} stop built {year} stop [does {use}|consumption unknown] stop {price} stop reply soonest",
    "must sell {year} {make} {model} stop {miles} stop [{mpg} miles per gallon stop |]first {price} takes it stop",
    "car available stop {make} {model} stop year {year} stop {hp} horsepower stop [{use}|economy unknown] stop {price}",
    "leaving country stop {model} by {make} must go stop year {year} stop [gives {use} stop |]{miles} stop ask {price}",
    "offer {price} stop {make} {model} of {year} stop {cyl} cylinders stop [{mpg} mpg|mpg unknown] stop cash only",
)
NOTES = (
    "hi, still got the {make} {model} from {year}, [does {mpg} to the gallon, |]{miles}, can do {price} if quick",
    "{year} {make} {model} 4 sale, {miles}, [{mpg}mpg|no idea on mpg], {price} ono, no time wasters",
    "{make} {model}. {year}. {cyl} cyl. {hp} hp. [{mpg} mpg.|mpg unknown.] {price}. needs a wash.",
    "dear neighbours, our {make} {model} of {year} is for sale at {price}. [we get {use}.|mpg unknown.] knock at {lot}",
    "anyone after cheap wheels? {year} {make} {model}, {hp}hp, [{mpg}mpg, |]{miles}, {price}, bring jump leads",
    "swap or sale: {make} {model} {year}, [{use}, |]want any {other} or {price}, {miles}, runs fine",
    "{price} gets you my {model}, it's a {make}, {year}, {weight}lbs, [{mpg} mpg|mpg not known], {miles}",
)
TEMPLATES = SALES + TELEGRAMS + NOTES


@dataclass(frozen=True)
class Advert:
    """An advert and what it says: `model` as spelled in the text, `name` the car's mended lower-case name."""

    text: str
    make: str
    model: str
    year: int
    mpg: float | None
    name: str


def load() -> list[Advert]:
    """All adverts, two a row, in the source's order; the same on every call."""
    rows = json.loads(files("vega_datasets").joinpath("_data", "cars.json").read_text(encoding="utf-8"))
    return [advert for number, row in enumerate(rows) for advert in _adverts(row, random.Random(number))]


def _adverts(row: dict[str, Any], rng: random.Random) -> list[Advert]:
    fitting = [template for template in TEMPLATES if row["Horsepower"] is not None or "{hp}" not in template]
    return [_advert(row, template, rng) for template in rng.sample(fitting, 2)]


def _advert(row: dict[str, Any], template: str, rng: random.Random) -> Advert:
    make, model = split_name(row["Name"])
    year, mpg = int(row["Year"][:4]), row["Miles_per_Gallon"]
    case = _case(template, rng)
    names = {"make": rng.choice(SPOKEN.get(make, (make,))), "model": model}
    names["other"] = rng.choice([other for other in MAKES if other != make])
    fields = {key: case(name) for key, name in names.items()}
    fields |= _consumption(mpg, rng) | _distractors(row, rng)
    text = _CHOICE.sub(r"\2" if mpg is None else r"\1", template).format(year=year, **fields)
    text = text if template in SALES else case(text)
    return Advert(text, make, fields["model"], year, None if mpg is None else float(mpg), f"{make} {model}")


def split_name(name: str) -> tuple[str, str]:
    """Make and model of a name in the source, mended."""
    name = _MENDED.get(name, name).replace("Accelerationord", "accord").replace("mercedes benz", "mercedes-benz")
    for make in MAKES:
        if name.startswith(make + " "):
            return make, name.removeprefix(make + " ")
    first, model = name.split(" ", 1)
    return ALIASES[first], model


def _case(template: str, rng: random.Random) -> Callable[[str], str]:
    """How names are written; telegrams and notes are in one case throughout."""
    if template in SALES:
        return rng.choice((_titled, _titled, _titled, str.lower, str.upper))
    return str.upper if template in TELEGRAMS else str.lower


def _titled(name: str) -> str:
    """Names as on a boot lid: "Chevelle Malibu", but "Celica GT" and "280-ZX"."""
    return re.sub(r"[a-z]+", lambda word: _titled_word(word[0]), name)


def _titled_word(word: str) -> str:
    is_code = word == "cvcc" or (len(word) < 4 and word not in _SHORT_WORDS)
    return word.upper() if is_code else word.capitalize()


def _consumption(mpg: float | None, rng: random.Random) -> dict[str, str]:
    figure = "" if mpg is None else rng.choice((f"{mpg:g}", f"{mpg:g}", f"{mpg:.1f}"))
    return {"mpg": figure, "use": f"{figure} {rng.choice(_UNITS)}"}


def _distractors(row: dict[str, Any], rng: random.Random) -> dict[str, str]:
    price, distance = rng.randrange(350, 4900, 50), rng.randrange(12_000, 160_000, 1_000)
    return {
        "price": rng.choice((f"${price:,}", f"${price}", f"{price} dollars")),
        "old_price": f"${price + rng.randrange(100, 600, 50):,}",
        "miles": rng.choice((f"{distance:,}", str(distance))) + rng.choice((" miles", " miles", " km")),
        "lot": str(rng.randrange(2, 400)),
        "hp": str(row["Horsepower"]),
        "cyl": str(row["Cylinders"]),
        "disp": f"{row['Displacement']:g}",
        "weight": str(row["Weight_in_lbs"]),
        "accel": f"{row['Acceleration']:g}",
        "land": "the USA" if row["Origin"] == "USA" else row["Origin"],
    }
