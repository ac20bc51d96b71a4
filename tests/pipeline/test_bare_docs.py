"""Parsers of docs of which nothing says where sentences start."""

import logging
import warnings

import pytest
from parsers import KINDS, build, gold_examples, with_sentences
from spacy.pipeline import Sentencizer
from spacy.training import Example

TEXT = "The cat sees Ann. Dogs sleep well!\n\nShe gave him the book"


@pytest.fixture(params=KINDS)
def nlp(request):
    nlp = build(request.param)
    nlp.initialize(lambda: gold_examples(nlp))
    return nlp


def cuts(doc):
    return [sent.start for sent in doc.sents]


def words_of_sentences(doc):
    return [[t.text for t in sent if not t.is_space] for sent in doc.sents]


def test_they_are_cut_as_the_sentencizer_cuts_and_told_once(nlp, recwarn):
    docs = list(nlp.pipe([TEXT, TEXT, "Go. Go."]))
    told = [str(w.message) for w in recwarn if "sentencizer" in str(w.message)]
    assert len(told) == 1
    assert told[0].startswith("parser: ")
    assert "'sent'" in told[0]
    expected = Sentencizer()(nlp.make_doc(TEXT))
    assert words_of_sentences(docs[0]) == words_of_sentences(expected)
    assert len(words_of_sentences(docs[0])) == 3
    for doc in docs:
        assert [sum(t.head == t for t in sent) for sent in doc.sents] == [1] * len(cuts(doc))


def test_as_a_teacher_too(nlp):
    doc = nlp.make_doc(TEXT)
    with pytest.warns(UserWarning, match="sentencizer"):
        (belief,) = nlp.get_pipe("parser").believe([doc])
    n_words = sum(not token.is_space for token in doc)
    assert len(belief.units) == 3
    assert belief.units[-1, 1] == n_words


def test_docs_with_sentences_or_of_one_are_as_before(nlp):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for given in with_sentences(nlp):
            starts = [i for i, token in enumerate(given) if token.is_sent_start]
            assert cuts(nlp(given)) == starts
        doc = nlp.make_doc(TEXT)
        for token in doc[1:]:
            token.is_sent_start = False
        assert cuts(nlp(doc)) == [0]
        for text in ("Dogs sleep well", "Dogs sleep well !", "Go", "", "\n"):
            assert cuts(nlp(text)) == [0][: len(nlp.make_doc(text))]


def test_training_without_sentences_cuts_too_and_says_nothing(nlp, caplog):
    doc = nlp.make_doc(TEXT)
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        units = nlp.get_pipe("parser").task.reference_units(Example(doc, doc.copy()))
        nlp.update([Example(doc, doc.copy())], losses={})
    assert len(units) == 3
