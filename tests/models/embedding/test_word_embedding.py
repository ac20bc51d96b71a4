import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.vectors import Vectors
from thinc.api import Adam

from spacy_skd.models.embedding.word_embedding import build_word_embed, expand, word_features

ATTRS = ["SHAPE", "LOWER"]
FORM, AFFIXES = 1, slice(2, None)


def make_features(*, prefixes=(2,), suffixes=(1, 3), known_words=True):
    return word_features(ATTRS, prefixes=prefixes, suffixes=suffixes, known_words=known_words)


@pytest.fixture
def nlp():
    nlp = spacy.blank("en")
    for i, word in enumerate(("walked", "the")):
        nlp.vocab.set_vector(word, numpy.eye(3, dtype="float32")[i])
    return nlp


def test_affixes_are_those_of_the_form_in_lower_case(nlp):
    doc = nlp("The walked")
    features = make_features(known_words=False)
    the, walked = features.predict([doc])[0]
    ids = nlp.vocab.strings
    assert the.dtype == numpy.uint64
    assert the.tolist() == [doc[0].shape, doc[0].lower, *map(ids.add, ("th", "e", "the"))]
    assert walked[AFFIXES].tolist() == [ids.add(affix) for affix in ("wa", "d", "ked")]
    assert features.predict([nlp("A")])[0][0][AFFIXES].tolist() == [ids.add("a")] * 3  # shorter


def test_a_doc_of_words_is_as_one_of_text(nlp):
    """Whose tokenizer's exceptions have norms of their own."""
    doc = nlp("I don't")
    assert doc[2].norm_ == "not"
    words = Doc(nlp.vocab, [token.text for token in doc])
    assert words[2].norm_ == "n't"
    for found in (make_features().predict([doc, words]), make_embed(nlp).predict([doc, words])):
        numpy.testing.assert_array_equal(*found)


def test_forms_of_words_without_a_vector_are_left_out(nlp):
    doc = nlp("walked talked the The")
    known, every = (make_features(known_words=some).predict([doc])[0] for some in (True, False))
    assert known[:, FORM].tolist() == [doc[0].lower, 0, doc[2].lower, 0]  # "The" has no vector
    assert every[:, FORM].tolist() == [token.lower for token in doc]
    numpy.testing.assert_array_equal(known[:, AFFIXES], every[:, AFFIXES])


def test_floret_vectors_leave_all_forms(nlp):
    data = numpy.ones((20, 3), dtype="float32")
    nlp.vocab.vectors = Vectors(
        data=data, mode="floret", strings=nlp.vocab.strings, hash_count=2, minn=2, maxn=3
    )
    doc = nlp("talked")
    assert make_features().predict([doc])[0][0, FORM] == doc[0].lower


def test_batches_with_empty_docs_and_no_docs(nlp):
    features = make_features()
    assert features.predict([]) == []
    found = features.predict([nlp(""), nlp("a b"), nlp("")])
    assert [words.shape for words in found] == [(0, 5), (2, 5), (0, 5)]


def test_a_form_that_the_vocab_does_not_know(nlp):
    unknown = numpy.asarray([[1, 12345678901234567890]], dtype="uint64")
    assert expand(make_features(), unknown, nlp.vocab.strings, None)[0, AFFIXES].tolist() == [0] * 3


def make_embed(nlp, **settings):
    embed = build_word_embed(8, ATTRS, [20, 50], True, **settings)
    embed.initialize(X=[nlp("a the")])
    return embed


def test_unseen_words_of_the_same_shape_and_affixes_are_alike(nlp):
    embed = make_embed(nlp, prefixes=[2], suffixes=[3])
    one, two, other, known = embed.predict([nlp("wanded wabded wabder walked")])[0]
    numpy.testing.assert_array_equal(one, two)
    assert abs(one - other).max() > 1e-3
    assert abs(one - known).max() > 1e-3


def test_all_embeddings_are_learnt(nlp):
    embed, doc = make_embed(nlp), nlp("the walked thing")
    before = [node.get_param("E").copy() for node in embed.walk() if node.name == "hashembed"]
    Y, backprop = embed.begin_update([doc])
    backprop([vectors * 0 + 1 for vectors in Y])
    embed.finish_update(Adam(0.1))
    after = [node.get_param("E") for node in embed.walk() if node.name == "hashembed"]
    assert len(after) == 2 + 3 + 4  # attributes, prefixes, suffixes
    assert all(abs(old - new).max() > 1e-3 for old, new in zip(before, after))


def test_a_copy_from_bytes_predicts_the_same(nlp):
    embed, docs = make_embed(nlp), [nlp("the walked thing")]
    other = make_embed(nlp).from_bytes(embed.to_bytes())
    numpy.testing.assert_array_equal(other.predict(docs)[0], embed.predict(docs)[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attrs": ["SHAPE"], "rows": [10]}, "expected LOWER"),
        ({"rows": [10]}, "expected one number for each"),
        ({"prefixes": [0]}, "prefixes"),
        ({"suffixes": [-1]}, "suffixes"),
        ({"affix_rows": 0}, "affix_rows"),
    ],
)
def test_wrong_settings(settings, message):
    good = {"width": 8, "attrs": ATTRS, "rows": [5, 5], "include_static_vectors": False}
    with pytest.raises(ValueError, match=message):
        build_word_embed(**{**good, **settings})
