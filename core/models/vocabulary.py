"""Vocabulary trimming: a smaller tokenizer that still encodes any text.

Kept are the added tokens, the tokens in use, and what any text needs (`pieces.py` knows what that is). Wherever a text
needs no removed token, the trimmed tokenizer gives the same tokens as the full one.
"""

import json
from collections.abc import Iterable
from typing import Any

from core.errors import ModelError
from core.models import pieces


def trim(tokenizer: Any, used: Iterable[int], size: int) -> tuple[Any, list[int]]:
    """A trimmed tokenizer, and the old id of each new one.

    `used` ids are always kept; frequent tokens fill up to `size`. Byte-level BPE (GPT-2, Llama 3, Qwen) and
    SentencePiece-style BPE and Unigram (Llama 2, Gemma, T5) can be trimmed: raises ModelError for others.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    if not tokenizer.is_fast:
        raise ModelError(f"{type(tokenizer).__name__} has no tokenizer.json: convert it to a fast tokenizer.")
    spec = json.loads(tokenizer.backend_tokenizer.to_str()) | {"padding": None, "truncation": None}
    _check(spec)
    model = spec["model"]
    added = {token["content"] for token in spec["added_tokens"]}
    needed = {tokenizer.convert_ids_to_tokens(i) for i in set(used)}
    if model["type"] == "BPE":
        kept = pieces.of_bpe(model, _is_byte_level(spec), added, needed, size)
    else:
        kept = pieces.of_unigram(model, added, needed, size)
    vocab = tokenizer.backend_tokenizer.get_vocab(with_added_tokens=False)
    old = {token: tokenizer.convert_tokens_to_ids(token) for token in kept}
    # Tokens outside the model's vocabulary come last: they are numbered after it, whatever the file says.
    order = sorted(kept, key=lambda token: (token not in vocab, old[token]))
    number = {token: i for i, token in enumerate(order)}
    (_shrink_bpe if model["type"] == "BPE" else _shrink_unigram)(model, number)
    spec["added_tokens"] = [{**token, "id": number[token["content"]]} for token in spec["added_tokens"]]
    _renumber(spec["post_processor"], number)
    named = {k: v for k, v in tokenizer.special_tokens_map.items() if isinstance(v, str)}
    trimmed = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(spec)), **named)
    return trimmed, [old[token] for token in order]


def _check(spec: dict[str, Any]) -> None:
    """Raises ModelError for a tokenizer whose pieces depend on what stands around them, or have no known spelling."""
    model = spec["model"]
    in_parts = model.get("end_of_word_suffix") or model.get("continuing_subword_prefix")
    spaces = "▁" in json.dumps([spec["normalizer"], spec["pre_tokenizer"], spec["decoder"]], ensure_ascii=False)
    if model["type"] not in ("BPE", "Unigram") or in_parts or not (spaces or _is_byte_level(spec)):
        raise ModelError(
            f"this vocabulary ({model['type']}) cannot be trimmed, only byte-level BPE (like GPT-2, Llama 3, Qwen) and "
            "SentencePiece-style BPE and Unigram (like Llama 2, Gemma, T5): choose the student kind 'existing', which "
            "keeps its tokenizer, or another teacher."
        )


def _is_byte_level(spec: dict[str, Any]) -> bool:
    return '"ByteLevel"' in json.dumps(spec["decoder"])


def _shrink_bpe(model: dict[str, Any], number: dict[str, int]) -> None:
    inside = [token for token in number if token in model["vocab"]]
    model["merges"] = [list(m) for m in pieces.merges(model) if set(m) | {"".join(m)} <= number.keys()]
    model["vocab"] = {token: number[token] for token in inside}


def _shrink_unigram(model: dict[str, Any], number: dict[str, int]) -> None:
    if model["unk_id"] is not None:
        model["unk_id"] = number[model["vocab"][model["unk_id"]][0]]
    model["vocab"] = [entry for entry in model["vocab"] if entry[0] in number]


def _renumber(step: dict[str, Any] | None, number: dict[str, int]) -> None:
    """The ids that a post-processor puts around a text."""
    for inner in (step or {}).get("processors", ()):
        _renumber(inner, number)
    for token in (step or {}).get("special_tokens", {}).values():
        token["ids"] = [number[name] for name in token["tokens"]]
    for side in {"sep", "cls"} & (step or {}).keys():
        step[side][1] = number[step[side][0]]  # type: ignore[index]
