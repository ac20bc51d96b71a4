import numpy
import pytest
import spacy
from spacy.ml.models.tok2vec import MultiHashEmbed
from spacy.tokens import Doc

from spacy_skd.models.distinct import embed_distinct

ATTRS = ["NORM", "SHAPE", "PREFIX", "SUFFIX"]


@pytest.fixture(scope="module")
def embed():
    model = MultiHashEmbed(8, ATTRS, [50, 30, 20, 20], include_static_vectors=False)
    model.initialize(X=[Doc(spacy.blank("en").vocab, ["a", "b"])])
    return model


def docs_of(*texts):
    nlp = spacy.blank("en")
    return [nlp(text) for text in texts]


def test_the_vectors_are_those_of_every_token(embed):
    docs = docs_of("Ann saw Ann saw the SAW", "", "the the", "Don't see n't")
    docs[3][1].norm_ = "other"  # a norm of the token, not of the word
    found, expected = embed_distinct(embed, docs), embed.predict(docs)
    assert [len(vectors) for vectors in found] == [len(doc) for doc in docs]
    for mine, theirs in zip(found, expected):
        numpy.testing.assert_allclose(mine, theirs, atol=1e-6)
    assert abs(found[0][1] - found[0][5]).max() > 1e-3  # "saw" and "SAW"


def test_a_word_is_embedded_once(embed):
    seen = []
    mix = embed.layers[2]
    forward = mix._func

    def counting(model, X, is_train):
        seen.append(len(X.dataXd))
        return forward(model, X, is_train)

    mix._func = counting
    try:
        embed_distinct(embed, docs_of("see the dogs see the dogs", "see it"))
    finally:
        mix._func = forward
    assert seen == [4]
