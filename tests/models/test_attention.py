import numpy
import pytest
from gradients import as_float64, check_gradients
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_skd.models.attention import _softmax, attention_layer
from spacy_skd.models.blocks import plan_blocks


def make_layer(max_distance=3):
    layer = attention_layer(width=8, heads=2, hidden=12, max_distance=max_distance)
    layer.initialize()
    as_float64(layer)
    return layer


def naive(layer, rows, lengths, block, halo):
    """One token, one head, one key at a time."""
    p = {name: layer.get_param(name) for name in layer.param_names}
    limit, width, heads = layer.get_dim("nD"), 8, 2

    def norm(x, name):
        hat = (x - x.mean()) / numpy.sqrt(x.var() + 1e-5)
        return hat * p[f"{name}_G"] + p[f"{name}_b"]

    out = []
    start = 0
    for n in lengths:
        doc = rows[start : start + n]
        start += n
        qkv = [p["QKV_W"] @ norm(x, "norm1") + p["QKV_b"] for x in doc]
        for i in range(n):
            first = 0 if n <= block + 2 * halo else max(0, i // block * block - halo)
            last = n if n <= block + 2 * halo else min(n, (i // block + 1) * block + halo)
            mixed = numpy.zeros(width)
            for h in range(heads):
                part = slice(h * 4, h * 4 + 4)
                scores = [
                    qkv[i][:width][part] @ qkv[j][width : 2 * width][part] / 2.0
                    + p["bias"][h, min(max(j - i, -limit), limit) + limit]
                    for j in range(first, last)
                ]
                weights = numpy.exp(scores) / numpy.exp(scores).sum()
                for weight, j in zip(weights, range(first, last)):
                    mixed[part] += weight * qkv[j][2 * width :][part]
            middle = doc[i] + p["O_W"] @ mixed + p["O_b"]
            hidden = numpy.maximum(p["F1_W"] @ norm(middle, "norm2") + p["F1_b"], 0)
            out.append(middle + p["F2_W"] @ hidden + p["F2_b"])
    return numpy.array(out)


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 23), min_size=1, max_size=4),
    block=st.integers(1, 5),
    halo=st.integers(0, 4),
)
def test_equals_attention_by_its_definition(lengths, block, halo):
    layer = make_layer()
    rows = numpy.random.default_rng(0).normal(size=(sum(lengths), 8))
    groups = plan_blocks(lengths, block=block, halo=halo)
    (found, _), _ = layer((rows, groups), False)
    expected = naive(layer, rows, lengths, block, halo).reshape(-1, 8)
    numpy.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("lengths", [[5, 3, 0, 6], [17, 4], [30]])
def test_gradients(lengths):
    layer = make_layer()
    rows = numpy.random.default_rng(0).normal(size=(sum(lengths), 8))
    groups = plan_blocks(lengths, block=4, halo=3)
    weights = numpy.random.default_rng(2).normal(size=rows.shape)

    def forward():
        (Y, _), backprop = layer((rows, groups), True)
        return float((Y * weights).sum()), lambda: [backprop((weights, groups))[0]]

    check_gradients(layer, forward, inputs=[rows])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=12), st.integers(1, 40), st.integers(0, 50))
def test_every_token_is_a_query_once(lengths, block, halo):
    groups = plan_blocks(lengths, block=block, halo=halo)
    rows = [g.queries[g.query_mask] for g in groups]
    found = numpy.sort(numpy.concatenate(rows)) if rows else numpy.zeros(0)
    assert found.tolist() == list(range(sum(lengths)))


def test_width_must_be_divided_by_heads():
    with pytest.raises(ValueError, match="heads divide"):
        attention_layer(width=10, heads=4, hidden=8, max_distance=4)


@pytest.mark.parametrize("shift", [0.0, 200.0, -200.0])
def test_softmax_is_exact_whatever_the_scores_are(shift):
    scores = numpy.random.default_rng(0).normal(size=(3, 2, 4, 5)).astype("float32")
    found = _softmax(numpy, scores + numpy.float32(shift))
    exact = numpy.exp(scores.astype("float64"))
    numpy.testing.assert_allclose(found, exact / exact.sum(-1, keepdims=True), rtol=1e-4)


def test_the_bias_starts_near_and_half_of_the_heads_on_each_side():
    layer = attention_layer(width=12, heads=3, hidden=12, max_distance=2)
    layer.initialize()
    assert layer.get_param("bias").tolist() == [
        [-1.0, -0.5, 0.0, -4.5, -5.0],
        [-0.5, -0.25, 0.0, -4.25, -4.5],
        [-5.0, -4.5, 0.0, -0.5, -1.0],
    ]
