"""Categories as gold: complete, partial, unknown."""

import numpy
import pytest

from spacy_skd.codecs.documents import encode_categories
from spacy_skd.structures import IMPOSSIBLE, IndependentLabels, LabelSets

NAN = numpy.nan
VALUES = numpy.asarray(
    [[0, 1, 0], [0.2, 0.3, 0.5], [0, NAN, NAN], [NAN, NAN, NAN]], dtype="float32"
)


def test_one_label_or_a_distribution_is_complete_and_known_zeros_exclude():
    gold = encode_categories(VALUES, IndependentLabels())
    assert gold.complete.tolist() == [True, True, False, False]
    assert gold.empty.tolist() == [False, False, False, True]
    rows = gold.indicators.arrays["unary"][:, 0]
    numpy.testing.assert_allclose(rows[:2], VALUES[:2])
    assert not rows[2:].any()
    scores = IndependentLabels().of_label_scores(numpy.zeros((1, 3), "float32"))
    restricted = gold.restrict(scores, numpy.asarray([2])).arrays["unary"][0, 0]
    assert restricted.tolist() == [numpy.float32(IMPOSSIBLE), 0.0, 0.0]


def test_of_sets_each_label_is_a_unit():
    gold = encode_categories(VALUES, LabelSets())
    known = ~numpy.isnan(VALUES).ravel()
    assert gold.complete.tolist() == known.tolist()
    assert gold.empty.tolist() == (~known).tolist()
    yes = gold.indicators.arrays["unary"][:, 0, 1]
    assert yes[known] == pytest.approx(VALUES.ravel()[known])
    no = gold.indicators.arrays["unary"][known, 0, 0]
    assert no == pytest.approx(1 - VALUES.ravel()[known])
