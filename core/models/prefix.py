"""What some tokenizers put before every text: a token (Llama, Gemma), a blank (Llama 2, T5). A text in the middle of
another has neither."""

import json
from typing import Any

ORDERED = {"normalizer": "normalizers", "pre_tokenizer": "pretokenizers"}  # a sequence's steps in tokenizer.json


def beginning(tokenizer: Any) -> list[int]:
    """Ids of the tokens in front of every text, mostly one or none."""
    read = tokenizer("a", return_special_tokens_mask=True)
    return read["input_ids"][: read["special_tokens_mask"].index(0)]


def plain(tokenizer: Any) -> Any:
    """A backend of its own that reads a text as `tokenizer` does, but for special tokens: it adds none, if told so, and
    what looks like one is text. `tokenizer` keeps what its last caller asked for, in whichever thread that was."""
    from tokenizers import Tokenizer

    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = True
    return backend


def without(backend: Any) -> Any:
    """The backend itself if it puts no blank in front, otherwise a copy that reads a text as it stands."""
    from tokenizers import Tokenizer

    spec = json.loads(backend.to_str())
    bare = {part: _bare(spec[part], steps) for part, steps in ORDERED.items()}
    if bare == {part: spec[part] for part in ORDERED}:
        return backend
    found = Tokenizer.from_str(json.dumps(spec | bare))
    found.encode_special_tokens = True
    return found


def _bare(step: Any, inner: str) -> Any:
    """A step of tokenizer.json, or None, without the blank it adds."""
    match step:
        case {"type": "Sequence"}:
            steps = step[inner]
            if any(one["type"] == "WhitespaceSplit" for one in steps):
                return step  # its words are told apart by the blanks that are added
            return {**step, inner: [bare for one in steps if (bare := _bare(one, inner))]}
        case {"type": "Prepend"}:
            return None
        case {"type": "Metaspace"}:
            return {**step, "prepend_scheme": "never"}
        case {"type": "ByteLevel"}:
            return {**step, "add_prefix_space": False}
    return step
