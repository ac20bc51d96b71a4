import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_skd.training.conversion.leakage import HeldOut

DOCUMENT = ["Thank you.", "The cat sat quietly on the mat.", "Don't you ever do that to me again?"]
words = st.lists(st.sampled_from("alpha beta gamma delta eps".split()), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("text", "leak"),
    [
        ("thank YOU", "copy"),
        ("Do n't you ever do that to me again ?", "copy"),
        ("I said: the cat sat quietly on the mat, yesterday", "overlap"),
        ("sat quietly on the mat. Don't you", "overlap"),
        ("Well, thank you. Good.", None),
        ("The cat sat quietly on the matter of fact", None),
        ("Something else entirely is said here", None),
        ("", None),
    ],
)
def test_what_leaks(text, leak):
    assert HeldOut([DOCUMENT]).find(text) == leak


CHINESE = [
    "\u8c22\u8c22\u4f60\u3002",
    "\u8001\u5e08\u6628\u5929\u5728\u5317\u4eac\u770b\u89c1\u738b\u660e\u3002",
]


@pytest.mark.parametrize(
    ("text", "leak"),
    [
        (CHINESE[0], "copy"),
        ("\u4ed6\u8bf4" + CHINESE[1] + "\u6211\u4e0d\u77e5\u9053\u3002", "overlap"),
        (CHINESE[1].replace("\u3002", "\u4e86"), "overlap"),
        ("\u6211\u8bf4" + CHINESE[0] + "\u4ed6\u8d70\u4e86\u3002", None),
        ("\u8001\u5e08\u6628\u5929\u5728\u4e0a\u6d77\u770b\u89c1\u738b\u660e\u3002", None),
    ],
)
def test_what_leaks_where_nothing_stands_between_words(text, leak):
    assert HeldOut([CHINESE]).find(text) == leak


@given(st.lists(words, min_size=1, max_size=4), words, words)
def test_a_held_out_sentence_leaks_whatever_surrounds_it(document, before, after):
    sentences = [" ".join(sentence) for sentence in document]
    held_out = HeldOut([sentences])
    for sentence in sentences:
        assert held_out.find(sentence.upper() + " !") == "copy"
        if len(sentence.split()) >= 5:
            assert held_out.find(f"{' '.join(before)} {sentence} {' '.join(after)}") is not None
    assert held_out.find("zeta " * 7) is None
