"""Trimmed vocabularies of every kind: any text can still be written, and is written as before where it can be."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from core.constrain import tokens as token_tables
from core.errors import ModelError
from core.models import vocabulary
from core.tasks import POS

EXAMPLES = POS.load(None)
TEXT = EXAMPLES.dev[0].answer
TEXTS = [text for e in EXAMPLES.train for text in (e.input, e.answer)]
BYTES = [f"<0x{b:02X}>" for b in range(256)]
SPECIAL = ["<unk>", "<s>", "</s>"]


def fast(backend, tmp_path_factory, **named):
    """As it is used: saved, and loaded again."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tokenizer")
    PreTrainedTokenizerFast(tokenizer_object=backend, **named).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def sentencepiece_bpe(style):
    """Like Llama 2 (▁ by the normaliser, no pre-tokenizer) or as newer conversions have it (Metaspace)."""
    learner = Tokenizer(models.BPE(unk_token="<unk>"))
    learner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=[*SPECIAL, *BYTES], show_progress=False)
    learner.train_from_iterator([*TEXTS, "Łódź 好 é"], trainer)
    learned = json.loads(learner.to_str())["model"]
    merges = [tuple(m) for m in learned["merges"]]
    backend = Tokenizer(
        models.BPE(vocab=learned["vocab"], merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    if style == "normaliser":
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    backend.add_special_tokens(SPECIAL)
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return backend


def unigram(byte_fallback):
    """Like T5, ALBERT or XLM-R: pieces with their log-probabilities."""
    learner = Tokenizer(models.Unigram())
    learner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=700, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )  # fmt: skip
    learner.train_from_iterator([*TEXTS, "Łódź 好 é"], trainer)
    spec = json.loads(learner.to_str())
    if byte_fallback:
        spec["model"]["vocab"] += [[b, -20.0] for b in BYTES]
    spec["model"]["byte_fallback"] = byte_fallback
    backend = Tokenizer.from_str(json.dumps(spec))
    backend.decoder = (
        decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
        if byte_fallback
        else decoders.Metaspace(prepend_scheme="always")
    )
    backend.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    backend.add_special_tokens(["<extra_0>", "<extra_1>"])  # outside the model's vocabulary, as T5 has them
    return backend


KINDS = ["byte-level", "normaliser", "metaspace", "unigram", "unigram with bytes"]


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def full(kind, tokenizer, tmp_path_factory):
    if kind == "byte-level":
        return tokenizer
    backend = unigram(kind.endswith("bytes")) if kind.startswith("unigram") else sentencepiece_bpe(kind)
    return fast(backend, tmp_path_factory, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


@pytest.fixture(scope="module")
def trimmed(full):
    used = full(TEXT, add_special_tokens=False)["input_ids"]
    return vocabulary.trim(full, [*used, full.eos_token_id], 500)


def ids(tokenizer, text, **options):
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True, **options)["input_ids"]


def is_lossless(kind, text):
    """Whether the full vocabulary keeps this text: ▁ is its space, and Metaspace drops a first one."""
    if kind == "byte-level":
        return True
    return "▁" not in text and kind != "unigram" and (kind == "normaliser" or not text.startswith(" "))


def decoded(tokenizer, text):
    return tokenizer.decode(ids(tokenizer, text), clean_up_tokenization_spaces=False)


@given(st.text())
def test_any_text_can_still_be_written(kind, full, trimmed, text):
    small, _ = trimmed
    assert decoded(small, text) == decoded(full, text)
    if is_lossless(kind, text):
        assert decoded(small, text) == text


WORDS = st.lists(
    st.sampled_from(TEXT.split('"')) | st.sampled_from(["好", "é", "Łódź", " ", "  ", "Q", "\n"]), max_size=8
)


@given(st.text() | WORDS.map('"'.join) | WORDS.map(" ".join))
def test_same_tokens_wherever_none_is_missing(full, trimmed, text):
    small, old_ids = trimmed
    expected = ids(full, text)
    if set(expected) <= set(old_ids):
        assert [old_ids[i] for i in ids(small, text)] == expected


def test_size_specials_and_used_tokens(full, trimmed):
    small, old_ids = trimmed
    assert len(small) == len(old_ids) == 500 < len(full)
    assert set(ids(full, TEXT)) <= set(old_ids)
    assert small.eos_token == full.eos_token
    assert [full.convert_ids_to_tokens(i) for i in old_ids] == small.convert_ids_to_tokens(list(range(500)))


def test_nothing_is_lost_where_all_is_kept(full):
    small, old_ids = vocabulary.trim(full, [], len(full))
    assert sorted(old_ids) == list(range(len(full)))
    assert [old_ids[i] for i in small(TEXT)["input_ids"]] == full(TEXT)["input_ids"]


def test_it_loads_again_as_a_normal_tokenizer(trimmed, tmp_path):
    from transformers import AutoTokenizer

    small, _ = trimmed
    small.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    for text in (TEXT, "  two  spaces, 好 and <s>", "é\n"):
        assert again(text)["input_ids"] == small(text)["input_ids"]
        assert ids(again, text) == ids(small, text)
        assert decoded(again, text) == decoded(small, text)
    assert again.all_special_ids == small.all_special_ids


def test_special_tokens_around_a_text_have_their_new_ids(kind, full, trimmed):
    small, old_ids = trimmed
    assert [old_ids[i] for i in small(TEXT)["input_ids"]] == full(TEXT)["input_ids"]


def test_the_constraint_engine_reads_its_bytes(full, trimmed):
    small, old_ids = trimmed
    before, after = token_tables.from_tokenizer(full), token_tables.from_tokenizer(small)
    assert [before.bytes_of[i] for i in old_ids] == list(after.bytes_of)
    assert after.text(ids(small, TEXT)).strip() == TEXT


@pytest.mark.parametrize(
    ("model", "decoder", "named"),
    [
        (models.WordLevel({"a": 0}, unk_token="a"), decoders.WordPiece(), "WordLevel"),
        (models.WordPiece({"a": 0, "##b": 1}, unk_token="a"), decoders.WordPiece(), "WordPiece"),
        (models.BPE({"a</w>": 0}, [], end_of_word_suffix="</w>"), decoders.BPEDecoder(), "BPE"),
    ],
)
def test_other_kinds_are_refused_by_name(model, decoder, named):
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(model)
    backend.decoder = decoder
    with pytest.raises(ModelError, match=rf"\({named}\) cannot be trimmed.*kind 'existing'"):
        vocabulary.trim(PreTrainedTokenizerFast(tokenizer_object=backend), [0], 300)


def test_padding_and_truncation_of_the_last_caller_are_left_behind(tokenizer):
    full = copy.deepcopy(tokenizer)
    full.backend_tokenizer.enable_truncation(2)
    full.backend_tokenizer.enable_padding(length=50)
    small, old_ids = vocabulary.trim(full, [], 400)
    assert len(small) == len(old_ids) == 400 and len(small.backend_tokenizer.encode("a b c d").ids) == 4
