import hypothesis.strategies as st
import numpy
from hypothesis import given, settings

from spacy_skd.structures.k_best import likely_pairs, top


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(1, 60),
    k=st.integers(1, 12),
    kinds=st.sampled_from([2, 5, 10**6]),
)
def test_top_is_a_stable_sort(seed, n, k, kinds):
    rng = numpy.random.default_rng(seed)
    values = rng.integers(0, kinds, size=(3, 2, n)).astype(float)
    values[rng.random(values.shape) < 0.3] = -numpy.inf
    expected = numpy.argsort(-values, axis=-1, kind="stable")[..., :k]
    assert (top(numpy, values, k) == expected).all()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    k=st.integers(1, 12),
)
def test_likely_pairs_are_enough(seed, rows, columns, k):
    rng = numpy.random.default_rng(seed)
    a, b = (-numpy.sort(-rng.normal(size=n)) for n in (rows, columns))
    i, j = likely_pairs(numpy, rows, columns, k)
    everything = -numpy.sort(-(a[:, None] + b).ravel())[:k]
    numpy.testing.assert_allclose(-numpy.sort(-(a[i] + b[j]))[:k], everything)
    assert len(i) <= k * (1 + numpy.log(k))
