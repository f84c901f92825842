import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.data.overlap import ALIKE, LEAST, _shingles, _words, overlap

TEXT = "The committee will meet again on Tuesday to discuss the new budget ."


def test_exact_and_near():
    held_out = [
        TEXT,
        "the  committee will meet again on tuesday, to discuss the new budget!",
        TEXT.replace("Tuesday", "Friday"),
        "The committee will never agree on what it has to discuss .",
        "Something else altogether , which nobody has ever said before in this place .",
    ]
    found = overlap([TEXT, "Thank you ."], held_out)
    assert found.exact == (0,) and found.near == (1, 2)


def test_short_texts_are_near_only_if_their_words_are_the_same():
    found = overlap(["Thank you .", "Do you know ?"], ["thank you", "Do you know him ?", "Thank you ."])
    assert found.exact == (2,) and found.near == (0,)


def test_texts_without_words():
    assert overlap(["...", ""], ["!!!", "...", "?"]).exact == (1,)
    assert overlap([], [TEXT]).near == ()
    assert overlap([TEXT], []).exact == ()


@given(st.lists(st.lists(st.sampled_from("abcde"), min_size=LEAST, max_size=14), min_size=2, max_size=8))
def test_the_index_finds_what_comparing_all_pairs_finds(texts):
    *train, held_out = [" ".join(words) for words in texts]
    one = _shingles(_words(held_out))
    others = [_shingles(_words(text)) for text in train]
    alike = any(len(one & other) >= ALIKE * len(one | other) for other in others)
    assert (overlap(train, [held_out]) != overlap([], [held_out])) == (alike or held_out in train)


def test_a_corpus_takes_seconds_also_where_all_texts_begin_alike():
    random = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(2000)])
    opening = "Read the following text with great care and say what it tells you about it : "
    texts = [opening + " ".join(random.choice(words, 14)) for _ in range(14_000)]
    began = time.perf_counter()
    found = overlap(texts[:12_000], [*texts[12_000:], texts[0] + " again"])
    assert time.perf_counter() - began < 20  # about 3 on a quiet core
    assert found.near == (2000,) and not found.exact
