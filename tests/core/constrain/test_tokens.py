from dataclasses import asdict

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, ByT5Tokenizer, PreTrainedTokenizerFast

from core.constrain import tokens
from core.errors import ModelError
from core.models import bundled

CORPUS = ["the cat and the hat  sat on\nthe  mat", "Łódź é 好好 naïve    — “no”", 'x = {"a": [1, 23]}'] * 3
PIECES = [
    "the",
    " the",
    "  ",
    "\n\n",
    "A",
    "é",
    "éé",
    "好",
    "👩‍🚀",
    "Ġ",
    "\u00ad",
    "\x7f",
    "<0x41>",
    "<table>",
    "\ufffd",
]
TEXTS = st.text() | st.lists(st.sampled_from(PIECES)).map("".join)
SPACE_OUT = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]


def fast(backend, **kwargs):
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", **kwargs)


def byte_level(corpus=CORPUS):
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(corpus, trainers.BpeTrainer(initial_alphabet=alphabet, show_progress=False))
    return backend


def sentencepiece(normalizer=None, pre_tokenizer=None, decoder=None):
    """A BPE with byte fallback, its ids in Llama 2's order: controls, 256 bytes, merges and letters."""
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.train_from_iterator(CORPUS, trainers.BpeTrainer(max_token_length=6, show_progress=False))
    letters = sorted(trained.get_vocab(), key=trained.get_vocab().get)
    ids = {t: i for i, t in enumerate(["<unk>", "</s>", *(f"<0x{b:02X}>" for b in range(256)), *letters])}
    whole = [(a, b) for a in letters for b in letters if a + b in ids]
    model = models.BPE(ids, whole, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    backend = Tokenizer(model)
    if normalizer:
        backend.normalizer = normalizer
    if pre_tokenizer:
        backend.pre_tokenizer = pre_tokenizer
    backend.decoder = decoder
    return backend


def llama2():
    normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return fast(sentencepiece(normalizer, None, decoders.Sequence([*SPACE_OUT, decoders.Strip(" ", 1, 0)])))


def llama2_metaspace():
    """The newer conversion: no normalizer, the space is put first by Metaspace."""
    pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return fast(sentencepiece(None, pre_tokenizer, decoders.Sequence([*SPACE_OUT, decoders.Strip(" ", 1, 0)])))


def gemma():
    """Runs of spaces and tags are added tokens too, and none of them special."""
    backend = sentencepiece(normalizers.Replace(" ", "▁"), None, decoders.Sequence(SPACE_OUT))
    backend.add_tokens([AddedToken(t, normalized=False, special=False) for t in ("▁▁", "\n\n", "<table>")])
    return fast(backend)


def spelled(table, ids):
    return b"".join(table.bytes_of[i] for i in ids)


def encode(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False)


BYTE_LEVEL, LLAMA2, LLAMA2_METASPACE, GEMMA = fast(byte_level()), llama2(), llama2_metaspace(), gemma()
BYTE_LEVEL.add_tokens(["éé", "a Ġ", "<table>"])
TABLES = {t: tokens.from_tokenizer(t) for t in (BYTE_LEVEL, LLAMA2, LLAMA2_METASPACE, GEMMA)}


@given(TEXTS)
def test_byte_level_tokens_spell_the_text(text):
    assert spelled(TABLES[BYTE_LEVEL], encode(BYTE_LEVEL, text)) == text.encode()


@given(TEXTS)
def test_the_shared_tokenizer_spells_the_text(tokenizer, text):
    table = tokens.from_tokenizer(tokenizer)
    assert spelled(table, encode(tokenizer, text)) == text.encode()


@pytest.mark.skipif(not bundled.is_prepared(), reason="the bundled teacher is not prepared: run `make setup`")
def test_the_bundled_tokenizer_spells_the_text():
    tokenizer = AutoTokenizer.from_pretrained(bundled.FOLDER)
    table = tokens.from_tokenizer(tokenizer)

    known = {text[0] for text in table.bytes_of if len(text) == 1}  # 8 of the bytes of UTF-8 have no token

    @given(TEXTS)
    def check(text):
        assume(known.issuperset(text.encode()))
        assert spelled(table, encode(tokenizer, text)) == text.encode()

    check()
    words = [i for i, text in enumerate(table.bytes_of) if text]
    assert [table.text([i]) for i in words] == tokenizer.batch_decode([[i] for i in words])
    assert not table.bytes_of[tokenizer.convert_tokens_to_ids("<|im_start|>")]


@given(TEXTS)
def test_llama_2_spells_the_text_after_a_space(text):
    ids, text = encode(LLAMA2, text), text.replace("▁", " ")
    assert spelled(TABLES[LLAMA2], ids) == (b" " + text.encode() if text else b"")
    assert LLAMA2.decode(ids, clean_up_tokenization_spaces=False) == text


@given(TEXTS)
def test_metaspace_puts_a_space_first_unless_there_is_one(text):
    ids, text = encode(LLAMA2_METASPACE, text), text.replace("▁", " ")
    lead = " " if text and not text.startswith(" ") else ""
    assert spelled(TABLES[LLAMA2_METASPACE], ids) == (lead + text).encode()


@given(TEXTS)
def test_gemma_spells_the_text(text):
    ids, text = encode(GEMMA, text), text.replace("▁", " ")
    assert spelled(TABLES[GEMMA], ids) == text.encode()
    assert GEMMA.decode(ids, clean_up_tokenization_spaces=False) == text


def test_texts_need_tokens_that_end_within_a_character():
    for tokenizer in (BYTE_LEVEL, LLAMA2, GEMMA):
        first = TABLES[tokenizer].bytes_of[encode(tokenizer, "👩x")[-5]]
        assert first == "👩".encode()[:1]


def test_a_byte_and_its_letter_are_spelled_alike_and_both_in_the_trie():
    table = TABLES[LLAMA2]
    byte, letter = LLAMA2.convert_tokens_to_ids(["<0x61>", "a"])
    assert table.bytes_of[byte] == table.bytes_of[letter] == b"a"
    assert {byte, letter} <= set(table.trie.tokens.tolist())


def test_byte_tokens_are_text_without_byte_fallback():
    for model in (models.BPE({"</s>": 0, "<0x41>": 1}, []), models.Unigram([("</s>", 0.0), ("<0x41>", 0.0)], 0)):
        backend = Tokenizer(model)
        backend.decoder = decoders.Metaspace()
        assert tokens.from_tokenizer(fast(backend)).bytes_of == (b"", b"<0x41>")
    backend = Tokenizer(models.Unigram([("</s>", 0.0), ("<0x41>", 0.0), ("▁é", 0.0)], 0, byte_fallback=True))
    backend.decoder = decoders.Metaspace()
    assert tokens.from_tokenizer(fast(backend)).bytes_of == (b"", b"A", " é".encode())


def test_added_tokens_are_plain_text():
    added = {i: t.content for i, t in BYTE_LEVEL.added_tokens_decoder.items() if not t.special}
    assert set(added.values()) == {"éé", "a Ġ", "<table>"}
    assert all(TABLES[BYTE_LEVEL].bytes_of[i] == text.encode() for i, text in added.items())
    llama = llama2()
    llama.add_tokens(["a▁é"])
    assert tokens.from_tokenizer(llama).bytes_of[-1] == "a▁é".encode()


def test_what_no_byte_stands_for_is_text_in_a_byte_level_vocabulary():
    backend = Tokenizer(models.BPE({"</s>": 0, "Ġé": 1, "\xad": 2, "a b": 3, "ł": 4, "好": 5}, []))
    backend.decoder = decoders.ByteLevel()
    bytes_of = tokens.from_tokenizer(fast(backend)).bytes_of
    assert bytes_of == (b"", b" \xe9", "\xad".encode(), b"a b", b"\xa0", "好".encode())


def test_special_and_control_tokens_have_no_bytes_marked_or_not():
    backend = byte_level(["a"])
    backend.add_special_tokens(["[SPECIAL]"])
    controls = ["<|im_start|>", "<｜User｜>", "<｜tool▁call▁begin｜>"]
    backend.add_tokens(controls)
    tokenizer = fast(backend, pad_token="[PAD]")
    table = tokens.from_tokenizer(tokenizer)
    for token in ["[SPECIAL]", "[PAD]", "</s>", *controls]:
        assert table.bytes_of[tokenizer.convert_tokens_to_ids(token)] == b""
    backend = Tokenizer(models.BPE({"</s>": 0, "<|im_start|>": 1, "<|": 2, "<||>": 3}, []))
    backend.decoder = decoders.ByteLevel()
    assert tokens.from_tokenizer(fast(backend)).bytes_of == (b"", b"", b"<|", b"<||>")


def test_ids_without_a_token_have_no_bytes():
    backend = Tokenizer(models.BPE({"a": 1, "</s>": 4}, []))
    backend.decoder = decoders.ByteLevel()
    table = tokens.from_tokenizer(fast(backend))
    assert (table.bytes_of, table.eos) == ((b"", b"a", b"", b"", b""), 4)


@pytest.mark.parametrize(
    ("model", "decoder"),
    [
        (models.WordPiece({"</s>": 0, "a": 1}, unk_token="a"), decoders.WordPiece()),
        (models.WordLevel({"</s>": 0, "a": 1}, unk_token="a"), decoders.ByteLevel()),
        (models.Unigram([("</s>", 0.0), ("a", 0.0)], 0), None),
        (models.BPE({"</s>": 0, "a</w>": 1}, [], end_of_word_suffix="</w>"), decoders.ByteLevel()),
        (models.BPE({"</s>": 0, "a</w>": 1}, []), decoders.BPEDecoder("</w>")),
        (models.BPE({"</s>": 0, "a": 1}, []), decoders.Sequence([decoders.Fuse(), decoders.Replace("_", " ")])),
    ],
    ids=["WordPiece", "word level", "no decoder", "end of word", "BPE decoder", "other space"],
)
def test_unknown_kinds_are_refused(model, decoder, tmp_path):
    backend = Tokenizer(model)
    backend.decoder = decoder
    with pytest.raises(ModelError, match=f"not known .{type(model).__name__}.*choose"):
        tokens.cached(fast(backend), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_tokenizer_without_eos_or_backend_is_refused():
    with pytest.raises(ModelError, match="end-of-sequence"):
        tokens.from_tokenizer(PreTrainedTokenizerFast(tokenizer_object=byte_level(["a"])))
    with pytest.raises(ModelError, match="ByT5Tokenizer has no tokenizer"):
        tokens.from_tokenizer(ByT5Tokenizer())


def same(one, other):
    def arrays(table):
        return {**asdict(table.trie), "spelling": table.spellings.byte, "offset": table.spellings.offset}

    alike = all((a == b).all() and a.dtype == b.dtype for a, b in zip(arrays(one).values(), arrays(other).values()))
    return alike and (one.bytes_of, one.eos) == (other.bytes_of, other.eos)


def test_cached_table_is_the_same_and_not_built_again(tmp_path, monkeypatch):
    folder = tmp_path / "new" / "cache"
    for tokenizer in TABLES:
        assert same(tokens.cached(tokenizer, folder), TABLES[tokenizer])
    assert [file.suffix for file in folder.iterdir()] == [".npz"] * 4
    monkeypatch.delattr(tokens, "from_tokenizer")
    monkeypatch.delattr(tokens.trie, "build")
    for tokenizer in TABLES:
        assert same(tokens.cached(tokenizer, folder), TABLES[tokenizer])


def test_another_special_token_is_another_table(tmp_path):
    tokenizer = fast(byte_level())
    before = tokens.cached(tokenizer, tmp_path)
    tokenizer.pad_token = "a"
    after = tokens.cached(tokenizer, tmp_path)
    letter = tokenizer.convert_tokens_to_ids("a")
    assert (before.bytes_of[letter], after.bytes_of[letter]) == (b"a", b"")


def test_a_damaged_file_is_made_again(tmp_path):
    tokens.cached(GEMMA, tmp_path)
    [file] = tmp_path.iterdir()
    whole = file.read_bytes()
    flipped = [whole[:i] + bytes([whole[i] ^ 0x10]) + whole[i + 1 :] for i in range(0, len(whole), 97)]
    for damaged in [b"", b"text", whole[: len(whole) // 2], whole[:-1], bytes(len(whole)), *flipped]:
        file.write_bytes(damaged)
        assert same(tokens.cached(GEMMA, tmp_path), TABLES[GEMMA])
    file.write_bytes(b"")
    tokens.cached(GEMMA, tmp_path)
    assert file.read_bytes()[-100:] == whole[-100:] and list(tmp_path.iterdir()) == [file]


def test_a_file_whose_arrays_became_shorter_is_made_again(tmp_path):
    backend = Tokenizer(models.BPE({"</s>": 0} | {str(i): i for i in range(1, 40_000)}, []))
    backend.decoder = decoders.ByteLevel()
    table = tokens.cached(fast(backend), tmp_path)
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes().replace(b"'shape': (3", b"'shape': (1"))
    assert same(tokens.cached(fast(backend), tmp_path), table)


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path):
    taken = tmp_path / "file"
    taken.write_text("")
    assert same(tokens.cached(GEMMA, taken), TABLES[GEMMA])


@given(st.sets(st.integers(0, 256)))
def test_packed_ids_are_read_back(ids):
    packed = tokens.BYTES.pack(list(ids))
    assert tokens.BYTES.ids(packed).tolist() == sorted(ids)
    assert tokens.BYTES.unpack(packed).nonzero()[0].tolist() == sorted(ids)
