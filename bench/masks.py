"""What do the masks of a corpus cost, and the first mask of a schema, against the libraries one would use instead?

200 part-of-speech answers of 100 to 200 tokens (UD English EWT where it is, the bundled sentences otherwise), one
thread, all engines in this run, each through its own interface and as often; the best time counts. Prints one JSON
object last: `python -m bench.masks`. `corpus_*` are microseconds a position, the schema's compilation included;
`corpus_speedup_vs_outlines` is against outlines' logits processor, one string at a time.
"""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from bench import DATA
from core.constrain import regex, schema, template, tokens
from core.constrain.compile import compile
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.engines.outlines import OutlinesConstraint
from core.constrain.masks import MaskStore
from core.constrain.schema import Schema
from core.constrain.tokens import TokenTable
from core.data import conllu
from core.evaluate.score import machine
from core.models import bundled
from core.tasks import POS, Example
from core.tasks.pos import example

STRINGS = 200
LARGE = 262_144
TIMES = 3  # the best of them counts, for every engine
OWN = 5  # sentences whose own schema the libraries compile: it takes them up to a second each
EWT = DATA / "ud-ewt" / "train.conllu.gz"

Strings = list[list[int]]


def main() -> None:
    from transformers import AutoTokenizer

    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(bundled.prepare())
    table = tokens.from_tokenizer(tokenizer)
    examples, strings = _corpus(lambda text: tokenizer(text, add_special_tokens=False)["input_ids"], table.eos)
    small = _measure(table, strings)
    large = _measure(_enlarged(table), strings)
    print(
        json.dumps(
            {
                "bench": "masks",
                "machine": machine(),
                "strings": len(strings),
                "positions": sum(map(len, strings)),
                "data": "UD English EWT" if EWT.exists() else "bundled",
                **small,
                **_own_schemas(table, examples, strings),
                "mismatches": _mismatches(table, strings),
                f"vocabulary_{LARGE}": large,
            }
        )
    )


def _corpus(encode: Callable[[str], list[int]], eos: int) -> tuple[list[Example], Strings]:
    if EWT.exists():
        with gzip.open(EWT, "rt", encoding="utf-8") as file:
            sentences = conllu.parse(file.read(), EWT.name)
        candidates: Iterator[Example] = map(example, sentences)
    else:
        data = POS.load(None)
        candidates = iter((*data.train, *data.dev, *data.test))
    found = ((e, [*encode(e.answer), eos]) for e in candidates)
    chosen = [(e, ids) for e, ids in found if 100 <= len(ids) <= 200][:STRINGS]
    return [e for e, _ in chosen], [ids for _, ids in chosen]


def _enlarged(table: TokenTable) -> TokenTable:
    """The same tokens, and as many longer ones, made of two, as a large vocabulary has more."""
    random = np.random.default_rng(0)
    ordinary = [text for text in table.bytes_of if text]
    pairs = random.integers(len(ordinary), size=(LARGE - len(table), 2))
    return TokenTable((*table.bytes_of, *(ordinary[a] + ordinary[b] for a, b in pairs.tolist())), table.eos)


def _measure(table: TokenTable, strings: Strings) -> dict[str, Any]:
    """Corpus and first masks of every engine over one vocabulary."""
    began = time.perf_counter()
    _ = table.trie, table.spellings
    trie_ms = 1000 * (time.perf_counter() - began)
    ids, starts = np.concatenate(strings).astype(np.int32), np.cumsum([0, *map(len, strings)])[:-1]
    _ours(table, ids, starts)  # the first call compiles the walk itself
    rows_us, (store, rows, constraint) = _best(lambda: _ours(table, ids, starts), len(ids), TIMES)
    block = np.empty((len(ids) // 8, table.words), np.uint32)
    packed_us, _ = _best(lambda: _packed(*_ours(table, ids, starts)[:2], block), len(ids), TIMES)
    warm = [int(state) for state in constraint.states(ids, starts)[0]]
    for state in set(warm):
        constraint.mask(state)
    warm_us, _ = _best(lambda: [constraint.mask(state) for state in warm], len(warm), TIMES)
    engines = {name: _library(corpus, table, strings) for name, corpus in LIBRARIES.items()}
    ours_first, _ = _best(lambda: _constraint(table).mask(0), 1, TIMES)
    first = {"ours": round(ours_first / 1000, 3), **{name: e["first_mask_ms"] for name, e in engines.items()}}
    others = {name: figures["corpus_us"] for name, figures in engines.items()}
    return {
        "tokens": len(table),
        "trie_ms": round(trie_ms, 1),
        "corpus_us_rows": round(rows_us, 4),
        "corpus_us_packed": round(packed_us, 4),
        "corpus_us": others,
        "corpus_speedup_vs_outlines": round(others["outlines_processor"] / rows_us),
        "corpus_speedup_packed": round(others["outlines_processor"] / packed_us),
        "first_mask_ms": first,
        "warm_mask_us": {"ours": round(warm_us, 3), **{n: e["warm_us"] for n, e in engines.items()}},
        "unique_rows": len(store),
        "bytes_per_position": round((store.nbytes + rows.nbytes) / len(ids), 2),
        "dense_bytes_per_position": table.words * 4,
    }


def _constraint(table: TokenTable) -> DfaConstraint:
    found = _schema()
    assert found.expression is not None
    return DfaConstraint(compile(found.expression, found.name), table)


def _schema() -> Schema:
    return schema.from_pydantic(POS.output)


def _ours(table: TokenTable, ids: np.ndarray, starts: np.ndarray) -> tuple[MaskStore, np.ndarray, DfaConstraint]:
    constraint, store = _constraint(table), MaskStore(table)
    return store, store.rows(constraint, ids, starts), constraint


def _packed(store: MaskStore, rows: np.ndarray, block: np.ndarray) -> None:
    """Writes the packed mask of every position, a block of positions at a time."""
    unique = store.packed(range(len(store)))
    for begin in range(0, len(rows), len(block)):
        part = rows[begin : begin + len(block)]
        np.take(unique, part, axis=0, out=block[: len(part)], mode="clip")  # other modes copy twice


def _library(corpus: Callable[..., tuple[float, float]], table: TokenTable, strings: Strings) -> dict[str, float]:
    """A library's time to the first mask, for all masks of the corpus, and a mask once everything is warm."""
    found = _schema()
    first = min(corpus(found, table, strings[:1], False) for _ in range(TIMES))  # the first one imports the library
    whole = min((corpus(found, table, strings, True) for _ in range(TIMES)), key=sum)
    positions = sum(map(len, strings))
    return {
        "first_mask_ms": round(1000 * first[0], 3),
        "corpus_us": round(1e6 * sum(whole) / positions, 3),
        "warm_us": round(1e6 * whole[1] / positions, 3),
    }


def schema_index(table: TokenTable) -> Any:
    """The token index of the answer's schema, as outlines makes it: JSON Schema, regular expression, index."""
    from outlines_core.json_schema import build_regex_from_schema

    return outlines_index(build_regex_from_schema(json.dumps(_schema().json_schema), ""), table)


def outlines_index(expression: str, table: TokenTable) -> Any:
    """Over the bytes of the tokens, without which it goes wrong on characters that are cut."""
    from outlines_core import Index, Vocabulary

    by_bytes: dict[bytes, list[int]] = {}
    for token, text in enumerate(table.bytes_of):
        if text:
            by_bytes.setdefault(text, []).append(token)
    return Index(expression, Vocabulary(table.eos, by_bytes))


def _outlines_processor(_: Schema, table: TokenTable, strings: Strings, all_of_it: bool) -> tuple[float, float]:
    from outlines.backends.outlines_core import OutlinesCoreLogitsProcessor

    began = time.perf_counter()
    processor = OutlinesCoreLogitsProcessor(schema_index(table), "torch")
    logits = torch.zeros(1, len(table))
    processor.process_logits(torch.zeros(1, 1, dtype=torch.long), logits.clone())
    compiled = time.perf_counter()
    for ids in strings if all_of_it else []:
        processor.reset()
        sequence = torch.tensor([[0, *ids]])
        for place in range(len(ids)):
            masked = processor.process_logits(sequence[:, : place + 1], logits.clone())
            _ = masked[0] == float("-inf")
    return compiled - began, time.perf_counter() - compiled


def _outlines_guide(_: Schema, table: TokenTable, strings: Strings, all_of_it: bool) -> tuple[float, float]:
    from outlines_core import Guide

    row = np.zeros(table.words, np.uint32)
    write = lambda guide: guide.write_mask_into(row.ctypes.data, row.size, 4)
    began = time.perf_counter()
    index = schema_index(table)
    write(Guide(index))
    compiled = time.perf_counter()
    for ids in strings if all_of_it else []:
        guide = Guide(index)
        for token in ids:
            write(guide)
            if token != table.eos:
                guide.advance(token, return_tokens=False)
    return compiled - began, time.perf_counter() - compiled


def _llguidance(found: Schema, table: TokenTable, strings: Strings, all_of_it: bool) -> tuple[float, float]:
    import llguidance.numpy as masks
    from llguidance import LLExecutor, LLMatcher

    from core.constrain.engines.llguidance import grammar, native

    tokenizer, executor = native(table)[0], LLExecutor(num_threads=1)
    rows = np.zeros((max(map(len, strings)) + 1, table.words), np.int32)
    began = time.perf_counter()
    rules = grammar(found.json_schema, None, found.name)
    masks.fill_next_token_bitmask(LLMatcher(tokenizer, rules), rows[:1])
    compiled = time.perf_counter()
    for ids in strings if all_of_it else []:
        draft = [(LLMatcher(tokenizer, rules), 0, ids)]
        masks.fill_next_token_bitmask_par_with_draft_tokens(executor, draft, rows)
    return compiled - began, time.perf_counter() - compiled


def _xgrammar(found: Schema, table: TokenTable, strings: Strings, all_of_it: bool) -> tuple[float, float]:
    from xgrammar import GrammarCompiler, GrammarMatcher

    from core.constrain.engines.xgrammar import native

    row = torch.zeros(1, table.words, dtype=torch.int32)
    compiler = GrammarCompiler(native(table), max_threads=1, cache_enabled=False)
    began = time.perf_counter()
    grammar = compiler.compile_json_schema(
        json.dumps(found.json_schema), any_whitespace=False, separators=(",", ":"), strict_mode=True
    )
    GrammarMatcher(grammar).fill_next_token_bitmask(row)
    compiled = time.perf_counter()
    for ids in strings if all_of_it else []:
        matcher = GrammarMatcher(grammar)
        for token in ids:
            matcher.fill_next_token_bitmask(row)
            matcher.accept_token(token)
    return compiled - began, time.perf_counter() - compiled


LIBRARIES = {
    "outlines_processor": _outlines_processor,
    "outlines_guide": _outlines_guide,
    "llguidance": _llguidance,
    "xgrammar": _xgrammar,
}


def _own_schemas(table: TokenTable, examples: list[Example], strings: Strings) -> dict[str, Any]:
    """Milliseconds a sentence to compile its own schema and find the masks of all its positions."""

    def ours() -> None:
        store = MaskStore(table)
        for sentence, ids in zip(examples, strings):
            store.rows(DfaConstraint(template.automaton(POS.template(sentence.input)), table), ids)

    ours()
    ours_us, _ = _best(ours, len(examples), TIMES)
    figures = {"ours": round(ours_us / 1000, 3)}
    for name in ("llguidance", "outlines", "xgrammar"):
        theirs_us, _ = _best(partial(_walks, name, table, examples[:OWN], strings[:OWN]), OWN, TIMES)
        figures[name] = round(theirs_us / 1000, 1)
    return {"template_ms_per_sentence": figures}


def _walks(engine: str, table: TokenTable, examples: list[Example], strings: Strings) -> None:
    from core.constrain.engines.choice import build

    for sentence, ids in zip(examples, strings, strict=True):
        expression = regex.render(template.expression(POS.template(sentence.input)))
        constraint = build(schema.from_regex(expression), table, engine)  # type: ignore[arg-type]
        MaskStore(table).rows(constraint, ids)


def _mismatches(table: TokenTable, strings: Strings) -> int:
    """Positions of the corpus at which our mask and that of outlines_core, over bytes, differ in any bit."""
    ours, found = _constraint(table), _schema()
    assert found.expression is not None
    theirs = OutlinesConstraint(regex.render(found.expression), table, found.name)
    differing = 0
    for ids in strings:
        mine, other = ours.start, theirs.start
        for token in ids:
            differing += not np.array_equal(ours.mask(mine), theirs.mask(other))
            mine, other = ours.advance(mine, token), theirs.advance(other, token)
    return differing


def _best(work: Callable[[], Any], items: int, times: int) -> tuple[float, Any]:
    """Microseconds an item, the least of several times, and what the last one returned."""
    least, result = float("inf"), None
    for _ in range(times):
        began = time.perf_counter()
        result = work()
        least = min(least, time.perf_counter() - began)
    return 1e6 * least / items, result


if __name__ == "__main__":
    main()
