"""Schemas that every engine is asked about."""

import numpy as np
import pytest

from core.constrain import schema, tokens
from core.constrain.compile import compile
from core.tasks import CARS, POS

ORDER = """
from enum import Enum
from typing import Literal, Optional
class Size(str, Enum):
    S = "small"
    L = "large"
class Item(BaseModel):
    name: str = Field(max_length=12)
    size: Size
    count: int
class Order(BaseModel):
    id: int
    items: list[Item] = Field(max_length=3)
    note: Optional[str]
    paid: bool
"""
REGEXES = [
    "yes|yesterday", r"[0-9]+(\.[0-9]+)?", "[0-9]{4}-(0[1-9]|1[0-2])", "[b-龥]{3}", "好+ and Ł*", "(the|a) [a-z]+",
    "(a|b)*abb",
]  # fmt: skip


def all_schemas():
    yield from (schema.from_regex(regex) for regex in REGEXES)
    yield from (schema.from_pydantic(task.output) for task in (POS, CARS))
    yield schema.from_source(ORDER)
    yield schema.from_json_schema({"type": "array", "items": {"enum": ["a", "ab", "b\n", None, 12]}, "maxItems": 3})
    yield schema.from_json_schema({"type": "integer"})


TEXTS = {
    "regex": ["yesterday", "12.5", "2024-12", "b好c", "好好 and ŁŁ", "the cat", "ababb"],
    "AnnotatedSentence": [
        '{"tokens":[{"text":"He said \\"好\\"\\n","pos":"NOUN"},{"text":"","pos":"X"}]}',
        '{"tokens":[]}',
    ],
    "CarInfo": [
        '{"make":"bmw","model":"320i — \\u0007","year":1977,"mpg":21.5}',
        '{"make":"bmw","model":"","year":-1,"mpg":null}',
    ],
    "Order": ['{"id":7,"items":[{"name":"ünder","size":"small","count":0}],"note":null,"paid":true}'],
    "JSON Schema": ['["a","ab","b\\n"]', "[null,12]", "[]", "-120", "0"],
}


@pytest.fixture(scope="session")
def tables(tokenizer):
    """Two token tables: the tests' own tokenizer, and the bundled one of 49,152 tokens."""
    from transformers import AutoTokenizer

    from core.models import bundled

    return [tokens.from_tokenizer(t) for t in (tokenizer, AutoTokenizer.from_pretrained(bundled.prepare()))]


@pytest.fixture(params=[0, 1], ids=["700 tokens", "49,152 tokens"])
def table(tables, request):
    return tables[request.param]


@pytest.fixture(params=list(all_schemas()), ids=lambda s: s.regex or s.name)
def a_schema(request):
    return request.param


@pytest.fixture
def answers(a_schema):
    """Texts of TEXTS that the schema accepts."""
    machine = compile(a_schema.expression, "x")
    found = [text for text in TEXTS[a_schema.name] if machine.matches(text)]
    assert found
    return found


@pytest.fixture
def spell():
    """Tokens of a text, one spelling of many: the longest token that fits, or by chance a shorter one."""

    def spelled(table, text, seed=None):
        random, ids, data = np.random.default_rng(seed), [], text.encode()
        by_bytes = {spelling: i for i, spelling in enumerate(table.bytes_of) if spelling}
        while data:
            fitting = [data[:n] for n in range(1, min(len(data), 24) + 1) if data[:n] in by_bytes]
            piece = fitting[-1] if seed is None else fitting[random.integers(len(fitting))]
            ids.append(by_bytes[piece])
            data = data[len(piece) :]
        return ids

    return spelled
