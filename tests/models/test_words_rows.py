import numpy
import pytest
from thinc.api import NumpyOps

from spacy_skd.models.words import concatenate_rows, split_rows

ROWS = numpy.arange(24.0, dtype="float32").reshape(8, 3).copy()
DOCS = [numpy.zeros((n, 3)) for n in (2, 0, 5, 1)]


def test_rows_that_were_split_are_joined_without_a_copy():
    split = split_rows(ROWS, DOCS)
    joined = concatenate_rows(NumpyOps(), split)
    assert numpy.shares_memory(joined, ROWS)
    numpy.testing.assert_array_equal(joined, ROWS)
    some = concatenate_rows(NumpyOps(), split[2:])
    assert numpy.shares_memory(some, ROWS)
    numpy.testing.assert_array_equal(some, ROWS[2:])


@pytest.mark.parametrize(
    "arrays",
    [
        [ROWS[2:4], ROWS[0:2]],
        [ROWS[0:2], ROWS[3:5]],
        [ROWS[0:2], ROWS[1:3]],
        [ROWS[0:4:2], ROWS[4:5]],
        [ROWS[0:2], ROWS[2:4].copy()],
        [ROWS[0:2].copy(), ROWS[2:4].copy()],
        [ROWS[0:1, :2], ROWS[1:2, :2]],
        [ROWS.T[:, :2], ROWS.T[:, 2:4]],
        [ROWS.reshape(-1)[1:7].reshape(2, 3), ROWS.reshape(-1)[7:10].reshape(1, 3)],
        [ROWS.view("int32")[:2], ROWS.view("int32")[2:4]],
        [ROWS[:0], ROWS[3:4]],
    ],
)
def test_other_arrays_are_concatenated(arrays):
    joined = concatenate_rows(NumpyOps(), arrays)
    numpy.testing.assert_array_equal(joined, numpy.concatenate(arrays))
    assert joined.dtype == arrays[0].dtype


def test_no_docs():
    assert concatenate_rows(NumpyOps(), []).shape == (0, 0)
