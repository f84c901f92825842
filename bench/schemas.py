"""Which engine gets real JSON Schemas right?

697 schemas from the wild with instances marked valid or not (`jsonschema/maskbench-part.tar.gz` in the folder that
STILLROOM_DATA names). For the automatic choice and for each engine alone: how many schemas it holds, of these how many
with every instance judged right, and how many with a valid instance refused or an invalid one accepted. outlines is
left out: nothing limits the time it takes. Prints one JSON object last: `python -m bench.schemas`.
"""

import json
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from bench import DATA
from bench.canonical import canonical
from core.constrain import schema
from core.constrain.compile import Limits
from core.constrain.engines.choice import build, choose
from core.constrain.engines.constraint import Constraint, check_answer
from core.constrain.json_value import spell
from core.constrain.schema import Schema
from core.constrain.tokens import BYTES
from core.errors import SchemaError

ARCHIVE = DATA / "jsonschema" / "maskbench-part.tar.gz"
WAYS: dict[str, Callable[[Schema], Constraint]] = {
    "automatic": lambda found: choose(found, BYTES).constraint,
    "dfa": lambda found: build(found, BYTES, "dfa", Limits()),
    "llguidance": lambda found: build(found, BYTES, "llguidance"),
    "xgrammar": lambda found: build(found, BYTES, "xgrammar"),
}


def main() -> None:
    if not ARCHIVE.exists():
        sys.exit(f"{ARCHIVE.name} is not here: set STILLROOM_DATA to the folder that holds jsonschema/.")
    table = {name: _judge(way) for name, way in WAYS.items()}
    print(json.dumps({"bench": "schemas", "schemas": sum(1 for _ in _cases()), "engines": table}))


def _cases() -> Iterator[dict[str, Any]]:
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            if file := archive.extractfile(member):
                yield json.load(file)


def _judge(way: Callable[[Schema], Constraint]) -> dict[str, float]:
    found: Counter[str] = Counter(held=0, all_right=0, valid_refused=0, invalid_accepted=0)
    slowest = 0.0
    for case in _cases():
        began = time.perf_counter()
        try:
            constraint = way(schema.from_json_schema(case["schema"]))
        except SchemaError:
            continue
        finally:
            slowest = max(slowest, time.perf_counter() - began)
        wrong = {test["valid"] for test in case["tests"] if _accepts(constraint, test, case) != test["valid"]}
        found.update(
            held=1, all_right=int(not wrong), valid_refused=int(True in wrong), invalid_accepted=int(False in wrong)
        )
    return {**found, "slowest_s": round(slowest, 2)}


def _accepts(constraint: Constraint, test: dict[str, Any], case: dict[str, Any]) -> bool:
    try:
        check_answer(constraint, spell(canonical(test["data"], case["schema"])))
    except SchemaError:
        return False
    return True


if __name__ == "__main__":
    main()
