"""Labels of lemmas: what they make of forms in any case."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from spacy_skd.codecs.lemma_labels import lemma_label, parse_lemma_label

WORDS = st.text(alphabet="abAB'1", max_size=6)


@given(WORDS, WORDS)
def test_a_label_makes_its_lemma_of_its_form(form, lemma):
    label = lemma_label(form, lemma)
    parsed = parse_lemma_label(label)
    assert parsed.apply(form) == lemma
    assert parsed.text == label


@pytest.mark.parametrize(
    ("form", "lemma", "label"),
    [
        ("walking", "walk", "lower * ing/"),
        ("Berlins", "Berlin", "title * s/"),
        ("NATO", "NATO", "upper *"),
        ("McDonalds", "McDonald", "form * s/"),
        ("phds", "PhD", "0,2 * s/"),
        ("O'Briens", "O'Brien", "form * s/"),
        ("İzmir", "İzmir", None),
    ],
)
def test_cases(form, lemma, label):
    assert lemma_label(form, lemma) == label


@pytest.mark.parametrize("form", ["walked", "Walked", "WALKED"])
def test_a_word_gets_the_same_in_any_case(form):
    assert lemma_label(form, "walk") == "lower * ed/"
    assert lemma_label(form, "Walk") == "title * ed/"


def test_what_does_not_apply():
    assert parse_lemma_label("lower * ing/").apply("walked") is None
    assert parse_lemma_label("0,5 *").apply("abc") is None
    assert parse_lemma_label("form *").apply("İzmir") is None


@pytest.mark.parametrize("text", ["lower", "lower ", "Title *", "NN", "1,x *", "lower ing", ", *"])
def test_what_is_no_label_is_refused(text):
    with pytest.raises(ValueError, match="expected a (label of lemmas|step|edit tree)|edit tree"):
        parse_lemma_label(text)
