"""Heads from one way of writing them down to another, and back."""

import hypothesis.strategies as st
import numpy
from hypothesis import given, settings

from spacy_skd.codecs.units import ROOT_HEAD, UNKNOWN_HEAD, Heads


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_there_and_back(seed, lengths):
    """Within their units, all known, none its own head."""
    rng = numpy.random.default_rng(seed)
    ends = numpy.cumsum(lengths)
    units = numpy.stack([ends - lengths, ends], axis=1)
    local = numpy.zeros((len(lengths), max(lengths)), dtype="int64")
    for row, n in zip(local, lengths):
        for i in range(n):
            row[i] = rng.choice([h for h in range(n + 1) if h != i + 1])
    heads = Heads.of_local(local, units, n_words=int(ends[-1]))
    again = heads.to_local(rows=units[:, 0], lengths=numpy.asarray(lengths))
    inside = numpy.arange(max(lengths)) < numpy.asarray(lengths)[:, None]
    assert (again[inside] == local[inside]).all()
    assert (again[~inside] == UNKNOWN_HEAD).all()
    assert (Heads.of_offsets(heads.to_offsets()).rows == heads.rows).all()
    moved = heads.to_rows(ends[-1])
    assert ((moved == ROOT_HEAD) == (heads.rows == ROOT_HEAD)).all()
    assert (moved[moved >= 0] - ends[-1] == heads.rows[heads.rows >= 0]).all()


def test_what_is_unknown_or_outside_stays_unknown():
    rows = numpy.asarray([1, ROOT_HEAD, UNKNOWN_HEAD, 0])
    local = Heads(rows).to_local(rows=numpy.asarray([0, 2]), lengths=numpy.asarray([2, 2]))
    assert local.tolist() == [[2, 0], [UNKNOWN_HEAD, UNKNOWN_HEAD]]
    assert Heads(rows).to_rows(3).tolist() == [4, ROOT_HEAD, UNKNOWN_HEAD, 3]
    assert Heads(rows).to_offsets().tolist() == [1, 0, 0, -3]
