import numpy
import pytest
from spacy.ml.models.tok2vec import MaxoutWindowEncoder

from spacy_skd.models.prediction.columns import plan_chunks
from spacy_skd.models.prediction.windows import convolve, steps_of


def make_cnn(*, width=12, window=1, pieces=3, depth=2):
    cnn = MaxoutWindowEncoder(width, window, pieces, depth)
    cnn.initialize(X=[numpy.zeros((2, width), dtype="float32")])
    rng = numpy.random.default_rng(3)
    for node in cnn.walk():
        for name in node.param_names:
            param = node.get_param(name)
            node.set_param(name, param + rng.normal(size=param.shape, scale=0.1).astype("f"))
    return cnn


def run(cnn, X):
    rows, found = numpy.concatenate(X), numpy.full((sum(map(len, X)), X[0].shape[1]), numpy.nan)
    for chunk in plan_chunks([len(x) for x in X], pad=cnn.attrs["pad"], whole=50):
        chunk.write(convolve(steps_of(cnn), chunk, rows), found)
    return found


def random_docs(*lengths, width=12):
    rng = numpy.random.default_rng(len(lengths))
    return [rng.normal(size=(n, width)).astype("float32") for n in lengths]


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize(("window", "pieces"), [(1, 3), (2, 2), (3, 1)])
def test_the_vectors_are_thincs(depth, window, pieces):
    cnn = make_cnn(window=window, pieces=pieces, depth=depth)
    for lengths in ((5, 0, 1, 8, 1, 2, 40), (1,), (0, 3), (7, 7, 7)):
        X = random_docs(*lengths)
        numpy.testing.assert_allclose(run(cnn, X), numpy.concatenate(cnn.predict(X)), atol=1e-5)


def test_a_long_doc_goes_through_in_pieces():
    cnn = make_cnn(window=2, depth=3)
    X = random_docs(5000, 3)
    numpy.testing.assert_allclose(run(cnn, X), numpy.concatenate(cnn.predict(X)), atol=1e-5)
