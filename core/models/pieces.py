"""Which tokens a smaller vocabulary keeps, so that any text can be encoded, and encoded as before where it can be.

BPE: a token stays with the tokens it is merged from. All that the full vocabulary merges on the way to a kept token is
then still there, and nothing new can come before it. Unigram: taking pieces away never makes another cut of a text
better than the best was, as long as the price of an unknown character stays the same: 10 below the least likely piece.
"""

import re
from collections.abc import Iterable, Set
from typing import Any

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")


def of_bpe(model: dict[str, Any], byte_level: bool, added: Set[str], needed: Iterable[str], size: int) -> set[str]:
    """What to keep of a BPE `model`, as tokenizer.json describes it: `added` tokens, the `needed` ones, and frequent
    merges up to `size`."""
    vocab: dict[str, int] = model["vocab"]
    rank = {merge: i for i, merge in enumerate(merges(model))}
    kept = set(added) | _basic(vocab, bytes_only=model["byte_fallback"] and not byte_level)
    if model["unk_token"] in vocab:
        kept.add(model["unk_token"])
    for token in set(needed) - kept:
        kept |= _ancestors(token, rank) & vocab.keys()
    characters = [(token,) for token in vocab if len(token) == 1]
    for parts in (*rank, *characters, *rank):  # frequent merges come first, and after what they are made of
        if len(kept) >= size:
            break
        if len(parts) == 1 or set(parts) <= kept:
            kept.add("".join(parts))
    return kept


def merges(model: dict[str, Any]) -> list[tuple[str, ...]]:
    """Pairs of a BPE `model`, most frequent first; older files have them as one string."""
    return [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]


def of_unigram(model: dict[str, Any], added: Set[str], needed: Iterable[str], size: int) -> set[str]:
    """What to keep of a Unigram `model`, as tokenizer.json describes it: `added` tokens, the `needed` ones, and the
    likeliest up to `size`."""
    score = dict(model["vocab"])
    kept = set(added) | set(needed) | _basic(score, bytes_only=model["byte_fallback"])
    kept.add(min(score, key=lambda piece: score[piece]))  # sets the price of what is unknown
    if model["unk_id"] is not None:
        kept.add(model["vocab"][model["unk_id"]][0])
    if not model["byte_fallback"]:  # a character that no piece of its own stands for
        kept |= {piece for piece in score if not all(character in score for character in piece)}
    for piece in sorted(score.keys() - kept, key=lambda piece: -score[piece]):
        if len(kept) >= size:
            break
        kept.add(piece)
    return kept


def _basic(vocab: Iterable[str], bytes_only: bool) -> set[str]:
    """What any text is made of: all characters or, where bytes spell the rest, all bytes, ASCII and the space."""
    characters = {token for token in vocab if len(token) == 1}
    if not bytes_only:
        return characters
    return {token for token in vocab if _BYTE.fullmatch(token)} | {c for c in characters if c.isascii() or c == "▁"}


def _ancestors(token: str, rank: dict[tuple[str, ...], int]) -> set[str]:
    """The token, its characters, and everything BPE makes on the way to it."""
    symbols = list(token)
    made = {token, *symbols}
    while len(symbols) > 1:
        pairs = [(rank.get(pair, len(rank)), i) for i, pair in enumerate(zip(symbols, symbols[1:], strict=False))]
        best, i = min(pairs)
        if best == len(rank):
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
        made.add(symbols[i])
    return made
