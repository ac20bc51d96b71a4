import numpy
import pytest
from thinc.api import Model

from spacy_skd.models import scoring as mlp
from spacy_skd.models.scoring import SLOPE, hidden


@pytest.mark.parametrize("root", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_gradient_of_a_hidden_layer(dropout, root, monkeypatch):
    rng = numpy.random.default_rng(0)
    W, b, X, own, weights = (
        rng.normal(size=shape) for shape in ((3, 4), 3, (5, 4), (1, 4), (5 + root, 3))
    )
    mask = rng.integers(0, 2, (5 + root, 3)) * 2.0
    monkeypatch.setattr(mlp, "ROWS", 2)
    model = Model("hidden", None, params={"D_W": W, "D_b": b, "root": own})
    monkeypatch.setattr(type(model.ops), "get_dropout_mask", lambda ops, shape, dropout: mask)
    Y, backprop = hidden(model, "D", X, dropout=dropout, root=root)
    rows = numpy.concatenate([X, own]) if root else X
    Z = rows @ W.T + b
    slope = numpy.where(Z > 0, 1.0, SLOPE) * (mask if dropout else 1.0)
    numpy.testing.assert_allclose(Y, Z * slope)
    d_rows = (weights * slope) @ W
    numpy.testing.assert_allclose(backprop(weights), d_rows[:5])
    numpy.testing.assert_allclose(model.get_grad("D_W"), (weights * slope).T @ rows)
    numpy.testing.assert_allclose(model.get_grad("D_b"), (weights * slope).sum(axis=0))
    assert model.has_grad("root") == root
    if root:
        numpy.testing.assert_allclose(model.get_grad("root"), d_rows[5:])
