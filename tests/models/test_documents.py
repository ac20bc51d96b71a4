"""The scorer of docs: pooled vectors and n-grams."""

import numpy
import pytest
import spacy
from gradients import as_float64, check_gradients, given_vectors, vectors
from spacy.tokens import Doc

from spacy_skd.models.documents import build_doc_scorer, count_ngrams
from spacy_skd.models.growth import grow_output
from spacy_skd.models.words import words_of

LENGTHS = (4, 0, 1, 2)


def make_scorer(tok2vec=None, *, dropout=0.0, **settings):
    """Of two labels; the queries and all else at random."""
    sizes = {"heads": 2, "hidden_width": 5, "dropout": dropout, "nO": 2, "ngram_size": 0}
    model = build_doc_scorer(tok2vec or given_vectors(), **{**sizes, **settings})
    model.initialize()
    as_float64(model)
    return model


@pytest.mark.parametrize("grown", [False, True])
def test_gradients(grown):
    model = make_scorer()
    if grown:
        model = grow_output(model, numpy.asarray([[0, 1, 0], [0, 1, 1]]))
    X = vectors(*LENGTHS, spaces=[[1], [], [], []])
    weights = numpy.random.default_rng(3).normal(size=(4, 3 if grown else 2))

    def forward():
        scores, backprop = model(X, True)
        return float((scores * weights).sum()), lambda: backprop(weights)

    check_gradients(model, forward, inputs=X)


def test_scores_equal_the_formula():
    model, X = make_scorer(), vectors(*LENGTHS)
    _, pooling, output = model.layers
    Q, W, b = (pooling.get_param(name) for name in ("Q", "hidden_W", "hidden_b"))
    for found, doc in zip(model.predict(X), X, strict=True):
        heads = []
        for q in Q:
            powers = numpy.exp(doc @ q)
            heads.append(powers @ doc / powers.sum() if len(doc) else 0 * q)
        z = W @ numpy.concatenate(heads) + b
        expected = output.get_param("W") @ numpy.where(z > 0, z, 0.1 * z) + output.get_param("b")
        numpy.testing.assert_allclose(found, expected, rtol=1e-6)


def test_queries_of_large_scores_do_not_overflow():
    model, X = make_scorer(), vectors(3)
    X[0] *= 1e4
    assert numpy.isfinite(model.predict(X)).all()


def test_dropout_is_of_training_alone():
    model, X = make_scorer(dropout=0.5), vectors(*LENGTHS)
    assert (model.predict(X) == model.predict(X)).all()
    assert not (model(X, True)[0] == model(X, True)[0]).all()


def docs_of(*texts):
    nlp = spacy.blank("en")
    return [nlp.make_doc(text) for text in texts]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_ngrams_are_counted_of_words_alone(size):
    docs = docs_of("a b a b", "", " a\n\n b a  b ", "b")
    keys, values, lengths = count_ngrams(docs, words_of(docs), size=size)
    assert (keys.dtype, values.dtype, lengths.dtype) == ("uint64", "float32", "int32")
    assert lengths.tolist() == [{1: 2, 2: 4, 3: 6}[size], 0, {1: 2, 2: 4, 3: 6}[size], 1]
    first, last = keys[: lengths[0]], keys[lengths[0] : 2 * lengths[0]]
    assert (first == last).all()
    by_key = dict(zip(first.tolist(), values.tolist()))
    strings = docs[0].vocab.strings
    assert by_key[strings["a"]] == by_key[strings["b"]] == 2 / numpy.sqrt(4)
    assert values[-1] == 1.0
    assert count_ngrams(docs[1:2], words_of(docs[1:2]), size=size)[2].tolist() == [0]


def zeros(width=6):
    """A tok2vec that knows nothing."""
    model = given_vectors()
    model._func = lambda model, docs, is_train: (
        [numpy.zeros((len(doc), width), "float32") for doc in docs],
        lambda d_vectors: [],
    )
    return model


@pytest.mark.parametrize("grown", [False, True])
def test_the_linear_model_learns_ngrams(grown):
    """By its gradient alone: the vectors are 0."""
    model = build_doc_scorer(zeros(), heads=1, hidden_width=4, dropout=0.0, length=97, nO=2)
    model.initialize()
    if grown:
        model = grow_output(model, numpy.asarray([[0, 1, 0], [0, 1, 1]]))
    docs = docs_of("good morning", "bad morning")
    target = numpy.eye(2, 3 if grown else 2, dtype="float32")
    sparse = model.layers[3]
    for _ in range(50):
        scores, backprop = model(docs, True)
        backprop(scores - target)
        for name in sparse.param_names:
            sparse.get_param(name)[...] -= 0.1 * sparse.get_grad(name)
            sparse.get_grad(name)[...] = 0
    numpy.testing.assert_allclose(model.predict(docs), target, atol=0.05)


def test_more_outputs_keep_the_old_ones():
    model = build_doc_scorer(zeros(), length=97, nO=2)
    model.initialize()
    sparse = model.layers[3]
    W = numpy.random.default_rng(0).normal(size=sparse.get_param("W").shape)
    sparse.set_param("W", W.astype("float32"))
    docs = docs_of("good morning", "")
    before = model.predict(docs)
    after = grow_output(model, numpy.asarray([[0, 1, 0], [0, 1, 1]])).predict(docs)
    numpy.testing.assert_array_equal(after[:, :2], before)
    numpy.testing.assert_allclose(after[:, 2], before.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("setting", ["heads", "hidden_width", "length"])
def test_settings_out_of_range(setting):
    with pytest.raises(ValueError, match=f"{setting}: expected a number from 1"):
        build_doc_scorer(given_vectors(), **{setting: 0})
    with pytest.raises(ValueError, match="dropout: expected a number from 0 to"):
        build_doc_scorer(given_vectors(), dropout=1.0)


def test_a_doc_is_scored_the_same_whatever_the_batch():
    docs = [Doc(spacy.blank("en").vocab, words) for words in (["a"], [], ["a", "b"], ["\n"])]
    model = build_doc_scorer(zeros(), nO=2, length=97)
    model.initialize()
    together = model.predict(docs)
    for doc, row in zip(docs, together, strict=True):
        numpy.testing.assert_allclose(model.predict([doc])[0], row, atol=1e-6)
