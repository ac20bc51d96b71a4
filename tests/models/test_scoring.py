import numpy
import pytest
from thinc.api import Model

from spacy_skd.models import scoring as mlp
from spacy_skd.models.scoring import SLOPE, hidden


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_gradient_of_a_hidden_layer(dropout, monkeypatch):
    rng = numpy.random.default_rng(0)
    W, b, X, weights = (rng.normal(size=shape) for shape in ((3, 4), 3, (5, 4), (5, 3)))
    mask = rng.integers(0, 2, (5, 3)) * 2.0
    monkeypatch.setattr(mlp, "_dropout_mask", lambda model, Y, dropout: mask)
    monkeypatch.setattr(mlp, "ROWS", 2)
    model = Model("hidden", None, params={"D_W": W, "D_b": b})
    Y, backprop = hidden(model, "D", X, dropout=dropout)
    Z = X @ W.T + b
    slope = numpy.where(Z > 0, 1.0, SLOPE) * (mask if dropout else 1.0)
    numpy.testing.assert_allclose(Y, Z * slope)
    numpy.testing.assert_allclose(backprop(weights), (weights * slope) @ W)
    numpy.testing.assert_allclose(model.get_grad("D_W"), (weights * slope).T @ X)
    numpy.testing.assert_allclose(model.get_grad("D_b"), (weights * slope).sum(axis=0))
