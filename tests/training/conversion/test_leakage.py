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


@given(st.lists(words, min_size=1, max_size=4), words, words)
def test_a_held_out_sentence_leaks_whatever_surrounds_it(document, before, after):
    sentences = [" ".join(sentence) for sentence in document]
    held_out = HeldOut([sentences])
    for sentence in sentences:
        assert held_out.find(sentence.upper() + " !") == "copy"
        if len(sentence.split()) >= 5:
            assert held_out.find(f"{' '.join(before)} {sentence} {' '.join(after)}") is not None
    assert held_out.find("zeta " * 7) is None
