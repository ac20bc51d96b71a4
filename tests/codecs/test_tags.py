import numpy

from spacy_skd.codecs import decode_tags, encode_tags


def test_round_trip_and_unknown():
    parts, known = encode_tags(["B", None, "A", "", "?"], ["A", "B"])
    assert known.tolist() == [True, False, True, False, False]
    assert decode_tags(parts)[known].tolist() == [1, 0]
    assert parts.arrays["unary"].shape == (5, 1, 2)
    assert parts.arrays["unary"].sum() == 2


def test_nothing():
    parts, known = encode_tags([], ["A"])
    assert parts.n_units == 0
    assert known.dtype == numpy.bool_
