"""A listener to a frozen component reads the docs, in training too."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.util import registry
from stock_pipelines import EMBED, LISTENER, stock_examples


@pytest.fixture
def nlp():
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": EMBED})
    nlp.initialize(lambda: stock_examples(nlp))
    return nlp


@pytest.fixture
def model():
    make = registry.architectures.get("spacy-skd.FrozenListener.v1")
    made = make(registry.resolve({"listener": LISTENER})["listener"])
    made.initialize(X=[Doc(spacy.blank("en").vocab, ["Go"])])
    return made


def test_vectors_are_the_docs_own_in_training_and_in_prediction(nlp, model):
    docs = [nlp("The cat sleeps"), nlp(""), nlp("Go !")]
    assert model.get_dim("nO") == docs[0].tensor.shape[1]
    found, backprop = model.begin_update(docs)
    assert [vectors.shape for vectors in found] == [(3, 16), (0, 16), (2, 16)]
    for vectors, again, doc in zip(found, model.predict(docs), docs):
        numpy.testing.assert_array_equal(vectors, again)
        if len(doc):
            numpy.testing.assert_array_equal(vectors, doc.tensor)
    assert backprop(found) == []
    assert model.predict([nlp("")])[0].shape == (0, 16)


def test_docs_without_vectors_are_refused_in_training_alone(nlp, model):
    bare = nlp.make_doc("Go !")
    assert not model.predict([bare])[0].any()
    with pytest.raises(ValueError, match="training.annotating_components"):
        model.begin_update([nlp("Go !"), bare])


def test_no_gradient_reaches_what_it_listens_to(nlp, model):
    """Two updates in turn: spaCy's listeners would keep those that were handed to them."""
    tok2vec = nlp.get_pipe("tok2vec")
    tok2vec.add_listener(model.layers[0], "head")
    before = tok2vec.model.to_bytes()
    optimizer = nlp.resume_training()
    for eg in stock_examples(nlp)[:2]:
        tok2vec.update([eg], sgd=optimizer)
        eg.predicted = tok2vec(eg.predicted)
        vectors, backprop = model.begin_update([eg.predicted])
        backprop(vectors)
        tok2vec.finish_update(optimizer)
    assert tok2vec.model.to_bytes() == before
