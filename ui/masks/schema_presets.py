"""Small schemas to begin with: each as it would be written, with a text of it and what a model may be asked."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["pydantic", "json", "regex"]


@dataclass(frozen=True)
class Preset:
    title: str
    kind: Kind
    source: str
    text: str
    question: str


PRESETS = {
    "order": Preset(
        "A nested order (pydantic)",
        "pydantic",
        """class Size(str, Enum):
    SMALL = "small"
    LARGE = "large"

class Item(BaseModel):
    drink: Literal["tea", "coffee", "cocoa"]
    size: Size
    count: int = Field(ge=1, le=9)

class Order(BaseModel):
    name: str = Field(max_length=12)
    items: list[Item] = Field(min_length=1, max_length=3)
    note: Optional[str] = Field(max_length=20)
    paid: bool
""",
        '{"name":"Ada","items":[{"drink":"tea","size":"large","count":2}],"note":null,"paid":true}',
        "Ada orders two large teas and a small coffee, and has paid. Write her order as JSON with the keys name, items "
        "(drink, size, count), note and paid.",
    ),
    "date": Preset(
        "A date (regular expression)",
        "regex",
        r"(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
        "1969-07-20",
        "On which day did people first walk on the moon? Answer with the date as YYYY-MM-DD.",
    ),
    "plate": Preset(
        "Yes, no or a reason (regular expression)",
        "regex",
        r"(yes|no)|perhaps: [a-z]+( [a-z]+){0,5}",
        "perhaps: it may rain",
        "Should I take an umbrella today? Answer yes, no, or perhaps: and a reason in a few words.",
    ),
    "event": Preset(
        "An event (JSON Schema)",
        "json",
        """{
  "type": "object",
  "properties": {
    "title": {"type": "string", "maxLength": 20},
    "day": {"type": "string", "format": "date"},
    "guests": {"type": "integer", "minimum": 0, "maximum": 500},
    "open": {"type": "boolean"}
  },
  "required": ["title", "day", "guests", "open"],
  "additionalProperties": false
}
""",
        '{"title":"Spring fair","day":"2026-04-18","guests":120,"open":true}',
        "The spring fair is on 18 April 2026, 120 people come, and anyone may. Write it as JSON with the keys title, "
        "day, guests and open.",
    ),
    "tree": Preset(
        "A tree (recursive: held by llguidance)",
        "pydantic",
        """class Node(BaseModel):
    name: str
    children: list["Node"]
""",
        '{"name":"root","children":[{"name":"leaf","children":[]}]}',
        "Write a small tree as JSON: each node has a name and a list of children.",
    ),
}
