import numpy
import pytest

from spacy_skd.structures.spanning import maximum
from spacy_skd.structures.spanning.single import maximum_tree


@pytest.mark.parametrize("scale", [1.0, 20.0])
@pytest.mark.parametrize("single_root", [True, False])
def test_one_by_one_as_all_together(monkeypatch, scale, single_root):
    rng = numpy.random.default_rng(0)
    arc = rng.normal(size=(40, 9, 10), scale=scale)
    lengths = rng.integers(1, 10, size=40)
    found = []
    for few in (0, arc.size * 2):
        monkeypatch.setattr(maximum, "FEW", few)
        found.append(maximum.maximum_trees(arc, lengths, single_root=single_root))
    numpy.testing.assert_array_equal(*found)


def test_nested_cycles():
    inf = numpy.inf
    scores = [
        [-inf, -inf, -inf, -inf],
        [0.0, -inf, 9.0, 1.0],
        [1.0, 9.0, -inf, 2.0],
        [0.0, 5.0, 4.0, -inf],
    ]
    assert maximum_tree(scores) == [0, 2, 0, 1]
    assert maximum_tree([[-inf, -inf], [3.0, -inf]]) == [0, 0]
