import numpy
import pytest

from spacy_skd.structures.draws import draw


class Fixed:
    """In place of a generator: the numbers that it gives."""

    def __init__(self, *numbers):
        self.numbers = numbers

    def random(self, size):
        assert size == len(self.numbers)
        return numpy.array(self.numbers)


def test_a_number_falls_into_its_column():
    scores = numpy.log([[0.2, 0.3, 0.5]] * 5)
    drawn = draw(numpy, scores, Fixed(0.0, 0.19, 0.21, 0.49, 0.51))
    assert drawn.tolist() == [0, 0, 1, 1, 2]


@pytest.mark.parametrize("number", [0.0, 0.5, 1 - 2**-53])
def test_what_is_impossible_is_never_drawn(number):
    scores = numpy.array([[-numpy.inf, 3.0, -numpy.inf, 3.0, -numpy.inf]])
    assert draw(numpy, scores, Fixed(number))[0] in (1, 3)
    scores = numpy.array([[-numpy.inf, -5000.0, -numpy.inf]])
    assert draw(numpy, scores, Fixed(number)).tolist() == [1]


def test_no_rows():
    assert draw(numpy, numpy.zeros((0, 3)), Fixed()).shape == (0,)
