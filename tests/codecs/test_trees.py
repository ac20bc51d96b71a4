import hypothesis.strategies as st
import numpy
import oracle
from hypothesis import given, settings

from spacy_skd.codecs import decode_trees, encode_heads
from spacy_skd.codecs.units import ROOT_HEAD, UNKNOWN_HEAD, Heads


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(0, 4))
def test_round_trip(seed, n, row):
    rng = numpy.random.default_rng(seed)
    trees = [h for h in oracle.all_heads(n) if oracle.forms_tree(h, single_root=True)]
    heads = trees[rng.integers(len(trees))]
    rows = [ROOT_HEAD if h == 0 else row + h - 1 for h in heads]
    all_heads = numpy.full(row + n, UNKNOWN_HEAD)
    all_heads[row:] = rows
    local = Heads(all_heads).to_local(rows=numpy.array([row]), lengths=numpy.array([n]))
    gold = encode_heads(local, numpy.array([n]))
    assert gold.complete.all()
    assert (gold.indicators.arrays["arc"][0] == oracle.arcs(heads)).all()
    pairs = decode_trees(gold.indicators, rows=numpy.array([row]))
    assert pairs.tolist() == [[row + i, h] for i, h in enumerate(rows)]
