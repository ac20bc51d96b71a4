"""An embedding with a lexicon: gradients, prediction by the table of words, what is saved."""

import copy
import logging
import pickle

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from thinc.api import fix_random_seed

from spacy_skd.models.embedding import lexicon_embedding
from spacy_skd.models.embedding.lexicon import Lexicon
from spacy_skd.models.embedding.lexicon_embedding import OwnLexicon, build_lexicon_embed
from spacy_skd.models.embedding.word_embedding import build_word_embed
from spacy_skd.models.tok2vec import build_tok2vec

PHRASES = {("New", "York"): ["GPE"], ("York",): ["GPE", "PER"], ("saw",): ["VERB"]}
LEXICON = Lexicon.of("LOWER", PHRASES, known=["GPE", "PER", "VERB"])
TEXTS = ["I saw New York", "", "nothing here", "York york NEW york"]
WIDTH = 6


@pytest.fixture
def docs():
    return list(spacy.blank("en").pipe(TEXTS))


def made(docs, *, dropout=0.0, lexicon=LEXICON):
    fix_random_seed(0)
    words = build_word_embed(WIDTH, ["LOWER", "SHAPE"], [50, 20], False)
    embed = build_lexicon_embed(words, dropout=dropout)
    embed.attrs["lexicon"] = OwnLexicon(lexicon)
    embed.initialize(X=docs)
    if embed.get_param("E").size:
        embed.set_param("E", numpy.random.default_rng(0).normal(size=(12, WIDTH)).astype("f"))
    return embed


def same(one, other):
    assert [len(each) for each in one] == [len(each) for each in other]
    for a, b in zip(one, other):
        numpy.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_what_a_phrase_says_is_added_to_the_vectors_of_words(docs):
    embed = made(docs)
    E, plain = embed.get_param("E"), embed.layers[0].predict(docs)
    saw, new, york = plain[0][1] + E[11], plain[0][2] + E[0], plain[0][3] + E[2] + E[7]
    expected = [
        numpy.stack([plain[0][0], saw, new, york]),
        plain[1],
        plain[2],
        numpy.stack([*(plain[3][:2] + E[3] + E[7]), plain[3][2] + E[0], plain[3][3] + E[2] + E[7]]),
    ]
    same(embed.predict(docs), expected)
    same(embed.begin_update(docs)[0], expected)


def test_the_gradient_is_that_of_finite_differences(docs):
    embed = made(docs)
    weights = [numpy.random.default_rng(1).normal(size=v.shape) for v in embed.predict(docs)]
    _, backprop = embed.begin_update(docs)
    backprop([each.astype("f") for each in weights])
    E = embed.get_param("E").copy()

    def value(changed):
        embed.set_param("E", changed)
        return sum(float((w * v).sum()) for w, v in zip(weights, embed.predict(docs)))

    for row in range(len(E)):
        step = numpy.zeros_like(E)
        step[row, 2] = 0.5  # the function is linear in E
        slope = value(E + step) - value(E - step)
        assert embed.get_grad("E")[row, 2] == pytest.approx(slope, abs=1e-4)
    grads = [node.has_grad("E") for node in embed.layers[0].walk() if node.name == "hashembed"]
    assert all(grads)


def test_a_tok2vec_keeps_the_vectors_of_words_and_adds_in_place(docs):
    from spacy.ml.models.tok2vec import MaxoutWindowEncoder

    embed = made(docs)
    tok2vec = build_tok2vec(embed, MaxoutWindowEncoder(WIDTH, 1, 2, 1))
    tok2vec.initialize(X=docs)
    expected = tok2vec.begin_update(docs)[0]
    for _ in range(2):  # the second time from the table
        same(tok2vec.predict(docs), expected)
    assert len(tok2vec.attrs["words"])
    embed.set_param("E", embed.get_param("E") * 0)
    assert abs(tok2vec.predict(docs)[0] - expected[0]).max() > 1e-3
    assert embed.predict([Doc(docs[0].vocab)])[0].shape == (0, WIDTH)


def test_copies_have_the_lexicon(docs):
    embed = made(docs)
    expected = embed.predict(docs)
    other = made(docs, lexicon=Lexicon.of("LOWER", {}, known=[]))
    assert other.get_param("E").shape == (0, WIDTH)
    same(other.predict(docs), other.layers[0].predict(docs))
    other.from_bytes(embed.to_bytes())
    for model in (other, embed.copy(), copy.deepcopy(embed), pickle.loads(pickle.dumps(embed))):
        same(model.predict(docs), expected)


def test_in_training_some_phrases_are_left_out(docs):
    embed = made(docs, dropout=1.0)
    same(embed.begin_update(docs)[0], embed.layers[0].predict(docs))
    assert abs(embed.predict(docs)[0] - embed.layers[0].predict(docs)[0]).max() > 1e-3
    assert embed.attrs["lexicon"].matched == 7
    embed.attrs["lexicon_dropout"] = 0.5
    rows = [embed.begin_update(docs)[0][0][1] for _ in range(200)]
    changed = numpy.abs(rows - embed.layers[0].predict(docs)[0][1]).max(axis=1) > 1e-3
    assert 60 < changed.sum() < 140


def test_a_training_without_any_phrase_is_told_once(docs, monkeypatch, caplog):
    monkeypatch.setattr(lexicon_embedding, "ENOUGH", 5)
    embed, logger = made(docs), logging.getLogger("spacy.skd")
    monkeypatch.setattr(logger, "propagate", True)
    for batch in (docs[2:3], docs[2:3], docs[2:3], docs[2:3]):
        embed.begin_update(batch)
    told = [record.getMessage() for record in caplog.records]
    assert told == ["lexicon: none of its phrases occurs in 6 tokens of text"]


def test_what_is_missing_or_out_of_range(docs):
    words = build_word_embed(WIDTH, ["LOWER"], [50], False)
    with pytest.raises(ValueError, match="expected a lexicon, found none: let .initialize."):
        build_lexicon_embed(words).initialize(X=docs)
    with pytest.raises(ValueError, match="attr: expected one of"):
        build_lexicon_embed(words, attr="TAG")
    with pytest.raises(ValueError, match="dropout"):
        build_lexicon_embed(words, dropout=1.5)
