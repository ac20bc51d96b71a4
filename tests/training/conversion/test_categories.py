"""What a `textcat` says becomes what one can learn."""

import pytest
import spacy
from spacy.training import Example

from spacy_skd.training.conversion.categories import decide_categories


@pytest.mark.parametrize(
    ("factory", "decided"),
    [
        ("textcat", {"A": 0.0, "B": 1.0, "C": 0.0, "other": 0.3}),
        ("textcat_multilabel", {"A": 1.0, "B": 1.0, "C": 0.0, "other": 0.3}),
    ],
)
def test_probabilities_become_categories_that_train(factory, decided):
    nlp = spacy.blank("en")
    textcat = nlp.add_pipe(factory)
    for label in "ABC":
        textcat.add_label(label)
    doc = nlp.make_doc("Go home !")
    doc.cats = {"A": 0.5, "B": 0.5 + 1e-6, "C": 0.1, "other": 0.3}
    decide_categories(nlp, doc)
    assert doc.cats == decided
    doc.cats.pop("other")
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc)])


def test_a_tie_of_exclusive_categories_has_one_winner():
    nlp = spacy.blank("en")
    textcat = nlp.add_pipe("textcat")
    for label in "AB":
        textcat.add_label(label)
    doc = nlp.make_doc("Go")
    doc.cats = {"A": 0.5, "B": 0.5}
    decide_categories(nlp, doc)
    assert sorted(doc.cats.values()) == [0.0, 1.0]
    decide_categories(nlp, nlp.make_doc("no categories"))
