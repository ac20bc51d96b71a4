import pytest

from spacy_skd.transfer.annealing import as_schedule, make_constant_weight, make_linear_weight


def test_linear_falls_from_start_to_end_and_stays():
    weight = make_linear_weight(start=1.0, end=0.2, steps=100)
    assert [weight(step) for step in (0, 50, 100, 1000)] == pytest.approx([1.0, 0.6, 0.2, 0.2])
    assert weight.highest == 1.0


def test_a_number_is_constant():
    assert as_schedule(0.3)(99) == 0.3
    assert as_schedule(make_constant_weight(0.5)).highest == 0.5


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_weights_out_of_range(weight):
    with pytest.raises(ValueError, match="expected a number from 0 to 1"):
        as_schedule(weight)
    with pytest.raises(ValueError, match="expected a number from 0 to 1"):
        make_linear_weight(start=weight)


def test_steps_must_be_positive():
    with pytest.raises(ValueError, match="steps"):
        make_linear_weight(steps=0)
