import numpy
import pytest
from thinc.api import LayerNorm

from spacy_skd.models.prediction.columns import MAX_COLUMNS, Chunk, normalise, plan_chunks


def test_every_doc_is_in_one_chunk_with_docs_of_its_length():
    rng = numpy.random.default_rng(0)
    lengths = [*rng.integers(0, 60, 300).tolist(), 128, 129, 5000, 0, 1]
    chunks = plan_chunks(lengths, pad=4, whole=128)
    found = sorted((s, n) for c in chunks for s, n in zip(c.starts.tolist(), c.lengths.tolist()))
    starts = numpy.cumsum(lengths) - lengths
    assert found == sorted((s, n) for s, n in zip(starts.tolist(), lengths) if n)
    assert len(chunks) < 40
    for chunk in chunks:
        columns = len(chunk.starts) * (chunk.n_tokens + 4)
        padding = (~chunk.inside).sum()
        assert len(chunk.starts) == 1 or columns <= MAX_COLUMNS
        assert padding <= max(64, chunk.lengths.sum() / 8)
        assert len({n <= 128 for n in chunk.lengths.tolist()}) == 1
    assert plan_chunks([0, 0], pad=1, whole=8) == plan_chunks([], pad=1, whole=8) == []


def test_layout():
    rows = numpy.arange(1.0, 19.0).reshape(9, 2)
    chunk = Chunk(numpy.asarray([5, 0]), numpy.asarray([2, 3]), pad=2)
    columns = numpy.zeros((2, chunk.n_columns))
    chunk.read(rows, columns)
    first = [0, 0, 11, 13, 0, 0, 0, 1, 3, 5, 0, 0]
    numpy.testing.assert_array_equal(columns, [first, [x and x + 1 for x in first]])
    tokens = chunk.tokens(columns)
    numpy.testing.assert_array_equal(tokens[0], [11, 13, 0, 1, 3, 5])
    written = numpy.full_like(rows, -1)
    chunk.write(tokens, written)
    expected = numpy.where(numpy.isin(numpy.arange(9), (0, 1, 2, 5, 6))[:, None], rows, -1)
    numpy.testing.assert_array_equal(written, expected)


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_norm_is_thincs(offset):
    rng = numpy.random.default_rng(1)
    X = (rng.normal(size=(7, 12)) + offset).astype("float32")
    layer = LayerNorm(12).initialize()
    layer.set_param("G", rng.normal(size=12).astype("float32"))
    layer.set_param("b", rng.normal(size=12).astype("float32"))
    columns = X.T.copy()
    found = normalise(columns, layer.get_param("G"), layer.get_param("b"), epsilon=1e-8)
    numpy.testing.assert_allclose(found.T, layer.predict(X), atol=1e-4)
    assert found is columns
