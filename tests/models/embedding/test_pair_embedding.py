"""An embedding with pairs of words: what is added, gradients, prediction by the table of words,
what is saved."""

import copy
import pickle

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from thinc.api import fix_random_seed

from spacy_skd.models.embedding.lexicon import Lexicon
from spacy_skd.models.embedding.lexicon_embedding import OwnLexicon, build_lexicon_embed
from spacy_skd.models.embedding.pair_embedding import build_pair_embed, hash_pairs
from spacy_skd.models.embedding.word_embedding import build_word_embed
from spacy_skd.models.tok2vec import build_tok2vec

WIDTH = 6
NAMES = ("first_E", "second_E")


@pytest.fixture
def nlp():
    return spacy.blank("en")


@pytest.fixture
def docs(nlp):
    return list(nlp.pipe(["I saw New York", "", "new york", "New  york", "york", " "]))


def made(docs, *, dropout=0.0, rows=10_000, **settings):
    fix_random_seed(0)
    words = build_word_embed(WIDTH, ["LOWER", "SHAPE"], [50, 20], False)
    embed = build_pair_embed(words, rows, dropout=dropout, **settings)
    embed.initialize(X=docs)
    assert not any(embed.get_param(name).any() for name in NAMES)
    rng = numpy.random.default_rng(0)
    for name in NAMES:
        embed.set_param(name, rng.normal(size=(rows, WIDTH)).astype("f"))
    return embed


def added(embed, docs):
    """What the embedding has beyond that of single words."""
    vectors = zip(embed.predict(docs), embed.layers[0].predict(docs))
    return [with_pairs - alone for with_pairs, alone in vectors]


def row_of(nlp, first, second, *, rows=10_000):
    hashes = numpy.asarray([[nlp.vocab.strings.add(form)] for form in (first, second)], "uint64")
    return int(hash_pairs(*hashes)[0] % numpy.uint64(rows))


def same(one, other):
    assert [len(each) for each in one] == [len(each) for each in other]
    for a, b in zip(one, other):
        numpy.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_each_word_has_the_vectors_of_its_pairs(nlp, docs):
    embed = made(docs)
    first, second = map(embed.get_param, NAMES)
    i_saw, saw_new, new_york = (
        row_of(nlp, *pair) for pair in (("i", "saw"), ("saw", "new"), ("new", "york"))
    )
    assert len({i_saw, saw_new, new_york, row_of(nlp, "york", "new")}) == 4
    alone = numpy.stack([first[new_york], second[new_york]])
    none = numpy.zeros(WIDTH)
    same(added(embed, docs), [
        numpy.stack([first[i_saw], second[i_saw] + first[saw_new],
                     second[saw_new] + first[new_york], second[new_york]]),
        numpy.zeros((0, WIDTH)),
        alone,
        numpy.stack([alone[0], none, alone[1]]),  # whitespace is no word
        none[None], none[None],
    ])  # fmt: skip
    same(embed.begin_update(docs)[0], embed.predict(docs))
    by_form = added(made(docs, attr="ORTH"), docs)
    assert numpy.abs(by_form[2] - by_form[0][2:]).max() > 0.1


def test_the_gradient_is_that_of_finite_differences(docs):
    embed = made(docs, rows=5)
    weights = [numpy.random.default_rng(1).normal(size=v.shape) for v in embed.predict(docs)]
    _, backprop = embed.begin_update(docs)
    backprop([each.astype("f") for each in weights])
    for name in NAMES:
        table = embed.get_param(name).copy()
        for row in range(len(table)):
            step = numpy.zeros_like(table)
            step[row, 2] = 0.5  # the function is linear in it
            values = []
            for changed in (table + step, table - step):
                embed.set_param(name, changed)
                vectors = embed.predict(docs)
                values.append(sum(float((w * v).sum()) for w, v in zip(weights, vectors)))
            embed.set_param(name, table)
            assert embed.get_grad(name)[row, 2] == pytest.approx(values[0] - values[1], abs=1e-4)
    assert all(node.has_grad("E") for node in embed.walk() if node.name == "hashembed")


def test_dropout_leaves_pairs_out_in_training_alone(docs):
    embed = made(docs, dropout=1.0)
    same(embed.begin_update(docs)[0], embed.layers[0].predict(docs))
    assert numpy.abs(added(embed, docs)[0]).max() > 0.1


@pytest.mark.parametrize("with_lexicon", [False, True])
def test_prediction_by_the_table_of_words_and_what_is_saved(docs, with_lexicon):
    def embedding():
        if not with_lexicon:
            return made(docs)
        embed = build_lexicon_embed(made(docs))
        lexicon = Lexicon.of("LOWER", {("york",): ["GPE"]}, known=["GPE"])
        embed.attrs["lexicon"] = OwnLexicon(lexicon)
        embed.initialize(X=docs)
        embed.set_param("E", embed.get_param("E") + 1)
        return embed

    encode = spacy.registry.architectures.get("spacy.MaxoutWindowEncoder.v2")(WIDTH, 1, 2, 1)
    model = build_tok2vec(embedding(), encode)
    model.initialize(X=docs)
    expected = model.layers[0].predict(docs)
    for _ in range(2):  # the second time words are known
        same(model.predict(docs), expected)
    assert len(model.attrs["words"])
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), model.copy()):
        same(again.predict(docs), expected)
    loaded = build_tok2vec(embedding(), encode.copy())
    loaded.initialize(X=docs)
    loaded.from_bytes(model.to_bytes())
    same(loaded.predict(docs), expected)


def test_a_batch_of_nothing_and_docs_of_one_word(nlp):
    embed = made([nlp("a b")])
    assert embed.predict([]) == []
    same(embed.predict([Doc(nlp.vocab)]), [numpy.zeros((0, WIDTH))])
    for docs in ([nlp("a")], [nlp("a"), nlp("b")]):
        same(embed.predict(docs), embed.layers[0].predict(docs))
        vectors, backprop = embed.begin_update(docs)
        backprop(vectors)
        assert not embed.get_grad("first_E").any()


@pytest.mark.parametrize(("settings", "told"), [
    ({"rows": 0}, "rows"), ({"attr": "SHAPE"}, "attr"), ({"dropout": 1.5}, "dropout"),
])  # fmt: skip
def test_settings_out_of_range(docs, settings, told):
    with pytest.raises(ValueError, match=told):
        made(docs, **settings)
