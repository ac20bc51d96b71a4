import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.codecs.trees import Gold
from spacy_skd.structures import HeadSelection, IndependentLabels, Parts, SpanningTrees
from spacy_skd.transfer import mixed_loss, structural_loss
from spacy_skd.transfer.posterior import Target

CASES = {
    "tokens": (IndependentLabels(), "unary", oracle.labellings),
    "heads": (HeadSelection(), "arc", oracle.head_choices),
    "trees": (SpanningTrees(), "arc", oracle.trees),
}
each = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
seeds = st.integers(0, 2**31)
N = 4


def random_parts(case, rng, units=2):
    columns = 3 if case[1] == "unary" else N + 1
    return Parts({case[1]: rng.normal(size=(units, N, columns)) * 2}, numpy.full(units, N))


def enumerated_loss(case, student, teacher, temperature):
    """- T^2 sum_y P_t(y) log P_s(y), both at temperature T, by listing the structures."""
    total = 0.0
    for s, t in zip(student.arrays[case[1]], teacher.arrays[case[1]]):
        p = oracle.enumerate_unit(case[2], s / temperature)
        q = oracle.enumerate_unit(case[2], t / temperature)
        total -= temperature**2 * (numpy.exp(q.log_probs) * p.log_probs).sum()
    return total


@each
@settings(max_examples=15, deadline=None)
@given(seed=seeds, temperature=st.sampled_from([0.5, 1.0, 4.0]))
def test_equals_the_cross_entropy_over_all_structures(case, seed, temperature):
    rng = numpy.random.default_rng(seed)
    student, teacher = random_parts(case, rng), random_parts(case, rng)
    _, target = case[0].infer(teacher * (1 / temperature))
    loss, d_scores = structural_loss(case[0], student, target, temperature=temperature)
    assert loss == pytest.approx(enumerated_loss(case, student, teacher, temperature))
    assert loss >= 0
    check_gradient(
        case,
        student,
        d_scores,
        lambda scores: structural_loss(case[0], scores, target, temperature=temperature)[0],
    )


def check_gradient(case, scores, d_scores, loss):
    direction = numpy.random.default_rng(7).normal(size=scores.arrays[case[1]].shape)
    step = Parts({case[1]: direction * 1e-5}, scores.lengths)
    expected = (loss(scores + step) - loss(scores - step)) / 2e-5
    found = float((d_scores.arrays[case[1]] * direction).sum())
    assert found == pytest.approx(expected, abs=1e-6, rel=1e-5)


@each
def test_no_gradient_where_student_and_teacher_agree(case):
    scores = random_parts(case, numpy.random.default_rng(0))
    _, target = case[0].infer(scores)
    loss, d_scores = structural_loss(case[0], scores, target)
    assert numpy.abs(d_scores.arrays[case[1]]).max() < 1e-12
    assert loss == pytest.approx(float(case[0].entropy(scores).sum()))


@each
def test_the_gradient_does_not_vanish_where_the_student_is_confidently_wrong(case):
    rng = numpy.random.default_rng(0)
    teacher = random_parts(case, rng, units=1)
    best = case[0].argmax(teacher)
    wrong = best * -30.0
    _, d_scores = structural_loss(case[0], wrong, best)
    assert (d_scores.arrays[case[1]][best.arrays[case[1]] > 0] < -0.9).any()


def make_gold(case, rng, known):
    indicators = case[0].argmax(random_parts(case, rng, units=len(known)))
    known = numpy.asarray(known)
    return Gold(indicators * 1.0, known), indicators


@each
@settings(max_examples=15, deadline=None)
@given(seed=seeds, weight=st.sampled_from([0.0, 0.3, 1.0]), temperature=st.sampled_from([1.0, 2.0]))
def test_mixture_of_gold_and_teacher(case, seed, weight, temperature):
    """Unit 0 has gold; unit 1 has none, so its teacher weight is 1 whatever w is."""
    rng = numpy.random.default_rng(seed)
    student, teacher = random_parts(case, rng), random_parts(case, rng)
    indicators = case[0].argmax(random_parts(case, rng))
    known = numpy.array([[True] * N, [False] * N])
    blank = Parts({k: v * known[..., None] for k, v in indicators.arrays.items()}, student.lengths)
    gold = Gold(blank, known)
    target = Target(case[0].infer(teacher * (1 / temperature))[1], numpy.zeros(2))

    def loss_of(scores):
        return mixed_loss(
            case[0], scores, gold=gold, target=target, weight=weight, temperature=temperature
        )

    loss, d_scores = loss_of(student)
    gold_part = -float(case[0].log_prob(student, indicators)[0])
    one, two = (enumerated_loss(case, student[[i]], teacher[[i]], temperature) for i in (0, 1))
    assert loss == pytest.approx((1 - weight) * gold_part + weight * one + two)
    check_gradient(case, student, d_scores, lambda scores: loss_of(scores)[0])


@each
@settings(max_examples=15, deadline=None)
@given(seed=seeds, known=st.lists(st.booleans(), min_size=N, max_size=N))
def test_partial_gold_is_log_z_minus_restricted_log_z(case, seed, known):
    rng = numpy.random.default_rng(seed)
    student = random_parts(case, rng, units=1)
    full = case[0].argmax(random_parts(case, rng, units=1))
    known = numpy.array([known])
    part = Parts({k: v * known[..., None] for k, v in full.arrays.items()}, student.lengths)
    gold = Gold(part, known)
    loss, d_scores = mixed_loss(case[0], student, gold=gold, target=None, weight=0.0)
    found = oracle.enumerate_unit(case[2], student.arrays[case[1]][0])
    agree = [
        log_prob
        for y, log_prob in zip(found.outputs, found.log_probs)
        if (y[known[0]] == full.arrays[case[1]][0][known[0]]).all()
    ]
    expected = -numpy.logaddexp.reduce(agree) if known.any() else 0.0
    assert loss == pytest.approx(expected, abs=1e-9)
    check_gradient(
        case,
        student,
        d_scores,
        lambda s: mixed_loss(case[0], s, gold=gold, target=None, weight=0.0)[0],
    )


def test_temperature_must_be_positive():
    scores = random_parts(CASES["tokens"], numpy.random.default_rng(0))
    with pytest.raises(ValueError, match="temperature"):
        structural_loss(IndependentLabels(), scores, scores, temperature=0)
