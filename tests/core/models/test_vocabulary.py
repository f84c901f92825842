import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ModelError
from core.models import vocabulary
from core.tasks import POS

TEXT = POS.load(None).dev[0].answer


@pytest.fixture(scope="module")
def trimmed(tokenizer):
    used = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    return vocabulary.trim(tokenizer, used, 400)


def ids(tokenizer, text):
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


@given(st.text())
def test_any_text_can_still_be_written(trimmed, text):
    small, _ = trimmed
    assert small.decode(ids(small, text), clean_up_tokenization_spaces=False) == text


@given(st.text() | st.lists(st.sampled_from(TEXT.split('"')), max_size=8).map('"'.join))
def test_same_tokens_wherever_none_is_missing(tokenizer, trimmed, text):
    small, old_ids = trimmed
    full = ids(tokenizer, text)
    if set(full) <= set(old_ids):
        assert [old_ids[i] for i in ids(small, text)] == full


def test_size_specials_and_used_tokens(tokenizer, trimmed):
    small, old_ids = trimmed
    assert len(small) == len(old_ids) == 400
    assert set(ids(tokenizer, TEXT)) <= set(old_ids)
    assert small.eos_token == tokenizer.eos_token
    assert [tokenizer.convert_ids_to_tokens(i) for i in old_ids] == small.convert_ids_to_tokens(list(range(400)))


def test_it_loads_again_as_a_normal_tokenizer(trimmed, tmp_path):
    from transformers import AutoTokenizer

    small, _ = trimmed
    small.save_pretrained(tmp_path)
    assert ids(AutoTokenizer.from_pretrained(tmp_path), TEXT) == ids(small, TEXT)


def test_other_kinds_are_refused():
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    backend.decoder = decoders.WordPiece()
    with pytest.raises(ModelError, match="byte-level BPE"):
        vocabulary.trim(PreTrainedTokenizerFast(tokenizer_object=backend), [0], 300)
