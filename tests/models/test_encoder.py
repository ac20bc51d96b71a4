import tracemalloc

import numpy
import pytest
import spacy
from gradients import as_float64, check_gradients
from spacy.ml.models.tok2vec import MultiHashEmbed, build_Tok2Vec_model
from thinc.api import NumpyOps, get_current_ops

from spacy_skd.models.encoder import build_context_encoder
from spacy_skd.models.tok2vec import build_tok2vec


def embed():
    return MultiHashEmbed(16, ["NORM", "SUFFIX"], [50, 50], include_static_vectors=False)


def docs(*lengths):
    nlp = spacy.blank("en")
    rng = numpy.random.default_rng(0)
    return [
        spacy.tokens.Doc(nlp.vocab, words=[f"w{rng.integers(99)}" for _ in range(n)])
        for n in lengths
    ]


def encoder(**settings):
    defaults = {"width": 16, "depth": 2, "heads": 2, "block": 8, "halo": 4, "max_distance": 4}
    return build_context_encoder(**{**defaults, **settings})


def test_gradients():
    model = encoder(depth=1)
    vectors = [numpy.random.default_rng(i).normal(size=(n, 16)) for i, n in enumerate((5, 21, 1))]
    model.initialize(X=[v.astype("float32") for v in vectors])
    as_float64(model)
    weights = [numpy.random.default_rng(9).normal(size=v.shape) for v in vectors]

    def forward():
        Y, backprop = model(vectors, True)
        total = sum(float((y * w).sum()) for y, w in zip(Y, weights))
        return total, lambda: backprop(weights)

    check_gradients(model, forward, inputs=vectors)


@pytest.mark.parametrize("build", [build_tok2vec, build_Tok2Vec_model], ids=["ours", "spaCy's"])
def test_a_docs_vectors_do_not_depend_on_its_batch(build):
    model = build(embed(), encoder())
    batch = docs(5, 40, 1, 0, 12)
    model.initialize(X=batch)
    together = model.predict(batch)
    for doc, vectors in zip(batch, together):
        assert vectors.shape == (len(doc), 16)
        numpy.testing.assert_allclose(model.predict([doc])[0], vectors, atol=1e-5)


def test_no_tokens_at_all():
    model = build_tok2vec(embed(), encoder())
    model.initialize(X=docs(3))
    assert [v.shape for v in model.predict(docs(0, 0))] == [(0, 16), (0, 16)]
    Y, backprop = model(docs(0, 2), True)
    backprop(Y)


def test_attention_reaches_beyond_the_window_and_not_beyond_the_halo():
    model = encoder(depth=1, attention_depth=1)
    X = numpy.random.default_rng(0).normal(size=(64, 16)).astype("float32")
    model.initialize(X=[X])
    before = model.predict([X])[0]
    changed = X.copy()
    changed[20] += 1.0
    moved = numpy.abs(model.predict([changed])[0] - before).max(axis=1) > 1e-6
    # Token 20 is in block 2 (16..23); one step of the CNN reaches 19..21, then the blocks that see
    # those: 8..15 (up to 19), 16..23 (12..27), 24..31 (from 20).
    assert moved[8:32].all()
    assert not moved[:8].any()
    assert not moved[32:].any()


def test_without_attention_it_is_the_cnn():
    model = encoder(attention_depth=0)
    X = [numpy.ones((3, 16), dtype="float32")]
    model.initialize(X=X)
    expected = model.layers[0].predict(X)[0]
    numpy.testing.assert_allclose(model.predict(X)[0], expected, atol=1e-5)


def test_a_doc_of_100_000_tokens_takes_memory_in_proportion():
    """Attention over the whole doc would take 80 GB."""
    model = encoder(block=64, halo=32)
    X = numpy.random.default_rng(0).normal(size=(100_000, 16)).astype("float32")
    model.initialize(X=[X[:9]])
    peaks = {}
    for n in (50_000, 100_000):
        tracemalloc.start()
        vectors = model.predict([X[:n]])[0]
        peaks[n] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert numpy.isfinite(vectors).all()
    assert peaks[100_000] < 2.2 * peaks[50_000]
    assert peaks[100_000] < 100_000 * 16 * 4 * 120


def test_blas_is_set_on_our_layers_alone_and_again_after_copying():
    model = build_tok2vec(embed(), encoder())
    model.initialize(X=docs(3))
    copied = model.copy()
    copied.predict(docs(3))
    inner = [n for n in copied.walk() if n.name == "maxout"]
    assert inner
    assert not any(node.ops.use_blis for node in inner)
    ops = get_current_ops()
    assert isinstance(ops, NumpyOps)
    assert ops.use_blis


@pytest.mark.parametrize("setting", [{"block": 0}, {"halo": -1}, {"max_distance": 0}])
def test_settings_out_of_range(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        encoder(**setting)


@pytest.mark.parametrize("saved", [{}, {"block": 8, "halo": 4}], ids=["today", "when they were"])
def test_blocks_are_those_of_the_config_not_of_the_weights(saved):
    X = [
        numpy.random.default_rng(i).normal(size=(n, 16)).astype("f") for i, n in enumerate((9, 60))
    ]
    trained = encoder()
    trained.initialize(X=X)
    made_so = encoder(block=4, halo=2)
    made_so.initialize(X=X)
    for node, other in zip(trained.walk(), made_so.walk(), strict=True):
        for name in node.param_names:
            other.set_param(name, node.get_param(name))
    trained.attrs.update(saved)
    shorter, as_trained = encoder(block=4, halo=2), encoder()
    shorter.from_bytes(trained.to_bytes())
    as_trained.from_bytes(trained.to_bytes())
    for is_train in (True, False):
        long, short = (model(X, is_train)[0][1] for model in (trained, made_so))
        numpy.testing.assert_allclose(as_trained(X, is_train)[0][1], long, atol=1e-6)
        numpy.testing.assert_allclose(shorter(X, is_train)[0][1], short, atol=1e-6)
        assert numpy.abs(short - long).max() > 1e-3


@pytest.mark.parametrize("attention_depth", [0, 1, 2])
@pytest.mark.parametrize(("depth", "window_size"), [(0, 1), (1, 2), (4, 1)])
def test_prediction_is_as_training(attention_depth, depth, window_size):
    model = encoder(depth=depth, window_size=window_size, attention_depth=attention_depth)
    rng = numpy.random.default_rng(7)
    lengths = [*rng.integers(0, 40, 100).tolist(), 0, 1, 16, 17, 500]
    X = [rng.normal(size=(n, 16)).astype("float32") for n in lengths]
    model.initialize(X=X)
    for node in model.walk():
        for name in node.param_names:
            param = node.get_param(name)
            node.set_param(name, param + rng.normal(size=param.shape, scale=0.1).astype("f"))
    before = [x.copy() for x in X]
    found, expected = model.predict(X), model(X, True)[0]
    assert [x.shape for x in found] == [x.shape for x in X]
    numpy.testing.assert_allclose(numpy.concatenate(found), numpy.concatenate(expected), atol=2e-5)
    numpy.testing.assert_array_equal(numpy.concatenate(X), numpy.concatenate(before))
    assert model.predict([]) == []
