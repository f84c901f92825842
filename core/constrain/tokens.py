"""The byte-exact tokens of a tokenizer, and their trie.

Special tokens have no bytes: no schema can ask for them. Known kinds are byte-level BPE (GPT-2,
Llama 3, Qwen, SmolLM2) and SentencePiece-style vocabularies (Llama 2, Gemma).
"""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from core.errors import ModelError

_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-ins for the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}


@dataclass(frozen=True, eq=False)
class Trie:
    """All tokens in depth-first order: node i has a byte and a depth; its subtree ends before `end[i]`;
    the tokens spelled by it are `tokens[first[i] : first[i + 1]]`."""

    byte: np.ndarray
    depth: np.ndarray
    end: np.ndarray
    first: np.ndarray
    tokens: np.ndarray


@dataclass(frozen=True, eq=False)
class TokenTable:
    """`bytes_of[i]` spells token i, empty for special tokens; `eos` ends an answer."""

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
        return _build_trie(self.bytes_of)

    def text(self, ids: list[int]) -> str:
        """The tokens' text; incomplete UTF-8 shows as U+FFFD."""
        return b"".join(self.bytes_of[i] for i in ids).decode("utf-8", "replace")

    def unpack(self, packed: np.ndarray) -> np.ndarray:
        """Packed rows (…, words) uint32 as booleans (…, tokens)."""
        bits = np.unpackbits(packed.view(np.uint8), axis=-1, bitorder="little")
        return bits[..., : len(self)].astype(bool)


def from_tokenizer(tokenizer: Any) -> TokenTable:
    """The table of a transformers tokenizer.

    Raises ModelError for a tokenizer whose tokens have no known spelling in bytes.
    """
    if tokenizer.eos_token_id is None:
        raise ModelError("the tokenizer names no end-of-sequence token: an answer could not end.")
    spell = _speller(tokenizer)
    special = set(tokenizer.all_special_ids) | {
        i for i, token in tokenizer.added_tokens_decoder.items() if token.special
    }
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    spelled = [b"" if i in special or t is None else spell(t) for i, t in enumerate(tokens)]
    return TokenTable(tuple(spelled), tokenizer.eos_token_id)


def _speller(tokenizer: Any) -> Any:
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(f"{type(tokenizer).__name__} has no tokenizer.json: convert it to a fast tokenizer.")
    decoder = json.dumps(json.loads(tokenizer.backend_tokenizer.to_str())["decoder"])
    if '"ByteLevel"' in decoder:
        alphabet = _byte_alphabet()
        # Added tokens are stored as plain text, outside the alphabet.
        return lambda t: bytes(alphabet[c] for c in t) if all(c in alphabet for c in t) else t.encode()
    if "▁" in decoder:
        return _spell_sentencepiece
    raise ModelError("this kind of tokenizer is not known: byte-level BPE and SentencePiece vocabularies are.")


def _spell_sentencepiece(token: str) -> bytes:
    if match := _BYTE_TOKEN.fullmatch(token):
        return bytes([int(match[1], 16)])
    return token.replace("▁", " ").encode()


def _build_trie(bytes_of: tuple[bytes, ...]) -> Trie:
    byte: list[int] = []
    depth: list[int] = []
    first: list[int] = []
    tokens: list[int] = []
    end: list[int] = []
    path: list[int] = []  # nodes of the token before, one a byte
    previous = b""
    for text, token in sorted((text, i) for i, text in enumerate(bytes_of) if text):
        shared = next((k for k, (a, b) in enumerate(zip(text, previous, strict=False)) if a != b), None)
        shared = min(len(text), len(previous)) if shared is None else shared
        for node in path[shared:]:
            end[node] = len(byte)
        del path[shared:]
        for position in range(shared, len(text)):
            path.append(len(byte))
            byte.append(text[position])
            depth.append(position)
            first.append(len(tokens))
            end.append(0)
        tokens.append(token)
        previous = text
    for node in path:
        end[node] = len(byte)
    first.append(len(tokens))
    as_array = lambda values, kind: np.array(values, kind)  # noqa: E731
    return Trie(
        as_array(byte, np.uint8), as_array(depth, np.int32), as_array(end, np.int32),
        as_array(first, np.int32), as_array(tokens, np.int32),
    )  # fmt: skip
