"""Encoders that recipe.py compares with ours."""

from collections.abc import Callable

from spacy import registry
from spacy.ml.models.tok2vec import MaxoutWindowEncoder
from thinc.api import Maxout, Model, PyTorchLSTM, chain, residual, with_array
from thinc.types import Floats2d

Encoder = Model[list[Floats2d], list[Floats2d]]


@registry.architectures("benchmarks.DilatedEncoder.v1")
def build_dilated_encoder(width: int, depth: int, maxout_pieces: int) -> Encoder:
    """spaCy's CNN whose layers see the tokens at a distance of 1, 2, 4, ... on either side
    (dilated convolutions; for tagging, Strubell et al. 2017). No attention."""
    layers = []
    for i in range(depth):
        maxout = Maxout(width, width * 3, nP=maxout_pieces, dropout=0.0, normalize=True)
        layers.append(residual(chain(_dilated_window(2**i), maxout)))
    return with_array(chain(*layers), pad=2**depth - 1)


def _dilated_window(distance: int) -> Model[Floats2d, Floats2d]:
    return Model("dilated_window", _forward, attrs={"distance": distance})


def _forward(
    model: Model[Floats2d, Floats2d], X: Floats2d, is_train: bool
) -> tuple[Floats2d, Callable]:
    distance, width = model.attrs["distance"], X.shape[1]
    seen = model.ops.alloc2f(len(X), 3 * width)
    seen[distance:, :width] = X[:-distance]
    seen[:, width : 2 * width] = X
    seen[:-distance, 2 * width :] = X[distance:]

    def backprop(d_seen: Floats2d) -> Floats2d:
        dX = d_seen[:, width : 2 * width].copy()
        dX[:-distance] += d_seen[distance:, :width]
        dX[distance:] += d_seen[:-distance, 2 * width :]
        return dX

    return seen, backprop


@registry.architectures("benchmarks.RecurrentEncoder.v1")
def build_recurrent_encoder(width: int, depth: int, maxout_pieces: int, lstm_depth: int) -> Encoder:
    """spaCy's CNN, of windows of one, and a bidirectional LSTM by torch."""
    cnn: Encoder = MaxoutWindowEncoder(width, 1, maxout_pieces, depth)
    lstm = PyTorchLSTM(width, width, bi=True, depth=lstm_depth)
    return chain(cnn, residual(lstm))
