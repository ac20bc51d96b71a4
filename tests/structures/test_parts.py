import copy

import numpy
import pytest

from spacy_skd.structures import Parts


def parts(array, lengths, name="unary"):
    return Parts({name: numpy.asarray(array, dtype="float32")}, numpy.asarray(lengths))


def test_arithmetic_is_elementwise_and_keeps_the_dtype():
    a, b = parts(numpy.ones((2, 3, 4)), [3, 2]), parts(numpy.full((2, 3, 4), 2.0), [3, 2])
    assert ((a + b).arrays["unary"] == 3).all()
    assert ((a - b).arrays["unary"] == -1).all()
    assert ((b * 0.5).arrays["unary"] == 1).all()
    by_unit = b * numpy.array([0.0, 2.0])
    assert by_unit.arrays["unary"][0].max() == 0
    assert by_unit.arrays["unary"][1].min() == 4
    assert by_unit.arrays["unary"].dtype == (a + b).arrays["unary"].dtype == "float32"


def test_a_copy_is_of_its_own():
    a = parts(numpy.ones((2, 3, 4)), [3, 2])
    b = copy.deepcopy(a)
    b.arrays["unary"][:] = 2
    assert a.arrays["unary"].max() == 1
    assert (b.xp, b.n_units, b.n_tokens) == (numpy, 2, 3)


def test_dot_is_float64_and_skips_what_does_not_occur():
    a = parts([[[0.0, 1.0]]], [1])
    b = parts([[[-numpy.inf, 2.5]]], [1])
    assert a.dot(b).dtype == "float64"
    assert a.dot(b)[0] == 2.5


def test_arcs_of_units_are_padded_to_the_longest_and_indexing_takes_units():
    both = Parts.of_arcs([numpy.ones((2, 3)), numpy.full((4, 5), 2.0), numpy.full((3, 4), 3.0)])
    assert both.arrays["arc"].shape == (3, 4, 5)
    assert both.arrays["arc"][0].sum() == 6
    assert both.arrays["arc"][2, :3, :4].sum() == both.arrays["arc"][2].sum() == 36
    assert both[[2, 0]].lengths.tolist() == [3, 2]


def test_spans_have_an_axis_more():
    arrays = numpy.full((3, 5, 3, 4), 2.0)
    arrays[0], arrays[0, :2] = 0.0, 1.0
    both = parts(arrays, [2, 5, 1], "span")
    assert both.dot(both).tolist() == [24.0, 240.0, 240.0]
    b = both[1:]
    assert (b * numpy.array([0.0, 3.0])).arrays["span"].sum(axis=(1, 2, 3)).tolist() == [0.0, 360.0]
    assert (b - b * 0.5).arrays["span"].sum() == 120
    assert b.lengths.tolist() == [5, 1]
    assert both[[2, 0]].arrays["span"].shape == (2, 5, 3, 4)
    never = parts(numpy.full((2, 5, 3, 4), -numpy.inf), [5, 1], "span")
    assert (b * 0.0).dot(never).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "shape", "lengths"),
    [
        ("arc", (2, 3, 3), [3, 3]),  # transposed or without ROOT
        ("unary", (2, 3), [3, 3]),
        ("unary", (2, 3, 4), [3]),
        ("unary", (1, 3, 4), [5]),
        ("arcs", (1, 3, 4), [3]),
        ("span", (1, 3, 4), [3]),
        ("span", (2, 3, 4, 5), [3]),
        ("unary", (1, 3, 4, 5), [3]),
    ],
)
def test_other_shapes_are_refused(name, shape, lengths):
    with pytest.raises(ValueError, match="Parts"):
        parts(numpy.zeros(shape), lengths, name)
