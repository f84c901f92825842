import ast
import json
import re
import sys
import threading
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from core.constrain.source.read import to_json_schema
from core.errors import SchemaError

HEAD = """
from __future__ import annotations
import datetime as dt, typing, uuid, pydantic
import collections.abc
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from enum import Enum, IntEnum, StrEnum, auto
from typing import Annotated, Any, Dict, FrozenSet, List, Literal, Optional, Set, Tuple, Union
from typing_extensions import TypeAlias
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, NegativeInt, NonNegativeInt, NonPositiveInt
from pydantic import PositiveFloat, NegativeFloat, NonNegativeFloat, NonPositiveFloat
from pydantic import StrictBool, StrictFloat, StrictInt, StrictStr, StringConstraints
from pydantic import conint, confloat, conlist, constr, BaseModel as Base
"""
SHOP = '''
class Color(str, Enum):
    """What it looks like."""

    RED = "red"
    BLUE = "blue"

Kind = Literal["a", "b"]
Code = Annotated[str, Field(min_length=2, description="a code")]
Codes: TypeAlias = "list[Code]"

class Thing(BaseModel):
    """A thing.

        Of many words.
    """

    id: int = Field(gt=0, description="its number")
    color: Color = Color.RED
    "said of the field"

class Order(Thing):
    kind: Kind
    codes: Codes = []
    things: list[Thing] = Field(default_factory=list, min_length=1)
    parent: Optional["Order"] = None
'''
FIELDS = {
    "scalars": ["int", "str", "float", "bool", "None", "Any", "typing.Any", "uuid.UUID"],
    "times": ["date", "datetime", "time", "dt.date", "dt.datetime"],
    "unions": ["int | None", "Optional[str] = None", "Union[int, str, None]", "int | str | bool"],
    "lists": ["list[int]", "List[list[str]]", "list", "Sequence[int]", "conlist(int, min_length=1)"],
    "tuples": ["tuple[int, str]", "tuple[int, ...]", "Tuple[int]", "tuple", "tuple[()]"],
    "sets": ["set[int]", "Set[str]", "frozenset[int] = Field(max_length=3)", "FrozenSet[str]"],
    "dicts": [
        "dict[str, int]",
        "Dict[str, list[int]]",
        "dict",
        "Mapping[str, Any]",
        "collections.abc.Mapping[str, int]",
    ],
    "keys of dicts": ["dict[constr(pattern='^a'), int]", "dict[Literal['a', 'b'], int]"],
    "literals": ["Literal['a']", "Literal['a', 1, None, True]", "Literal[-1, 2] = -1", "typing.Literal['x', 'y']"],
    "positive": ["PositiveInt", "NonNegativeInt", "PositiveFloat", "NonNegativeFloat"],
    "negative": ["NegativeInt", "NonPositiveInt", "NegativeFloat", "NonPositiveFloat"],
    "strict": ["StrictStr", "StrictInt", "StrictFloat", "StrictBool"],
    "constrained": [
        "constr(min_length=1, max_length=3, pattern='^a+$')",
        "conint(ge=1, lt=9)",
        "confloat(gt=0, le=1.5, multiple_of=0.5)",
        "conlist(conint(gt=0), max_length=2)",
        r"Annotated[str, StringConstraints(pattern=r'^\d+$')]",
    ],
    "Field": [
        "int = Field(3, ge=-1, le=10, title='T', description='D', examples=[1, 2])",
        "str = Field(..., pattern='a|b', alias='bee')",
        "Annotated[int, Field(multiple_of=2)] = 4",
        "str | None = Field(default=None, min_length=1)",
        "dict = Field(default_factory=dict)",
        "Annotated[Optional[list[str]], Field(max_length=2), Field(title='G')] = pydantic.Field(None)",
    ],
    "defaults": ["dict = {'x': [1, -2.5, None, True]}", "list = [(1, 2)]", "float = -1", "str = 'a' 'é'", "int = ..."],
}
CLASSES = {
    "a shop": SHOP,
    "enums": """
class A(Enum):
    X = "x"
    Y = 1
class B(StrEnum):
    X = auto()
    Y = "y"
class C(IntEnum):
    X = 1
    Y = -2
class D(int, Enum):
    "doc"
    X = 3
class E(float, Enum):
    X = 1.5
class F(Enum):
    X = auto()
class M(BaseModel):
    a: A
    b: B = B.X
    c: list[C] = [C.X]
    d: D
    e: E
    f: F
    g: Literal[A.X, A.Y]
""",
    "names of fields hide no types": """
class A(BaseModel):
    date: dt.date
    when: list[date] = []
    int: str
    other: dt.date
""",
    "configuration": """
class A(BaseModel):
    model_config = ConfigDict(extra="forbid", title="Tee")
    a: int
class B(BaseModel):
    model_config = {"extra": "allow", "frozen": True}
    a: A
class C(A):
    b: B
    c: "list[C]" = Field(alias="sea")
    model_config = ConfigDict(populate_by_name=True)
""",
    "recursion": """
class Node(BaseModel):
    value: int
    children: list["Node"] = []
Node.model_rebuild()
""",
    "mutual recursion": """
class A(BaseModel):
    b: "B | None"
    c: list["C"]
class B(BaseModel):
    a: "A"
class C(BaseModel):
    c: Optional["C"]
    b: B
class D(A):
    d: dict[str, "A"]
A.model_rebuild()
""",
    "defined later": """
class A(BaseModel):
    b: list["B"]
class B(BaseModel):
    x: int
class C(B):
    a: "A"
""",
    "inheritance": """
class A(Base):
    a: int
    z: str
class B(pydantic.BaseModel):
    b: int
class C(A, B):
    c: int
    a: str = ""
""",
    "discriminator": """
class Cat(BaseModel):
    kind: Literal["cat"]
class Dog(BaseModel):
    kind: Literal["dog", "wolf"]
class A(BaseModel):
    pet: Union[Cat, Dog] = Field(discriminator="kind")
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]]
""",
    "empty": """
class A(BaseModel):
    "nothing"
class B(BaseModel):
    pass
class C(BaseModel):
    ...
    a: A
    b: B
""",
}
VALID = CLASSES | {
    name: "class A(BaseModel):\n" + "".join(f"    f{i}: {line}\n" for i, line in enumerate(lines))
    for name, lines in FIELDS.items()
}


@pytest.fixture
def executed(request):
    """The module pydantic itself would see. Only for the trusted texts above."""

    def run(source):
        module = types.ModuleType("trusted_source")
        sys.modules[module.__name__] = module
        exec(compile(source, "trusted", "exec"), module.__dict__)
        return module

    yield run
    sys.modules.pop("trusted_source", None)


@pytest.mark.parametrize("source", VALID.values(), ids=VALID)
def test_every_model_equals_pydantics_own(source, executed):
    module = executed(HEAD + source)
    models = [m for m in vars(module).values() if isinstance(m, type) and issubclass(m, BaseModel)]
    own = list(dict.fromkeys(m for m in models if m.__module__ == "trusted_source"))
    assert own
    every = "\nclass Every(BaseModel):\n" + "".join(f"    f{i}: {m.__name__}\n" for i, m in enumerate(own))
    for text, last in ((source, own[-1]), (source + every, executed(HEAD + source + every).Every)):
        name, schema = to_json_schema(HEAD + text)
        assert name == last.__name__
        assert json.dumps(schema) == json.dumps(last.model_json_schema())  # the order of keys, too


def test_imports_may_be_forgotten():
    assert to_json_schema(SHOP) == to_json_schema(HEAD + SHOP)


def test_the_last_class_is_the_root_and_its_schema_is_a_known_one():
    name, schema = to_json_schema('class B(BaseModel):\n """Of\n  two."""\n x: int = Field(gt=0, description="d")')
    x = {"description": "d", "exclusiveMinimum": 0, "title": "X", "type": "integer"}
    assert name == "B"
    assert schema == {
        "description": "Of\ntwo.", "properties": {"x": x}, "required": ["x"], "title": "B", "type": "object",
    }  # fmt: skip


A = "class A(BaseModel):\n"
CHAIN = "".join(f"class A{i}(BaseModel):\n a: 'A{i + 1}'\n" for i in range(300)) + "class A300(BaseModel): ..."
RULE = "is code, and code of the text is never run, so a rule in it could not be kept"
REFUSED = [
    # no text, no model
    ("", "defines no model: write class"),
    ("class E(Enum):\n a = 1", "defines no model"),
    ("x" * 100_001, "has 100,001 characters; the limit is 100,000"),
    ("class A(BaseModel)\n a: int", "line 1, column 19: not Python: expected ':'"),
    ("a = '\ud800'", "characters that are no text"),
    ("a\0", "not Python"),
    ("x = " + "-" * 50_000 + "1", "nested too deeply"),
    ("x = " + "(" * 500, "too many nested parentheses"),
    (A + " x: " + "int|" * 9_000 + "int", "nested too deeply"),
    (CHAIN, "nested too deeply"),
    ("".join(f"class A{i}(BaseModel): ...\n" for i in range(501)), "has 501 classes; the limit is 500"),
    # code
    (A + " x: int\n @check('x')\n def rule(cls, v): return v", f"line 4: A: @\"check('x')\" def rule {RULE}"),
    (A + " async def f(self): ...", f"line 2: A: def f {RULE}"),
    (A + " x: int\n print(1)", f"line 3: A: 'print(1)' {RULE}"),
    (A + " if True:\n  x: int", f"line 2: A: 'if True:' {RULE}"),
    ("@frozen\n" + A + " x: int", f"line 1: A: the decorator 'frozen' {RULE}"),
    ("def f(): ...\n", f"line 1: the text: 'def f():' {RULE}"),
    ("for x in y: pass", "line 1: the text: 'for x in y:' is code"),
    (A + " x: int\nA(x=1)", "line 3: the text: 'A(x=1)' is code"),
    (A + " x: int\nA.model_rebuild(force=f())", "is code"),
    ("B.model_rebuild()", "is code"),
    (A + " x: int = f()", "line 2: A.x: 'f()' is not a constant: write the value itself, nothing is computed"),
    (A + " x: int = 1 + 1", "'1 + 1' is not a constant"),
    (A + " x: str = f'{y}'", "is not a constant"),
    (A + " x: bytes = b'x'", "the type 'bytes' is not known here"),
    (A + " x: Literal[f()]", "line 2: A.x: 'f()' is not a constant"),
    (A + " x: list = Field(default_factory=lambda: [])", "default_factory is code, which is never run"),
    (A + " x: [int for _ in y]", "is not a type that is known here"),
    (A + " x: (lambda: int)()", "is not a type that is known here"),
    # names
    ("import os", "line 1: the text: the module 'os' is not one of __future__, collections.abc"),
    ("from .typing import Any", "the module '.typing' is not one of"),
    ("from decimal import Decimal", "the module 'decimal' is not one of"),
    (A + " x: Decimal", "line 2: A.x: the type 'Decimal' is not known here: use a simple type"),
    (A + " x: list[dict[str, Foo]]", "line 2: A.x[][*]: the type 'Foo' is not known here"),
    (A + " x: dict[int, str]", "line 2: A.x: the keys of 'dict[int, str]' are no texts"),
    (A + " x: Mapping[Literal['a', 1], str]", "are no texts"),
    (A + " x: tuple[int, Foo]", "line 2: A.x[1]: the type 'Foo'"),
    (A + " x: list['Foo']", "line 2: A.x[]: the type 'Foo'"),
    (A + " x: 'list['", "the text \"'list['\" is not a type"),
    (A + " x: typing.NoReturn", "'typing.NoReturn' is not known here"),
    (A + " x: Optional", "'Optional' says nothing by itself"),
    (A + " x: Union[()]", "a Union needs types"),
    (A + " x: Foo[int]", "'Foo[int]' is not a type that is known here"),
    (A + " x: list[int, str]", "'list[int, str]' holds 2 types: list takes 1"),
    (A + " x: Literal[1.5]", "'1.5' cannot stand in a Literal"),
    (A + " x: Annotated[int, Gt(3)]", "'Gt(3)' cannot be honoured in Annotated"),
    (A + " x: 3", "line 2: A.x: '3' is not a type"),
    ("X = 3\n" + A + " x: X", "line 1: X: '3' is not a type"),
    ("X = list['X']\n" + A + " x: X", "an alias holds itself"),
    (A + " x: " + "list[" * 40 + "int" + "]" * 40, "nested more than 30 deep"),
    ("B0 = tuple[int, int]\n" + "".join(f"B{i} = tuple[B{i - 1}, B{i - 1}]\n" for i in range(1, 25)), "20,000 types"),
    ("class A: x: int", "line 1: A: the class derives from nothing"),
    ("class A(Foo): x: int", "line 1: A: the base class 'Foo' is not known here"),
    ("class A(RootModel[int]): ...", "the base class 'RootModel[int]' is not known here"),
    (A + " x: int\n" + A + " y: int", "line 3: A: the name 'A' is defined twice"),
    ("A = int\n" + A + " y: int", "line 2: A: the name 'A' is defined twice"),
    ("class BaseModel: ...", "the name 'BaseModel' has a meaning already"),
    ("date = int", "the name 'date' has a meaning already"),
    ("class _A(BaseModel): ...", "begins with _"),
    # classes
    (A + " x: int\n x: str", "line 3: A.x: it is defined twice"),
    (A + " x = 3", "line 2: A.x: 'x = 3' is a field without a type: write x: TYPE = value"),
    (A + " _x: int", "line 2: A._x: a name that begins with _ is private"),
    (A + " a.b: int", "'a.b: int' is code"),
    (A + " class B(BaseModel): ...", "the class 'B' stands inside a class: move it to the outermost level"),
    ("class A(BaseModel, extra='forbid'): ...", "the class line takes no keywords here: write model_config"),
    (A + " model_config = ConfigDict(str_to_lower=True)", "line 2: A.model_config: the keyword 'str_to_lower'"),
    (A + " model_config = ConfigDict(**x)", "the keyword '**' cannot be honoured"),
    (A + " model_config = ConfigDict(extra=1)", "the keyword 'extra' must be of type str"),
    (A + " model_config = ConfigDict(extra='never')", "A: pydantic refuses the class"),
    (A + " model_config = f()", "'f()' is not a configuration"),
    (A + " model_config: int = 3", "A.model_config: pydantic refuses it"),
    (A + " '\\ud800'", "line 1: A: a text holds half a surrogate pair"),
    # Enums
    ("class E(Enum): ...", "line 1: E: the Enum has no member"),
    ("class E(Enum):\n a: int = 1", "line 2: E: 'a: int = 1' is not a member of an Enum"),
    ("class E(Enum):\n a = f()", "line 2: E: 'f()' is not a constant"),
    ("class E(Enum):\n a = (1, 2)", "the value does not suit the Enum"),
    ("class E(str, Enum):\n a = 1", "the value does not suit the Enum"),
    ("class E(IntEnum):\n a = 1.5\n mro = 2", "line 1: E: not an Enum"),
    ("class E(bytes, Enum):\n a = 1", "an Enum derives from Enum, StrEnum, IntEnum or (str, Enum)"),
    ("class E(Enum):\n def f(self): ...", "def f is code"),
    ("class E(Enum):\n a = 1\n" + A + " x: E = E.b", "the Enum E has no member 'b'"),
    # fields
    (A + " x: list[Annotated[float, Field(decimal_places=2)]]", "A.x[]: the keyword 'decimal_places' cannot"),
    (A + " x: int = Field(json_schema_extra={'a': 1})", "line 2: A.x: the keyword 'json_schema_extra' cannot"),
    (A + " x: int = Field(**y)", "the keyword '**' cannot be honoured"),
    (A + " x: str = constr(to_lower=True)", "is not a constant"),
    (A + " x: constr(to_lower=True)", "the keyword 'to_lower' cannot be honoured"),
    (A + " x: constr(True)", "'True' has no keyword: write name=value"),
    (A + " x: conlist()", "'conlist()' is not accepted"),
    (A + " x: int = Field(1, default=2)", "'Field(1, default=2)' is not accepted"),
    (A + " x: int = Field(ge='a')", "ge is \"'a'\", but must be a number"),
    (A + " x: str = Field(min_length=-1)", "min_length is '-1', but must be a whole number that is not negative"),
    (A + " x: str = Field(title=1)", "title is '1', but must be a text"),
    (A + " x: str = Field(examples='a')", "must be a list"),
    (A + " x: list[int] = Field(pattern='a')", "A.x: the keyword 'pattern' does not suit the type"),
    (A + " x: tuple[int, int] = Field(min_length=1)", "the keyword 'min_length' does not suit the type"),
    (A + " x: int | str = Field(pattern='a')", "the keyword 'pattern' does not suit the type"),
    (A + " x: Annotated[bool, Field(ge=1)]", "the keyword 'ge' does not suit the type"),
    (A + " y: int\n x: str = Field(pattern='(')", "line 3: A.x: pydantic refuses it: error: unclosed group"),
    (A + " y: int\n x: int = Field(discriminator='a')", "line 3: A.x: pydantic refuses it"),
    (A + " x: int = 0x" + "f" * 5_000, "a number is too large"),
    (A + " x: float = 1e999", "a number is too large"),
    (A + " x: dict = {1: 2}", "is not a text: put the keys in quotes"),
    (A + " x: dict = {**y}", "write ** out"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "message"), REFUSED, ids=[f"{i}" for i in range(len(REFUSED))])
def test_what_cannot_be_honoured_is_refused_by_name(source, message):
    with pytest.raises(SchemaError, match=re.escape(message)):
        to_json_schema(source)


EFFECT = "open({path!r}, 'w').close()"


@pytest.mark.parametrize(
    "template",
    [
        "{effect}\nclass A(BaseModel):\n x: int",
        "class A(BaseModel):\n x: int\n {effect}",
        "class A(BaseModel):\n x: int = {effect}",
        "class A(BaseModel):\n x: {effect}",
        "class A(BaseModel):\n x: 'list[{effect}]'",
        "class A(BaseModel):\n x: list[{effect}]",
        "class A(BaseModel):\n x: Literal[{effect}]",
        "class A(BaseModel):\n x: int = Field({effect})",
        "class A(BaseModel):\n x: int = Field(description={effect})",
        "class A(BaseModel):\n x: list = Field(default_factory=lambda: {effect})",
        "class A(BaseModel):\n x: str = f'{{{effect}}}'",
        "@({effect})\nclass A(BaseModel):\n x: int",
        "class A({effect}):\n x: int",
        "class A(BaseModel, metaclass={effect}):\n x: int",
        "class A(BaseModel):\n model_config = ConfigDict(extra={effect})",
        "class E(Enum):\n a = {effect}",
        "X = {effect}",
        "class A(BaseModel):\n x: int\n def __init_subclass__(cls): {effect}\nclass B(A): ...",
    ],
)
def test_nothing_is_executed(template, tmp_path):
    path = tmp_path / "effect"
    # Quotes of the path would end the quoted annotation.
    effect = EFFECT.format(path=str(path)).replace("'", '"')
    source = template.format(effect=effect)
    with pytest.raises(SchemaError):
        to_json_schema(source)
    assert not path.exists()
    compile(source, "a text that would run", "exec")


PIECES = [
    "\n", " ", "    ", "(", ")", "[", "]", "{", "}", ":", ",", ".", "=", "|", "*", "-", "@", "'", '"', "...", "0", "-1",
    "None", "True", "int", "str", "list", "tuple", "dict", "Literal", "Optional", "Union", "Annotated", "Any", "Field",
    "constr", "conlist", "auto", "Enum", "BaseModel", "ConfigDict", "Color", "Color.RED", "Thing", "Order", "Kind",
    "ge=1", "pattern='('", "alias=''", "discriminator='id'", "default=", "class ", "def ", "lambda: ", "import ",
    "f'{x}'", "b'x'", "\\", "\0", "é", "\ud800", "model_config", "_x", "self", "type", "import typing\n", "await ",
]  # fmt: skip
TRUSTED = [HEAD + source for source in VALID.values()] + [SHOP]


@st.composite
def mutated(draw):
    """A valid text, cut, doubled and peppered at random."""
    text = draw(st.sampled_from(TRUSTED))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(st.sampled_from([*PIECES, "", text[start:end] * 2])) + text[end:]
    return text


def spans(text):
    """Where the expressions and statements of a text begin and end."""
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.expr | ast.stmt)]
    return [(starts[n.lineno - 1] + n.col_offset, starts[n.end_lineno - 1] + n.end_col_offset) for n in nodes]


SPANS = [(text, spans(text)) for text in VALID.values() if text.isascii()]
EXPRESSIONS = sorted({text[a:b] for text, found in SPANS for a, b in found if "\n" not in text[a:b]})


@st.composite
def exchanged(draw):
    """A valid text with expressions in the place of others: still Python, so that the reading gets far."""
    text, found = draw(st.sampled_from(SPANS))
    end = len(text)
    for a, b in sorted(draw(st.lists(st.sampled_from(found), min_size=1, max_size=3)), reverse=True):
        if b <= end:
            text, end = text[:a] + draw(st.sampled_from(EXPRESSIONS)) + text[b:], a
    return text


@given(exchanged() | mutated() | st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_gives_a_schema_or_a_schema_error(source):
    try:
        name, schema = to_json_schema(source)
    except SchemaError as error:
        assert str(error).endswith(".")
    else:
        assert name.isidentifier() and isinstance(schema, dict)


def test_depth_ends_in_a_message_in_a_thread_too():
    """The interface reads texts in threads, whose stacks are not the main one."""
    found = []

    def read():
        for source in (text for text, message in REFUSED if "nested" in message):
            with pytest.raises(SchemaError):
                to_json_schema(source)
            found.append(source)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert len(found) >= 5
