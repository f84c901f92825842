"""How the sentences that a model writes are split into words."""

import pytest

from bench.sentences import split


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('He said, "Don\'t go!"', ["He", "said", ",", '"', "Do", "n't", "go", "!", '"']),
        ("It's Mr. Lee's (really)...", ["It", "'s", "Mr.", "Lee", "'s", "(", "really", ")", "..."]),
        ("Wait... U.S. troops", ["Wait", "...", "U.S.", "troops"]),
        ("- 's n't", ["-", "'s", "n't"]),
    ],
)
def test_words_are_split_as_treebanks_do(line, words):
    assert split(line) == words
