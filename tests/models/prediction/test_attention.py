import numpy
import pytest
from thinc.api import fix_random_seed

from spacy_skd.models.attention import attention_layer
from spacy_skd.models.blocks import plan_blocks
from spacy_skd.models.prediction.attention import Attention, attend
from spacy_skd.models.prediction.columns import centre, plan_chunks

LENGTHS = (5, 0, 1, 8, 1, 2, 23, 24, 25, 7, 70, 300)


def make_layer(*, scale=0.3, dtype="float32"):
    fix_random_seed(3)
    layer = attention_layer(width=12, heads=3, hidden=20, max_distance=5)
    layer.initialize()
    rng = numpy.random.default_rng(3)
    for name in layer.param_names:
        param = layer.get_param(name)
        layer.set_param(name, (param + rng.normal(size=param.shape, scale=scale)).astype(dtype))
    return layer


def both(layer, lengths, *, block, halo, dtype="float32"):
    """What prediction gives, and what training does, less the mean of each token."""
    rng = numpy.random.default_rng(len(lengths))
    rows = rng.normal(size=(sum(lengths), 12)).astype(dtype)
    found = numpy.full_like(rows, numpy.nan)
    for chunk in plan_chunks(lengths, pad=2, whole=block + 2 * halo):
        columns = numpy.zeros((12, chunk.n_columns), dtype=dtype)
        chunk.read(rows, columns)
        tokens = centre(chunk.tokens(columns))
        attend(Attention.of(layer), tokens, chunk, block=block, halo=halo)
        chunk.write(tokens, found)
    groups = plan_blocks(lengths, block=block, halo=halo)
    expected = layer((rows, groups), True)[0][0]
    return found, expected - expected.mean(axis=1, keepdims=True)


@pytest.mark.parametrize(("block", "halo"), [(8, 8), (16, 4), (4, 10), (8, 0), (64, 32)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_prediction_is_as_training(block, halo, dtype):
    found, expected = both(make_layer(dtype=dtype), LENGTHS, block=block, halo=halo, dtype=dtype)
    assert found.dtype == expected.dtype == dtype
    numpy.testing.assert_allclose(found, expected, atol=1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("shift", [200.0, -200.0])
def test_scores_that_overflow_or_vanish(shift):
    layer = make_layer()
    layer.set_param("bias", layer.get_param("bias") + numpy.float32(shift))
    found, expected = both(layer, LENGTHS, block=8, halo=4)
    assert numpy.isfinite(found).all()
    numpy.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_finite_sum_of_weights_whose_product_with_values_overflows():
    layer = make_layer()
    weights = layer.get_param("QKV_W") * 0  # all scores are biases
    weights[24:] = numpy.eye(12) * 1e3
    layer.set_param("QKV_W", weights)
    layer.set_param("QKV_b", numpy.zeros(36, dtype="float32"))
    layer.set_param("bias", numpy.full((3, 11), 84.0, dtype="float32"))
    layer.set_param("O_W", layer.get_param("O_W") * 1e-3)
    found, expected = both(layer, LENGTHS, block=8, halo=4)
    assert numpy.isfinite(found).all()
    numpy.testing.assert_allclose(found, expected, atol=1e-4)


def test_one_token():
    found, expected = both(make_layer(), (1,), block=8, halo=4)
    numpy.testing.assert_allclose(found, expected, atol=1e-5)
