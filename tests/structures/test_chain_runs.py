"""Probabilities of runs of labels against enumeration."""

import itertools

import numpy
import pytest

from spacy_skd.codecs.bioes import encode_spans, legality, span_tags
from spacy_skd.structures import LinearChain, Parts, Run, run_probabilities, tie

LENGTHS = [4, 1, 3, 0, 2]


def scores_of(n_labels, *, size=1.0, rules=None):
    rng = numpy.random.default_rng(0)
    unary = rng.normal(size=(len(LENGTHS), max(LENGTHS), n_labels)) * size
    transition = tie(rng.normal(size=(n_labels, n_labels)) * size, len(LENGTHS))
    scores = Parts({"unary": unary, "transition": transition}, numpy.asarray(LENGTHS))
    return scores if rules is None else rules.add_to(scores)


def enumerated(scores, unit, holds):
    """The share of the sequences of a unit for which something holds."""
    unary, transition = scores.arrays["unary"][unit], scores.arrays["transition"][unit]
    n, c = LENGTHS[unit], unary.shape[1]
    sequences = list(itertools.product(range(c), repeat=n))
    totals = numpy.asarray([
        sum(unary[i, y] for i, y in enumerate(ys))
        + sum(transition[x, y] for x, y in zip(ys, ys[1:]))
        for ys in sequences
    ])  # fmt: skip
    weights = numpy.exp(totals - totals.max())
    return weights[[holds(ys) for ys in sequences]].sum() / weights.sum()


@pytest.mark.parametrize("size", [1.0, 50.0])
@pytest.mark.parametrize("not_next", [(), (1,), (0, 2)])
def test_all_runs(size, not_next):
    scores = scores_of(3, size=size)
    runs = [
        Run(unit, start, labels, not_next)
        for unit, n in enumerate(LENGTHS)
        for start in range(n)
        for length in range(1, n - start + 1)
        for labels in itertools.product(range(3), repeat=length)
    ]
    found = run_probabilities(scores, runs)
    for run, probability in list(zip(runs, found))[::7]:
        end = run.start + len(run.labels)

        def holds(ys, run=run, end=end):
            return ys[run.start : end] == run.labels and not (
                end < len(ys) and ys[end] in run.not_next
            )

        expected = enumerated(scores, run.unit, holds)
        assert probability == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("scheme", ["BIO", "BIOES"])
def test_a_span_is_its_tags_and_an_end(scheme):
    """P of exactly this span, by the spans of all legal sequences."""
    tags = span_tags(["A"], scheme=scheme)
    scores = scores_of(len(tags), rules=legality(tags))
    for start, end in [(0, 1), (0, 3), (1, 2), (2, 4)]:
        names = encode_spans([(0, end - start, "A")], n=end - start, scheme=scheme)
        labels = tuple(map(tags.index, names))
        going_on = (tags.index("I-A"),) if scheme == "BIO" else ()

        def holds(ys, start=start, end=end, labels=labels):
            return ys[start:end] == labels and (end == len(ys) or tags[ys[end]][0] not in "IE")

        (found,) = run_probabilities(scores, [Run(0, start, labels, going_on)])
        assert found == pytest.approx(enumerated(scores, 0, holds), rel=1e-6)


def test_runs_of_one_label_are_the_marginals():
    scores = scores_of(3)
    marginals = LinearChain().infer(scores)[1].arrays["unary"]
    runs = [Run(2, i, (label,)) for i in range(3) for label in range(3)]
    found = run_probabilities(scores, runs)
    numpy.testing.assert_allclose(found, marginals[2, :3].ravel(), atol=1e-9)


def test_no_runs():
    assert run_probabilities(scores_of(3), []).shape == (0,)
