"""Static vectors in the model: read once, saved with it, independent of the vocab's."""

import copy
import pickle

import numpy
import pytest
import spacy
from spacy.vectors import Vectors
from thinc.api import fix_random_seed

from spacy_skd.models.embedding.own_vectors import NAME, load_vectors
from spacy_skd.models.embedding.word_embedding import (
    build_word_embed,
    build_word_embed_with_own_vectors,
)

ATTRS, ROWS = ["LOWER", "SHAPE"], [50, 20]
TEXTS = ["walked the Talked", "", "unseen the"]


def folder_of(nlp, path):
    nlp.to_disk(path)
    return str(path)


def plain(nlp):
    for i, word in enumerate(("walked", "the", "Talked")):
        nlp.vocab.set_vector(word, numpy.eye(5, dtype="float32")[i])
    return nlp


def floret(nlp):
    data = numpy.random.default_rng(0).normal(size=(30, 5)).astype("float32")
    nlp.vocab.vectors = Vectors(
        data=data, mode="floret", strings=nlp.vocab.strings, hash_count=2, minn=2, maxn=3
    )
    return nlp


@pytest.fixture(params=[plain, floret], ids=["plain", "floret"])
def table(request, tmp_path):
    return folder_of(request.param(spacy.blank("en")), tmp_path / "vectors")


def initialized(build, nlp, include=True, **settings):
    fix_random_seed(0)
    embed = build(8, ATTRS, ROWS, include_static_vectors=include, **settings)
    embed.initialize(X=list(nlp.pipe(TEXTS)))
    return embed


def same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other):
        numpy.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def tagged(nlp, table):
    model = {
        "@architectures": "spacy-skd.Tok2Vec.v1",
        "embed": {
            "@architectures": "spacy-skd.WordEmbed.v2",
            "width": 8,
            "attrs": ATTRS,
            "rows": ROWS,
            "include_static_vectors": True,
            "vectors": table,
        },
        "encode": {"@architectures": "spacy-skd.ContextEncoder.v1", "width": 8, "depth": 1,
                   "attention_depth": 1, "heads": 2},
    }  # fmt: skip
    nlp.add_pipe("tok2vec", config={"model": model})
    nlp.initialize()
    return nlp


def test_it_is_the_model_that_reads_the_vocabs(table):
    """The same numbers in, the same model out; then the vocab's table does not matter."""
    other = spacy.load(table)
    expected = initialized(build_word_embed, other)
    nlp = plain(spacy.blank("en"))
    nlp.vocab.set_vector("walked", numpy.full(5, 3, dtype="float32"))
    own = initialized(build_word_embed_with_own_vectors, nlp, vectors=table)
    same(own.predict(list(nlp.pipe(TEXTS))), expected.predict(list(other.pipe(TEXTS))))
    d_own, d_expected = (
        embed.begin_update(list(pipeline.pipe(TEXTS)))
        for embed, pipeline in ((own, nlp), (expected, other))
    )
    d_own[1](d_own[0])
    d_expected[1](d_expected[0])
    gradients = [
        [n.get_grad(key) for n in embed.walk() for key in n.grad_names] for embed in (own, expected)
    ]
    same(*gradients)


def test_without_a_path_it_reads_the_vocabs(table):
    nlp = spacy.load(table)
    docs = list(nlp.pipe(TEXTS))
    embeds = (build_word_embed, build_word_embed_with_own_vectors)
    same(*(initialized(build, nlp).predict(docs) for build in embeds))


def test_it_is_saved_with_the_component_once_and_goes_along(table, tmp_path):
    nlp = tagged(spacy.blank("en"), table)
    expected = [doc.tensor for doc in nlp.pipe(TEXTS)]
    nlp.to_disk(tmp_path / "saved")
    (tmp_path / "vectors" / "config.cfg").unlink()  # what it was read from is gone
    loaded = spacy.load(tmp_path / "saved")
    assert not loaded.vocab.vectors.shape[1]
    elsewhere = plain(spacy.blank("en"))
    elsewhere.vocab.set_vector("the", numpy.full(5, 9, dtype="float32"))
    elsewhere.add_pipe("tok2vec", source=loaded)
    again = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    for pipeline in (loaded, elsewhere, again):
        same([doc.tensor for doc in pipeline.pipe(TEXTS)], expected)
    same([doc.tensor for doc in loaded.pipe(TEXTS, n_process=2)], expected)
    embed = loaded.get_pipe("tok2vec").model
    assert len([node for node in embed.walk() if node.name == NAME]) == 1
    for model in (embed.copy(), copy.deepcopy(embed), pickle.loads(pickle.dumps(embed))):
        same(model.predict(list(loaded.pipe(TEXTS))), expected)
    with loaded.memory_zone():
        assert loaded("some new words").tensor.shape == (3, 8)
    table = load_vectors(str(tmp_path / "saved"))  # a student's can be another's
    assert table.shape == load_vectors_of(nlp).shape


def load_vectors_of(nlp):
    nodes = nlp.get_pipe("tok2vec").model.walk()
    return next(node.attrs["vectors"].table for node in nodes if node.name == NAME)


def test_the_table_of_words_follows_its_vectors(table):
    nlp = tagged(spacy.blank("en"), table)
    other = plain(spacy.blank("en"))
    other.vocab.set_vector("the", numpy.full(5, 9, dtype="float32"))
    before = nlp("the").tensor
    (holder,) = (node for node in nlp.get_pipe("tok2vec").model.walk() if node.name == NAME)
    holder.attrs["vectors"] = type(holder.attrs["vectors"])(other.vocab.vectors)
    assert not numpy.allclose(nlp("the").tensor, before)


def test_what_is_missing_is_said(tmp_path):
    nlp = spacy.blank("en")
    with pytest.raises(ValueError, match="expected vectors, found none: name a folder"):
        initialized(build_word_embed_with_own_vectors, nlp)
    with pytest.raises(ValueError, match="cannot load the vectors .*none.*--paths.vectors"):
        initialized(build_word_embed_with_own_vectors, nlp, vectors=str(tmp_path / "none"))
    with pytest.raises(ValueError, match="'some' would not be read, since include_static_vectors"):
        initialized(build_word_embed_with_own_vectors, nlp, include=False, vectors="some")
    with pytest.raises(ValueError, match="has no vectors"):
        initialized(build_word_embed_with_own_vectors, nlp, vectors=folder_of(nlp, tmp_path / "e"))
