"""The byte-exact tokens of a tokenizer.

Special tokens have no bytes: no schema can ask for them. Known kinds are byte-level BPE (GPT-2,
Llama 3, Qwen, SmolLM2) and SentencePiece-style vocabularies (Llama 2, Gemma). `cached` keeps a table on disk.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from core.constrain import trie
from core.constrain.trie import Spellings, Trie
from core.errors import ModelError

FORMAT = 1  # of the files of `cached`: raise it when what a tokenizer's table or trie holds changes
_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")
# Not every tokenizer marks its control tokens as special; DeepSeek writes them with a wide bar.
_CONTROL_TOKEN = re.compile(r"<([|｜])\w[^<>]*\1>")
_REPLACE = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
T = TypeVar("T")
_NO_MATTER = {"ByteFallback", "Fuse", "Strip"}  # decoder steps that spell no token otherwise


def _byte_alphabet() -> dict[int, str]:
    """GPT-2's printable stand-ins for the 256 bytes, and a character that is no byte for all that could pass as one."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return dict.fromkeys(others, "\uffff") | {256 + i: chr(b) for i, b in enumerate(others)}


_BYTE_ALPHABET = _byte_alphabet()


@dataclass(frozen=True, eq=False)
class TokenTable:
    """`bytes_of[i]` spells token i, empty for special tokens and ids without a token; `eos` ends an answer."""

    bytes_of: tuple[bytes, ...]
    eos: int

    def __len__(self) -> int:
        return len(self.bytes_of)

    @property
    def words(self) -> int:
        """Length of a packed mask: 32 tokens a word, token t is bit t % 32 of word t // 32."""
        return (len(self) + 31) // 32

    @cached_property
    def trie(self) -> Trie:
        return trie.build(self.bytes_of)

    @cached_property
    def spellings(self) -> Spellings:
        return trie.spell(self.bytes_of)

    def text(self, ids: list[int]) -> str:
        """The tokens' text; incomplete UTF-8 shows as U+FFFD."""
        return b"".join(self.bytes_of[i] for i in ids).decode("utf-8", "replace")

    def unpack(self, packed: np.ndarray) -> np.ndarray:
        """Packed rows (…, words) uint32 as booleans (…, tokens)."""
        bits = np.unpackbits(packed.view(np.uint8), axis=-1, bitorder="little")
        return bits[..., : len(self)].astype(bool)

    def pack(self, ids: Sequence[int] | np.ndarray) -> np.ndarray:
        """The packed row (words,) uint32 of these tokens."""
        bits = np.zeros(self.words * 32, bool)
        bits[ids] = True
        return np.packbits(bits, bitorder="little").view(np.uint32)

    def ids(self, packed: np.ndarray) -> np.ndarray:
        """The tokens of one packed row (words,) uint32, ascending, int32."""
        words = np.flatnonzero(packed)
        bits = np.unpackbits(packed[words].view(np.uint8).reshape(-1, 4), axis=1, bitorder="little")
        place, bit = np.nonzero(bits)
        return (words[place] * 32 + bit).astype(np.int32)


def from_tokenizer(tokenizer: Any) -> TokenTable:
    """The table of a transformers tokenizer, with an entry for every id up to its highest.

    Raises ModelError for a tokenizer without an end of sequence, or whose tokens have no known spelling in bytes.
    """
    spell = _speller(tokenizer)
    added = tokenizer.added_tokens_decoder
    vocabulary = tokenizer.backend_tokenizer.get_vocab(with_added_tokens=False)
    spelled = {i: token.content.encode() for i, token in added.items()}
    # Gemma lists runs of ▁ as added tokens too: what is in the model's vocabulary is spelled as the model does.
    spelled |= {i: spell(token) for token, i in vocabulary.items()}
    special = {i for i, token in added.items() if token.special or _CONTROL_TOKEN.fullmatch(token.content)}
    special |= {i for token, i in vocabulary.items() if _CONTROL_TOKEN.fullmatch(token)}
    spelled |= dict.fromkeys(special.union(tokenizer.all_special_ids), b"")
    return TokenTable(tuple(spelled.get(i, b"") for i in range(max(spelled) + 1)), tokenizer.eos_token_id)


def cached(tokenizer: Any, folder: Path) -> TokenTable:
    """The table of a tokenizer with its trie, from a file in `folder`, which is written if it is not there.

    A damaged file is made again, and a folder that cannot be written is done without. Raises as `from_tokenizer`.
    """
    _speller(tokenizer)  # what is refused has no file
    file = folder / f"{_key(tokenizer)}.npz"
    table = _load(file, tokenizer.eos_token_id)
    if table is None:
        table = from_tokenizer(tokenizer)
        with suppress(OSError):
            _save(table, file)
    return table


def _key(tokenizer: Any) -> str:
    """Equal for tokenizers with equal tables: a hash of all that `from_tokenizer` reads."""
    ids = FORMAT, tokenizer.eos_token_id, sorted(tokenizer.all_special_ids)
    return hashlib.sha256(f"{ids}{tokenizer.backend_tokenizer.to_str()}".encode()).hexdigest()


def _save(table: TokenTable, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"trie_{name}": array for name, array in asdict(table.trie).items()}
    arrays |= {f"spellings_{name}": array for name, array in asdict(table.spellings).items()}
    with tempfile.TemporaryDirectory(dir=file.parent) as place:
        whole = Path(place) / file.name
        np.savez(whole, **arrays)
        os.replace(whole, file)


def _load(file: Path, eos: int) -> TokenTable | None:
    """The table in `file`; None if it is missing or damaged."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            if arrays.zip.testzip():  # NumPy checks no sums where a damaged header makes it read less
                return None
            tree = Trie(**{f.name: arrays[f"trie_{f.name}"] for f in fields(Trie)})
            spellings = Spellings(**{f.name: arrays[f"spellings_{f.name}"] for f in fields(Spellings)})
    except Exception:  # damage shows as almost any error, and none of them matters: the file is made again
        return None
    text, offset = spellings.byte.tobytes(), spellings.offset.tolist()
    table = TokenTable(tuple(text[start:end] for start, end in zip(offset, offset[1:])), eos)
    vars(table).update(trie=tree, spellings=spellings)  # as if the cached properties had been asked for
    return table


def _speller(tokenizer: Any) -> Callable[[str], bytes]:
    """How this tokenizer's vocabulary spells bytes: its model and decoder tell. Raises ModelError if they do not."""
    if tokenizer.eos_token_id is None:
        raise ModelError("the tokenizer names no end-of-sequence token: an answer could not end. Set its `eos_token`.")
    if not tokenizer.is_fast:
        raise ModelError(f"{type(tokenizer).__name__} has no tokenizer.json: convert it to a fast tokenizer.")
    model, steps = tokenizer.backend_tokenizer.model, _decoder_steps(tokenizer.backend_tokenizer.decoder)
    kind, kinds = type(model).__name__, [step["type"] for step in steps]
    # CLIP's "</w>" and the like are not bytes of the text, and which they stand for depends on the tokens around.
    in_parts = getattr(model, "end_of_word_suffix", None) or getattr(model, "continuing_subword_prefix", None)
    if kind in ("BPE", "Unigram") and not in_parts:
        if kinds == ["ByteLevel"]:
            return _spell_byte_level
        if any(map(_is_space, steps)) and all(_is_space(s) or s["type"] in _NO_MATTER for s in steps):
            return _spell_sentencepiece if _has_byte_fallback(model) else _spell_spaces
    raise ModelError(
        f"the bytes of this tokenizer's tokens are not known ({kind}, decoded by {' + '.join(kinds) or 'nothing'}): "
        "choose a model with a byte-level BPE (like GPT-2, Llama 3, Qwen) or SentencePiece (like Llama 2, Gemma)."
    )


def _decoder_steps(decoder: Any) -> list[dict[str, Any]]:
    state: Any = json.loads(decoder.__getstate__()) if decoder else {"type": "Sequence", "decoders": []}
    return state["decoders"] if state["type"] == "Sequence" else [state]


def _is_space(step: dict[str, Any]) -> bool:
    """Whether a decoder's step turns ▁ into a space."""
    return step == _REPLACE or (step["type"] == "Metaspace" and step["replacement"] == "▁")


def _has_byte_fallback(model: Any) -> bool:
    if hasattr(model, "byte_fallback"):
        return bool(model.byte_fallback)
    return bool(json.loads(model.__getstate__())["byte_fallback"])  # Unigram has it, but does not show it


def _spell_byte_level(token: str) -> bytes:
    try:
        return token.translate(_BYTE_ALPHABET).encode("latin-1")
    except UnicodeEncodeError:  # outside the alphabet tokens are plain text
        return token.encode()


def _spell_sentencepiece(token: str) -> bytes:
    match = _BYTE_TOKEN.fullmatch(token)
    return bytes.fromhex(match[1]) if match else _spell_spaces(token)


def _spell_spaces(token: str) -> bytes:
    return token.replace("▁", " ").encode()


BYTES = TokenTable((*(bytes([i]) for i in range(256)), b""), eos=256)  # every byte a token


def ordinary(tokens: TokenTable) -> np.ndarray:
    """Packed row of the tokens that any mask may hold: those with bytes, and eos."""
    return tokens.pack([*(i for i, text in enumerate(tokens.bytes_of) if text), tokens.eos])


def once_per_table(make: Callable[[TokenTable], T]) -> Callable[[TokenTable], T]:
    """Remembers what `make` made for as long as the table lives."""
    made: WeakKeyDictionary[TokenTable, T] = WeakKeyDictionary()

    def get(tokens: TokenTable) -> T:
        if tokens not in made:
            made[tokens] = make(tokens)
        return made[tokens]

    return get
