import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest
import spacy
from spacy.ml.models.tok2vec import CharacterEmbed, MultiHashEmbed
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vectors import Vectors
from spacy.vocab import Vocab
from thinc.api import SGD, Adam

from spacy_skd.models.embedding.word_embedding import build_word_embed
from spacy_skd.models.encoder import build_context_encoder
from spacy_skd.models.prediction.word_table import WordTable
from spacy_skd.models.tok2vec import build_tok2vec

ATTRS = ["NORM", "SHAPE", "PREFIX", "SUFFIX"]
TEXTS = ("Ann saw Ann saw the SAW", "", "the the", "Don't see n't", "vec tor")


def make_embed(vocab, *, static, build=MultiHashEmbed):
    attrs = ["LOWER", *ATTRS[1:]] if build is build_word_embed else ATTRS
    model = build(8, attrs, [50, 30, 20, 20], include_static_vectors=static)
    model.initialize(X=[Doc(vocab, ["a", "b"])])
    return model


@pytest.fixture(params=[False, True], ids=["hashes", "static"])
def static(request):
    return request.param


@pytest.fixture
def nlp():
    nlp = spacy.blank("en")
    rng = numpy.random.default_rng(0)
    for word in ("Ann", "the", "vec", "saw"):
        nlp.vocab.set_vector(word, rng.normal(size=5).astype("float32"))
    return nlp


@pytest.fixture(params=[MultiHashEmbed, build_word_embed], ids=["spacy", "own"])
def embed(request, nlp, static):
    return make_embed(nlp.vocab, static=static, build=request.param)


def check(table, embed, docs):
    found, expected = table.predict(embed, docs), embed.predict(docs)
    assert [len(vectors) for vectors in found] == [len(doc) for doc in docs]
    for mine, theirs in zip(found, expected):
        numpy.testing.assert_allclose(mine, theirs, atol=1e-5)
    return numpy.concatenate(found)


def count_calls(layer):
    """The words that a layer embeds, one number a call."""
    seen, forward = [], layer._func

    def counting(model, X, is_train):
        seen.append(len(X.dataXd))
        return forward(model, X, is_train)

    layer._func = counting
    return seen


def test_the_vectors_are_those_of_every_token(nlp, embed):
    docs = [nlp(text) for text in TEXTS]
    docs[3][1].norm_ = "other"  # a norm of the token, not of the word
    table = WordTable()
    rows = check(table, embed, docs)
    assert abs(rows[1] - rows[5]).max() > 1e-3  # "saw" and "SAW"
    check(table, embed, docs)
    docs[3][1].norm_ = "another"
    check(table, embed, docs)
    assert [v.shape for v in table.predict(embed, [nlp("")])] == [(0, 8)]
    assert table.predict(embed, []) == []


def test_a_word_is_embedded_once(nlp, static):
    embed = make_embed(nlp.vocab, static=static)
    (mix,) = [layer for layer in embed.layers if "maxout" in layer.name]
    seen, table = count_calls(mix), WordTable()
    table.predict(embed, [nlp("see the dogs see the dogs"), nlp("see it")])
    table.predict(embed, [nlp("it"), nlp("dogs see cats")])
    table.predict(embed, [nlp("cats see it")])
    assert seen == [4, 1]
    assert len(table) == 5


def test_a_full_table_starts_over(nlp, embed):
    table = WordTable(limit=6)
    for text in ("a b c d", "a b c d e f", "f g a h", "h g", "a b c d e f g h i j", "b x"):
        check(table, embed, [nlp(text)])
        assert len(table._vectors) <= max(6, len(table))
    assert len(table) == 2


def test_another_architecture_is_run(nlp):
    for static in (True, False):
        embed = CharacterEmbed(8, 20, 2, 2, include_static_vectors=static)
        embed.initialize(X=[nlp("a b")])
        table = WordTable()
        check(table, embed, [nlp("see it")])
        assert len(table) == 0


def test_floret_vectors_are_not_kept():
    vocab = Vocab()
    vocab.vectors = spacy.vectors.Vectors(
        data=numpy.random.default_rng(0).normal(size=(20, 5)).astype("float32"),
        mode="floret",
        minn=1,
        maxn=2,
        hash_count=2,
        strings=vocab.strings,
    )
    embed, table = make_embed(vocab, static=True), WordTable()
    check(table, embed, [Doc(vocab, ["ab", "c"])])
    assert len(table) == 0


# Never stale


def train(embed, docs, optimizer):
    Y, backprop = embed.begin_update(docs)
    backprop([numpy.ones_like(y) for y in Y])
    embed.finish_update(optimizer)


@pytest.mark.parametrize("make", [SGD, Adam])  # in place; into other arrays
def test_an_update_changes_the_vectors(nlp, embed, make):
    docs, table, optimizer = [nlp(text) for text in TEXTS], WordTable(), make(0.01)
    before = check(table, embed, docs)
    for _ in range(3):
        train(embed, docs, optimizer)
        after = check(table, embed, docs)
        assert abs(before - after).max() > 1e-3
        before = after


@pytest.mark.parametrize("make", [SGD, Adam])
def test_a_prediction_between_the_forward_pass_and_the_update(nlp, embed, make):
    docs, table, optimizer = [nlp(text) for text in TEXTS], WordTable(), make(0.01)
    for _ in range(2):
        Y, backprop = embed.begin_update(docs)
        check(table, embed, docs)
        backprop([numpy.ones_like(y) for y in Y])
        check(table, embed, docs)
        embed.finish_update(optimizer)
        check(table, embed, docs)
        embed.finish_update(optimizer)  # momentum alone moves the weights
        check(table, embed, docs)


def test_averages_that_an_update_changes_in_place(nlp, embed):
    docs, table = [nlp(text) for text in TEXTS], WordTable()
    optimizer = Adam(0.05, use_averages=True)
    seen = []
    for _ in range(3):
        train(embed, docs, optimizer)
        with embed.use_params(optimizer.averages):
            seen.append(check(table, embed, docs))
        train(embed, docs, optimizer)
        with embed.use_params(optimizer.averages):
            seen.append(check(table, embed, docs))
        check(table, embed, docs)
    assert all(abs(a - b).max() > 1e-4 for a, b in zip(seen, seen[1:]))


def test_other_parameters(nlp, embed):
    docs, table = [nlp(text) for text in TEXTS], WordTable()
    before, saved = check(table, embed, docs), embed.to_bytes()
    (hashes, *_) = [node for node in embed.walk() if node.has_param("E")]
    hashes.set_param("E", hashes.get_param("E")[::-1].copy())
    assert abs(check(table, embed, docs) - before).max() > 1e-3
    embed.from_bytes(saved)
    numpy.testing.assert_array_equal(check(table, embed, docs), before)
    params = {
        (node.id, name): node.get_param(name)[::-1].copy()
        for node in embed.walk()
        for name in "E"
        if node.has_param(name)
    }
    with embed.use_params(params):
        assert abs(check(table, embed, docs) - before).max() > 1e-3
    numpy.testing.assert_array_equal(check(table, embed, docs), before)


def test_another_model_with_the_same_table(nlp, embed, static):
    table, docs = WordTable(), [nlp(text) for text in TEXTS]
    check(table, embed, docs)
    check(table, make_embed(nlp.vocab, static=static), docs)


def test_static_vectors_that_change(nlp):
    embed, table = make_embed(nlp.vocab, static=True), WordTable()
    docs = [nlp(text) for text in TEXTS]
    before = check(table, embed, docs)
    nlp.vocab.set_vector("the", numpy.ones(5, dtype="float32"))  # in place
    changed = abs(check(table, embed, docs) - before).max(axis=1) > 1e-4
    assert [t.text for doc in docs for t in doc if changed[[*all_tokens(docs)].index(t)]] == [
        "the"
    ] * 3
    nlp.vocab.set_vector("SAW", numpy.ones(5, dtype="float32"))  # a new row
    check(table, embed, docs)
    nlp.vocab.vectors.data[:] = 0
    check(table, embed, docs)
    nlp.vocab.vectors.data = numpy.ones_like(nlp.vocab.vectors.data)
    check(table, embed, docs)


def test_static_vectors_whose_numbers_move(nlp):
    embed, table, docs = make_embed(nlp.vocab, static=True), WordTable(), [nlp("see the vec")]
    for columns in ([0, 3], [1, 2], [0], [1]):
        vector = numpy.zeros(5, dtype="float32")
        vector[columns] = 1.0
        nlp.vocab.set_vector("the", vector)
        check(table, embed, docs)
    data = nlp.vocab.vectors.data
    data[:] = data[:, ::-1].copy()
    check(table, embed, docs)


@pytest.mark.parametrize("width", [4, 5, 6, 96])
@pytest.mark.parametrize("columns", [[1, 3], slice(1, None, 2), slice(None), [0]])
def test_static_vectors_whose_signs_change(width, columns):
    nlp = spacy.blank("en")
    nlp.vocab.vectors = Vectors(data=numpy.ones((2, width), dtype="float32"))
    for row, word in enumerate(("the", "a")):
        nlp.vocab.vectors.add(nlp.vocab.strings.add(word), row=row)
    embed, table, docs = make_embed(nlp.vocab, static=True), WordTable(), [nlp("see the thing")]
    check(table, embed, docs)
    nlp.vocab.vectors.data[0, columns] *= -1
    check(table, embed, docs)


@pytest.mark.parametrize("attr", ["ORTH", "LOWER", "NORM"])
def test_static_vectors_of_another_attribute(attr):
    nlp = spacy.blank("en")
    data = numpy.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    nlp.vocab.vectors = Vectors(data=data, attr=attr)
    for row, word in enumerate(("the", "dog", "Dog")):
        nlp.vocab.vectors.add(nlp.vocab.strings.add(word), row=row)
    embed, table = make_embed(nlp.vocab, static=True), WordTable()
    docs = [nlp("The the THE dog Dog cat")]
    docs[0][5].norm_ = "dog"
    check(table, embed, docs)
    nlp.vocab.vectors.add(nlp.vocab.strings.add("cat"), row=0)
    check(table, embed, docs)
    nlp.vocab.vectors.key2row.pop(nlp.vocab.strings["dog"])
    check(table, embed, docs)


def test_a_call_that_was_interrupted(nlp, monkeypatch):
    embed, table = make_embed(nlp.vocab, static=True), WordTable()
    table.predict(embed, [nlp("the vec")])

    class Interrupted(dict):
        def update(self, *args):
            raise KeyboardInterrupt

    monkeypatch.setattr(table, "_index", Interrupted(table._index))
    with pytest.raises(KeyboardInterrupt):
        table.predict(embed, [nlp("Ann saw the dogs")])
    monkeypatch.setattr(table, "_index", dict(table._index))
    docs = [nlp("see the vec saw Ann")]
    check(table, embed, docs)
    nlp.vocab.set_vector("Ann", numpy.ones(5, dtype="float32"))
    check(table, embed, docs)


def all_tokens(docs):
    return (token for doc in docs for token in doc)


# In a pipeline


@pytest.fixture
def pipeline():
    nlp = spacy.blank("en")
    model = build_tok2vec(
        MultiHashEmbed(16, ATTRS, [50, 30, 20, 20], include_static_vectors=False),
        build_context_encoder(width=16, depth=1, heads=2),
    )
    pipe = nlp.add_pipe("tok2vec")
    pipe.model = model
    pipe.model.initialize(X=[nlp.make_doc("a b c")])
    return nlp


def table_of(nlp):
    return nlp.get_pipe("tok2vec").model.attrs["words"]


def tensors(nlp, texts=TEXTS):
    return numpy.concatenate([doc.tensor.reshape(-1, 16) for doc in nlp.pipe(texts)])


def test_copies_and_saved_models_are_empty(pipeline, tmp_path):
    expected = tensors(pipeline)
    model = pipeline.get_pipe("tok2vec").model
    assert len(table_of(pipeline)) > 5
    for other in (model.copy(), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert len(other.attrs["words"]) == 0
        found = other.predict([pipeline.make_doc(text) for text in TEXTS])
        numpy.testing.assert_allclose(numpy.concatenate(found), expected, atol=1e-5)
    saved = model.to_bytes()
    for node in model.walk():
        for name in node.param_names:
            node.set_param(name, node.get_param(name) + 0.1)
    assert abs(tensors(pipeline) - expected).max() > 1e-3
    model.to_disk(tmp_path / "model")
    moved = tensors(pipeline)
    model.from_bytes(saved)
    numpy.testing.assert_allclose(tensors(pipeline), expected, atol=1e-5)
    model.from_disk(tmp_path / "model")
    numpy.testing.assert_allclose(tensors(pipeline), moved, atol=1e-5)


def test_memory_zones(pipeline):
    expected = tensors(pipeline)
    for _ in range(2):
        with pipeline.memory_zone():
            numpy.testing.assert_allclose(tensors(pipeline, ("zyx zyx wvu",)).shape, (3, 16))
            numpy.testing.assert_allclose(tensors(pipeline), expected, atol=1e-5)


def test_processes_and_threads(pipeline):
    texts = TEXTS * 10
    expected = tensors(pipeline, texts)
    docs = list(pipeline.pipe(texts, n_process=2, batch_size=5))
    found = numpy.concatenate([doc.tensor.reshape(-1, 16) for doc in docs])
    numpy.testing.assert_allclose(found, expected, atol=1e-5)
    many = [[f"w{i} w{i + j} the" for i in range(30)] for j in range(8)]
    alone = [tensors(pipeline, some) for some in many]
    table_of(pipeline).limit = 40
    model = pipeline.get_pipe("tok2vec").model

    def run(some):
        batches = ([Doc(pipeline.vocab, text.split())] for text in some)
        return numpy.concatenate([model.predict(docs)[0] for docs in batches])

    with ThreadPoolExecutor(4) as pool:
        for mine, theirs in zip(pool.map(run, many), alone):
            numpy.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_a_table_in_use_is_done_without(nlp, embed):
    table = WordTable()
    table._lock.acquire()
    check(table, embed, [nlp("see it")])
    assert len(table) == 0


def test_training_is_seen(pipeline):
    """`Language.update` of a component that listens, with predictions in between."""
    tagger = pipeline.add_pipe("tagger", config={"model": {"tok2vec": LISTENER}})
    tagger.add_label("A")
    tagger.add_label("B")
    doc = Doc(pipeline.vocab, ["see", "it"], tags=["A", "B"])
    optimizer = pipeline.initialize(lambda: [Example(pipeline.make_doc("see it"), doc)])
    before = tensors(pipeline)
    for step in range(3):
        pipeline.update(
            [Example(pipeline.make_doc("see it"), doc)], sgd=optimizer, annotates=["tok2vec"]
        )
        model = pipeline.get_pipe("tok2vec").model
        after = tensors(pipeline)
        fresh = model.copy().predict([pipeline.make_doc(text) for text in TEXTS])
        numpy.testing.assert_allclose(after, numpy.concatenate(fresh), atol=1e-5)
        assert step == 0 or abs(after - before).max() > 1e-5  # the softmax starts at 0
        before = after


LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16, "upstream": "*"}


def test_docs_of_several_vocabs_in_a_batch(nlp, embed):
    """Words that the vocab of the first doc has not met have affixes, too, and keep them."""
    other = spacy.blank("en")
    other.vocab.vectors = nlp.vocab.vectors
    strange = other("quizzical xylophones")
    alone, table = embed.predict([strange])[0], WordTable()
    for docs in ([nlp("Ann"), strange], [strange]):
        for predict in (embed.predict, lambda docs: table.predict(embed, docs)):
            numpy.testing.assert_allclose(predict(docs)[-1], alone, atol=1e-5)
