"""Conversions between tags of spans: the enumerated expectation under the conditioned teacher."""

import itertools

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.codecs.bioes import legality, match_tags, span_tags
from spacy_skd.codecs.labels import match_labels
from spacy_skd.structures import IndependentLabels, LinearChain, Parts, tie
from spacy_skd.transfer import Posterior, convert

STRUCTURES = {"tokens": IndependentLabels(), "chain": LinearChain()}
each_pair = pytest.mark.parametrize("student", STRUCTURES.values(), ids=STRUCTURES)


def expected(scores, table, teacher_tags, student_tags):
    """Over all pairs (teacher's sequence, student's legal sequence) that are the same spans to the
    coarser of both schemes, weighted by the teacher's probability.

    RETURNS: unary and transition marginals, log of the mass that is left."""
    n = len(scores)
    schemes = ["BIOES" if any(t[0] in "ES" for t in tags) else "BIO" for tags in
               (teacher_tags, student_tags)]  # fmt: skip
    mixed = schemes[0] != schemes[1]
    table_to_bio = str.maketrans({"S": "B", "E": "I"})

    def coarse(tags):
        return tuple(t[0].translate(table_to_bio) + t[1:] for t in tags) if mixed else tuple(tags)

    by_name = {}
    for y in itertools.product(range(len(teacher_tags)), repeat=n):
        score = sum(scores[i, c] for i, c in enumerate(y))
        score += sum(table[a, b] for a, b in zip(y, y[1:]))
        if score > oracle.GONE:
            by_name.setdefault(coarse([teacher_tags[c] for c in y]), []).append(score)
    unary, total = numpy.zeros((n, len(student_tags))), []
    pairs = numpy.zeros((len(student_tags), len(student_tags)))
    for z in itertools.product(range(len(student_tags)), repeat=n):
        tags = tuple(student_tags[c] for c in z)
        if oracle.parse_tags(tags, schemes[1]) is None or coarse(tags) not in by_name:
            continue
        mass = numpy.exp(numpy.logaddexp.reduce(by_name[coarse(tags)]))
        total.append(mass)
        unary[numpy.arange(n), list(z)] += mass
        for a, b in zip(z, z[1:]):
            pairs[a, b] += mass
    return unary / sum(total), pairs / sum(total), numpy.log(sum(total))


@each_pair
@pytest.mark.parametrize("teacher", ["tokens", "chain"])
@pytest.mark.parametrize("schemes", list(itertools.product(["BIO", "BIOES"], repeat=2)), ids=str)
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(1, 3),
    labels=st.sampled_from([("AA", "A"), ("A", "AB"), ("AB", "BA"), ("AB", "B")]),
    temperature=st.sampled_from([1.0, 3.0]),
)
def test_every_pair_and_scheme(student, teacher, schemes, seed, n, labels, temperature):
    rng = numpy.random.default_rng(seed)
    teacher_tags = span_tags(sorted(set(labels[0])), scheme=schemes[0])
    student_tags = span_tags(sorted(set(labels[1])), scheme=schemes[1])
    c = len(teacher_tags)
    unary, table = rng.normal(size=(1, n, c)) * 2, numpy.zeros((c, c))
    scores = Parts({"unary": unary}, numpy.array([n]))
    if teacher == "chain":
        table = rng.normal(size=(c, c))
        arrays = {"unary": unary, "transition": table[None]}
        scores = legality(teacher_tags).add_to(Parts(arrays, scores.lengths))
        table = scores.arrays["transition"][0]
    found = convert(
        Posterior(STRUCTURES[teacher], scores),
        student,
        match=match_tags(teacher=teacher_tags, student=student_tags),
        rules=legality(student_tags),
        temperature=temperature,
    )
    tempered = scores.arrays["unary"][0] / temperature
    want, pairs, log_kept = expected(tempered, table / temperature, teacher_tags, student_tags)
    numpy.testing.assert_allclose(found.marginals.arrays["unary"][0], want, atol=1e-6)
    if isinstance(student, LinearChain):
        numpy.testing.assert_allclose(found.marginals.arrays["transition"][0], pairs, atol=1e-6)
    log_all = STRUCTURES[teacher].infer(scores * (1 / temperature))[0][0]
    assert found.lost[0] == pytest.approx(1 - numpy.exp(log_kept - log_all), abs=1e-6)


def test_one_table_for_all_units_stays_one():
    tags = span_tags(["A"], scheme="BIOES")
    rng = numpy.random.default_rng(0)
    c = len(tags)
    arrays = {"unary": rng.normal(size=(3, 4, c)), "transition": tie(rng.normal(size=(c, c)), 3)}
    scores = legality(tags).add_to(Parts(arrays, numpy.array([4, 2, 0])))
    target = convert(
        Posterior(LinearChain(), scores),
        LinearChain(),
        match=match_tags(teacher=tags, student=tags),
        rules=legality(tags),
    )
    _, marginals = LinearChain().infer(scores)
    for name, array in marginals.arrays.items():
        numpy.testing.assert_allclose(target.marginals.arrays[name], array, atol=1e-9)


def test_a_match_of_plain_labels_is_refused():
    scores = Parts({"unary": numpy.zeros((1, 1, 2))}, numpy.array([1]))
    match = match_labels(teacher=["A", "B"], student=["A"], what="test")
    with pytest.raises(ValueError, match="TagMatch"):
        convert(Posterior(IndependentLabels(), scores), LinearChain(), match=match)
