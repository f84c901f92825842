"""Vocabulary trimming: a smaller tokenizer that still encodes any text.

Kept are the special tokens, all single bytes, the tokens in use, and the tokens they are merged
from; merges among kept tokens stay. Wherever a text needs no removed token, the trimmed tokenizer
gives the same tokens as the full one.
"""

import json
from collections.abc import Iterable
from typing import Any

from core.errors import ModelError


def trim(tokenizer: Any, used: Iterable[int], size: int) -> tuple[Any, list[int]]:
    """A trimmed byte-level BPE tokenizer, and the old id of each new one.

    `used` ids are always kept; the most frequent merges fill up to `size` tokens. Raises ModelError
    for other kinds of tokenizers.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    spec = json.loads(tokenizer.backend_tokenizer.to_str())
    if spec["model"]["type"] != "BPE" or '"ByteLevel"' not in json.dumps(spec["decoder"]):
        raise ModelError(
            "only byte-level BPE vocabularies can be trimmed: choose the student kind 'adapter' for this teacher."
        )
    vocab: dict[str, int] = spec["model"]["vocab"]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in spec["model"]["merges"]]
    special = [token["content"] for token in spec["added_tokens"]]
    kept = _close(vocab, merges, special, {tokenizer.convert_ids_to_tokens(i) for i in set(used)}, size)
    order = sorted(kept, key=lambda t: vocab.get(t, -1) if t in vocab else tokenizer.convert_tokens_to_ids(t))
    number = {token: i for i, token in enumerate(order)}
    old_ids = [tokenizer.convert_tokens_to_ids(token) for token in order]
    spec["model"]["vocab"] = {token: i for token, i in number.items() if token in vocab}
    spec["model"]["merges"] = [list(m) for m in merges if set(m) | {"".join(m)} <= kept]
    spec["added_tokens"] = [{**token, "id": number[token["content"]]} for token in spec["added_tokens"]]
    named = {k: v for k, v in tokenizer.special_tokens_map.items() if isinstance(v, str)}
    trimmed = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(spec)), **named)
    return trimmed, old_ids


def _close(
    vocab: dict[str, int], merges: list[tuple[str, ...]], special: list[str], used: set[str], size: int
) -> set[str]:
    """The tokens to keep: closed under the merges that make them."""
    rank = {merge: i for i, merge in enumerate(merges)}
    kept = set(special) | {token for token in vocab if len(token) == 1}
    for token in used - kept:
        kept |= _ancestors(token, rank)
    for merge in merges:  # in order of frequency: what a merge is made of came before it
        if len(kept) >= size:
            break
        if set(merge) <= kept:
            kept.add("".join(merge))
    return kept


def _ancestors(token: str, rank: dict[tuple[str, ...], int]) -> set[str]:
    """The token and everything BPE makes on the way to it."""
    symbols = list(token)
    made = {token}
    while len(symbols) > 1:
        pairs = [(rank.get(pair, len(rank)), i) for i, pair in enumerate(zip(symbols, symbols[1:], strict=False))]
        best, i = min(pairs)
        if best == len(rank):
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
        made.add(symbols[i])
    return made
