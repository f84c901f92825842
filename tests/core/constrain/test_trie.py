import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.constrain import trie

# Few different bytes, so that tokens share beginnings and are equal often.
TOKENS = st.lists(st.binary(max_size=3) | st.text("ab", max_size=6).map(str.encode), max_size=40)


@given(TOKENS)
def test_nodes_are_all_beginnings_in_order_and_know_their_tokens(bytes_of):
    tree = trie.build(tuple(bytes_of))
    beginnings = sorted({text[:n] for text in bytes_of for n in range(1, len(text) + 1)})
    assert [text[-1] for text in beginnings] == tree.byte.tolist()
    assert [len(text) - 1 for text in beginnings] == tree.depth.tolist()
    for node, text in enumerate(beginnings):
        below = [other for other in beginnings if other.startswith(text)]
        assert tree.end[node] == node + len(below)
        found = tree.tokens[tree.first[node] : tree.first[node + 1]]
        assert found.tolist() == [i for i, other in enumerate(bytes_of) if other == text]
    assert tree.longest == max(map(len, bytes_of), default=0)
    assert len(tree.tokens) == tree.first[-1] == sum(map(bool, bytes_of))


@given(TOKENS)
def test_spellings_hold_every_token_in_place(bytes_of):
    spellings = trie.spell(tuple(bytes_of))
    slices = zip(spellings.offset, spellings.offset[1:])
    assert [spellings.byte[start:end].tobytes() for start, end in slices] == bytes_of


def test_kinds_of_the_arrays_are_those_compiled_code_is_made_for():
    for bytes_of in ((), (b"", b"ab", b"a")):
        tree, spellings = trie.build(bytes_of), trie.spell(bytes_of)
        assert tree.byte.dtype == spellings.byte.dtype == np.uint8
        assert {array.dtype for name, array in vars(tree).items() if name != "byte"} == {np.dtype(np.int32)}
        assert spellings.offset.dtype == np.int64
        assert all(array.flags.writeable for array in [*vars(tree).values(), *vars(spellings).values()])
