"""What a `textcat` says becomes what one can learn."""

import pytest
import spacy
from spacy.training import Example

from spacy_skd.training.conversion.categories import decide_categories

OF_ONE = {"A": 0.0, "B": 1.0, "C": 0.0, "other": 0.3}
OF_EACH = {"A": 1.0, "B": 1.0, "C": 0.0, "other": 0.3}


@pytest.mark.parametrize(
    ("factory", "settings", "decided"),
    [
        ("textcat", {}, OF_ONE),
        ("textcat_multilabel", {}, OF_EACH),
        ("distilling_textcat", {}, OF_ONE),
        ("distilling_textcat", {"exclusive": False}, OF_EACH),
        ("distilling_textcat", {"exclusive": False, "threshold": 0.05}, {**OF_EACH, "C": 1.0}),
    ],
)
def test_probabilities_become_categories_that_train(factory, settings, decided):
    nlp = spacy.blank("en")
    textcat = nlp.add_pipe(factory, config=settings)
    for label in "ABC":
        textcat.add_label(label)
    doc = nlp.make_doc("Go home !")
    doc.cats = {"A": 0.5, "B": 0.5 + 1e-6, "C": 0.1, "other": 0.3}
    decide_categories(nlp, doc)
    assert doc.cats == decided
    doc.cats.pop("other")
    stock = spacy.blank("en")
    stock.add_pipe("textcat_multilabel")
    stock.initialize(lambda: [Example(stock.make_doc(doc.text), doc)])


@pytest.mark.parametrize("factory", ["textcat", "distilling_textcat"])
def test_a_tie_of_exclusive_categories_has_one_winner(factory):
    nlp = spacy.blank("en")
    textcat = nlp.add_pipe(factory)
    for label in "AB":
        textcat.add_label(label)
    doc = nlp.make_doc("Go")
    doc.cats = {"A": 0.5, "B": 0.5}
    decide_categories(nlp, doc)
    assert sorted(doc.cats.values()) == [0.0, 1.0]
    decide_categories(nlp, nlp.make_doc("no categories"))
