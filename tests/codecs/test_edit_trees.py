"""Edit trees: they make the lemma that they were made from, as text too, and as spaCy's do."""

import hypothesis.strategies as st
import pytest
from hypothesis import given
from spacy.pipeline._edit_tree_internals.edit_trees import EditTrees
from spacy.strings import StringStore

from spacy_skd.codecs.edit_trees import make_tree, parse_tree

TEXTS = st.text(alphabet="abcdß/\\ *2\n", max_size=8)


@given(TEXTS, TEXTS)
def test_a_tree_makes_its_lemma_of_its_form(form, lemma):
    tree = make_tree(form, lemma)
    assert tree.apply(form) == lemma
    assert parse_tree(tree.text) == tree


@given(TEXTS, TEXTS, TEXTS)
def test_it_applies_to_what_spacys_applies_to_with_the_same_lemma(form, lemma, other):
    stock = EditTrees(StringStore())
    assert make_tree(form, lemma).apply(other) == stock.apply(stock.add(form, lemma), other)


@pytest.mark.parametrize(
    ("form", "lemma", "text"),
    [
        ("walking", "walk", "* ing/"),
        ("gekauft", "kaufen", "ge/ * t/en"),
        ("went", "go", "went/go"),
        ("sang", "sing", "1 a/i *"),
        ("x", "x", "*"),
        ("", "", "*"),
        ("a/b c", "a/b", "* \\_c/"),
    ],
)
def test_trees_as_text(form, lemma, text):
    assert make_tree(form, lemma).text == text


@pytest.mark.parametrize("text", ["", "ing", "2", "* x", "* *", "a/b c/d", "  *", "* +2", "* ٣"])
def test_what_is_no_tree_is_refused(text):
    with pytest.raises(ValueError, match="edit tree"):
        parse_tree(text)
