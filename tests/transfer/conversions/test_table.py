"""Every pair of families: the enumerated expectation under the conditioned teacher."""

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.codecs.labels import match_labels
from spacy_skd.structures import (
    FlatSegments,
    HeadSelection,
    IndependentLabels,
    IndependentSpans,
    LabelSets,
    LinearChain,
    Parts,
    ProjectiveTrees,
    SpanningTrees,
)
from spacy_skd.transfer import Posterior, convert
from spacy_skd.transfer.conversions.table import CONVERSIONS

OUTPUTS = {
    IndependentLabels: oracle.labellings,
    HeadSelection: oracle.head_choices,
    SpanningTrees: oracle.trees,
    ProjectiveTrees: oracle.projective_trees,
}
FROM_SELECTION = [(HeadSelection, SpanningTrees), (HeadSelection, ProjectiveTrees)]
seeds = st.integers(0, 2**31)


def expected_target(teacher, student, scores, temperature):
    """E[indicators of y], y ~ teacher given that y is in the student's support; the probability
    that it is not, of head selection given that the heads form a tree if the student's do."""
    found = oracle.enumerate_unit(OUTPUTS[type(teacher)], scores / temperature)
    support = {y.tobytes() for y in OUTPUTS[type(student)](*scores.shape)}
    kept = [
        (y, p) for y, p in zip(found.outputs, numpy.exp(found.log_probs)) if y.tobytes() in support
    ]
    mass = sum(p for _, p in kept)
    of = 1.0
    if (type(teacher), type(student)) in FROM_SELECTION:
        trees = {y.tobytes() for y in oracle.trees(*scores.shape)}
        pairs = zip(found.outputs, numpy.exp(found.log_probs))
        of = sum(p for y, p in pairs if y.tobytes() in trees)
    return sum(y * p for y, p in kept) / mass, 1 - mass / of


# Pairs of these: test_convert_spans.py.
SPANS = (IndependentLabels, LinearChain, FlatSegments, IndependentSpans)
PAIRS = [p for p in CONVERSIONS if not {*SPANS[1:], LabelSets}.intersection(p)]


def test_every_pair_is_tested():
    of_sets = {pair for pair in CONVERSIONS if LabelSets in pair}  # test_documents.py
    assert set(CONVERSIONS) - set(PAIRS) - of_sets <= {(a, b) for a in SPANS for b in SPANS}


@pytest.mark.parametrize(
    "pair", sorted(PAIRS, key=str), ids=lambda p: "-".join(c.__name__ for c in p)
)
@settings(max_examples=20, deadline=None)
@given(seed=seeds, n=st.integers(1, 4), temperature=st.sampled_from([0.5, 1.0, 3.0]))
def test_every_pair_equals_its_specification(pair, seed, n, temperature):
    teacher, student = (kind() for kind in pair)
    columns = 3 if pair[0] is IndependentLabels else n + 1
    scores = numpy.random.default_rng(seed).normal(size=(n, columns)) * 3
    name = "unary" if pair[0] is IndependentLabels else "arc"
    parts = Parts({name: scores[None]}, numpy.array([n]))
    target = convert(Posterior(teacher, parts), student, temperature=temperature)
    expected, lost = expected_target(teacher, student, scores, temperature)
    numpy.testing.assert_allclose(target.marginals.arrays[name][0], expected, atol=1e-9)
    assert target.lost[0] == pytest.approx(lost, abs=1e-9)
    assert target.empty is None


@pytest.mark.parametrize("several", [HeadSelection(), SpanningTrees(single_root=False),
                                     ProjectiveTrees(single_root=False)])  # fmt: skip
def test_a_single_root_is_part_of_the_support(several):
    """Whichever side asks for it."""
    scores = numpy.random.default_rng(0).normal(size=(1, 3, 4))
    parts = Parts({"arc": scores}, numpy.array([3]))
    for pair in ((several, SpanningTrees()), (SpanningTrees(), several)):
        found = convert(Posterior(pair[0], parts), pair[1]).marginals.arrays["arc"][0]
        assert found[:, 0].sum() == pytest.approx(1)


def test_units_of_which_a_student_can_express_nothing_are_named_and_the_others_are_exact():
    """A teacher that is certain of crossing arcs, and a student of projective trees."""
    rng = numpy.random.default_rng(0)
    arc = rng.normal(size=(3, 4, 5))
    arc[1] = -1e9
    arc[1, range(4), [0, 4, 1, 1]] = 0.0  # 4 -> 2 crosses 1 -> 3
    arc[:, 3:] = numpy.where(numpy.array([0, 1, 0])[:, None, None], arc[:, 3:], 0)
    lengths = numpy.array([3, 4, 3])
    parts = Parts({"arc": arc}, lengths)
    target = convert(Posterior(SpanningTrees(), parts), ProjectiveTrees())
    assert target.empty.tolist() == [False, True, False]
    assert target.lost[1] == 1.0
    for unit in (0, 2):
        mine = arc[unit, :3, :4]
        expected, lost = expected_target(SpanningTrees(), ProjectiveTrees(), mine, 1.0)
        found = target.marginals.arrays["arc"][unit, :3, :4]
        numpy.testing.assert_allclose(found, expected, atol=1e-9)
        assert target.lost[unit] == pytest.approx(lost)
    with pytest.raises(ValueError, match="nan in unit 0"):
        convert(Posterior(SpanningTrees(), parts * float("nan")), ProjectiveTrees())


def test_labels_are_matched_by_name_and_the_lost_mass_is_reported():
    match = match_labels(teacher=["A", "B", "C"], student=["C", "X", "A"], what="test")
    assert match.only_teacher == ("B",)
    assert match.only_student == ("X",)
    p = numpy.array([0.5, 0.2, 0.3])
    posterior = Posterior(
        IndependentLabels(), Parts({"unary": numpy.log(p)[None, None]}, numpy.array([1]))
    )
    target = convert(posterior, IndependentLabels(), match=match)
    found = target.marginals.arrays["unary"][0, 0]
    numpy.testing.assert_allclose(found, [0.3 / 0.8, 0.0, 0.5 / 0.8])
    assert target.lost[0] == pytest.approx(0.2)


def test_no_shared_label_is_an_error():
    with pytest.raises(ValueError, match="share no label"):
        match_labels(teacher=["A"], student=["B"], what="test")


def test_a_pair_without_conversion_is_refused_by_name():
    parts = Parts({"unary": numpy.zeros((1, 1, 2))}, numpy.array([1]))
    with pytest.raises(ValueError, match="IndependentLabels teacher to a SpanningTrees student"):
        convert(Posterior(IndependentLabels(), parts), SpanningTrees())


@pytest.mark.parametrize("temperature", [0.0, -1.0, 1001.0, float("inf"), float("nan")])
def test_temperature_must_be_positive(temperature):
    parts = Parts({"unary": numpy.zeros((1, 1, 2))}, numpy.array([1]))
    with pytest.raises(ValueError, match="temperature"):
        convert(Posterior(IndependentLabels(), parts), IndependentLabels(), temperature=temperature)
