"""The loss of negative spans, against enumeration and finite differences."""

import itertools
from functools import partial

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.codecs.absence import chains_without, segments_without
from spacy_skd.codecs.bioes import encode_spans, legality, span_tags
from spacy_skd.pipeline.tasks.activations import run_of
from spacy_skd.structures import FlatSegments, LinearChain, Parts, tie
from spacy_skd.transfer import negative
from spacy_skd.transfer.negative import Negative, gold_shares, negative_loss
from spacy_skd.transfer.posterior import Target

LABELS = ("A", "B")
WIDTH = 3
seeds = st.integers(0, 2**31)


class OfTags:
    """A linear chain over the legal sequences of a scheme."""

    structure = LinearChain()

    def __init__(self, scheme):
        self.scheme = scheme
        self.tags = span_tags(LABELS, scheme=scheme)

    def random(self, lengths, rng, scale=1.0):
        c = len(self.tags)
        unary = rng.normal(size=(len(lengths), max(lengths), c)) * scale
        transition = tie(rng.normal(size=(c, c)) * scale, len(lengths))
        return Parts({"unary": unary, "transition": transition}, numpy.asarray(lengths))

    def scores(self, parts):
        return legality(self.tags).add_to(parts)

    def negative(self, parts, unit, span):
        index = {tag: i for i, tag in enumerate(self.tags)}
        return Negative(unit, chains_without(self.scores(parts), run_of(unit, span, index)))

    def indicators(self, parts, span):
        """The span, and nothing else in the unit."""
        tags = encode_spans([span], n=int(parts.lengths[0]), scheme=self.scheme)
        found = parts * 0.0
        for i, tag in enumerate(tags):
            found.arrays["unary"][0, i, self.tags.index(tag)] = 1
        return found

    def probability(self, parts, unit, span):
        """By listing the tags of all tokens."""
        n = int(parts.lengths[unit])
        unary, transition = (parts.arrays[k][unit] for k in ("unary", "transition"))
        weights = [0.0, 0.0]
        for ids in itertools.product(range(len(self.tags)), repeat=n):
            spans = oracle.parse_tags(tuple(self.tags[i] for i in ids), self.scheme)
            if spans is not None:
                total = unary[range(n), list(ids)].sum() + transition[ids[:-1], ids[1:]].sum()
                weights[span in spans] += numpy.exp(total)
        return weights[1] / sum(weights)


class OfSegments:
    structure = FlatSegments(max_width=WIDTH)
    scheme = "segments"

    def random(self, lengths, rng, scale=1.0):
        shape = (len(lengths), max(lengths), WIDTH, len(LABELS))
        return Parts({"span": rng.normal(size=shape) * scale}, numpy.asarray(lengths))

    def scores(self, parts):
        return parts

    def negative(self, parts, unit, span):
        start, end, label = span
        width, label = end - start, LABELS.index(label)
        return Negative(unit, segments_without(parts, start=start, width=width, label=label))

    def indicators(self, parts, span):
        start, end, label = span
        found = parts * 0.0
        found.arrays["span"][0, start, end - start - 1, LABELS.index(label)] = 1
        return found

    def probability(self, parts, unit, span):
        n = int(parts.lengths[unit])
        rows = parts.arrays["span"][unit, :n].reshape(n, WIDTH * len(LABELS))
        listed = oracle.enumerate_unit(partial(oracle.segmentations, width=WIDTH), rows)
        start, end, label = span
        column = (end - start - 1) * len(LABELS) + LABELS.index(label)
        return listed.marginals[start, column]


KINDS = [OfTags("BIO"), OfTags("BIOES"), OfSegments()]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.scheme)


def all_spans(n):
    return [
        (start, end, label)
        for start in range(n)
        for end in range(start + 1, min(n, start + WIDTH) + 1)
        for label in LABELS
    ]


def loss_of(kind, parts, found, weights=None):
    weights = numpy.ones(parts.n_units) if weights is None else weights
    return negative_loss(kind.structure, kind.scores(parts), found, weights=weights)


@each_kind
@settings(max_examples=4, deadline=None)
@given(seed=seeds)
def test_it_is_minus_the_log_of_what_is_not_the_spans(kind, seed):
    """Each span by itself: at the first token, at the last, over the whole unit."""
    parts = kind.random([4, 3, 1], numpy.random.default_rng(seed))
    for unit, n in enumerate(parts.lengths.tolist()):
        for span in all_spans(n):
            loss, _ = loss_of(kind, parts, [kind.negative(parts, unit, span)])
            expected = -numpy.log1p(-kind.probability(parts, unit, span))
            assert loss == pytest.approx(expected, rel=1e-7, abs=1e-12)
            assert loss >= 0


@each_kind
@settings(max_examples=10, deadline=None)
@given(seed=seeds, scale=st.sampled_from([0.5, 3.0, 20.0]))
def test_the_gradient_is_that_of_the_sum(kind, seed, scale):
    rng = numpy.random.default_rng(seed)
    parts = kind.random([5, 2, 3], rng, scale)
    spans = [(0, span) for span in all_spans(5)[::4]] + [(2, (0, 3, "B")), (2, (1, 2, "A"))]
    found = [kind.negative(parts, unit, span) for unit, span in spans]
    weights = numpy.asarray([1.0, 1.0, 0.3])
    loss, d_scores = loss_of(kind, parts, found, weights)
    alone = sum(weights[one.unit] * loss_of(kind, parts, [one])[0] for one in found)
    assert loss == pytest.approx(alone)
    direction = {name: rng.normal(size=a.shape) for name, a in parts.arrays.items()}
    if "transition" in direction:
        direction["transition"] = tie(direction["transition"][0], 3)
    step = Parts(direction, parts.lengths)
    eps = 1e-5
    up, down = (loss_of(kind, parts + step * (eps * s), found, weights)[0] for s in (1, -1))
    along = float(d_scores.dot(step).sum())
    assert along == pytest.approx((up - down) / (2 * eps), rel=1e-4, abs=1e-6)


@each_kind
@pytest.mark.parametrize("certainty", [5.0, 30.0, 60.0])
def test_a_student_that_is_all_but_certain_of_the_span(kind, certainty):
    """1 - P is below what floats tell from 0: loss and gradient are those of the log odds."""
    parts = kind.random([4], numpy.random.default_rng(0), 0.1)
    span = (1, 3, "A")
    indicators = kind.indicators(parts, span)
    sure = parts + indicators * certainty
    loss, d_scores = loss_of(kind, sure, [kind.negative(sure, 0, span)])
    more = sure + indicators * 1e-3
    slope = (loss_of(kind, more, [kind.negative(more, 0, span)])[0] - loss) / 1e-3
    assert certainty - 4 < loss < 2 * certainty + 4  # one or two tokens change
    assert float(d_scores.dot(indicators)[0]) == pytest.approx(slope, rel=1e-3)
    narrow = Parts({k: a.astype("float32") for k, a in sure.arrays.items()}, sure.lengths)
    loss_32, d_32 = loss_of(kind, narrow, [kind.negative(narrow, 0, span)])
    assert loss_32 == pytest.approx(loss, rel=1e-5)
    for name, array in d_32.arrays.items():
        assert array.dtype == "float32"
        numpy.testing.assert_allclose(array, d_scores.arrays[name], atol=1e-5)


@each_kind
def test_many_spans_are_inferred_in_pieces(kind, monkeypatch):
    parts = kind.random([5, 4], numpy.random.default_rng(0))
    found = [kind.negative(parts, unit, s) for unit, n in ((0, 5), (1, 4)) for s in all_spans(n)]
    loss, d_scores = loss_of(kind, parts, found)
    monkeypatch.setattr(negative, "_MOST_CELLS", 1)
    again, d_again = loss_of(kind, parts, found)
    assert again == pytest.approx(loss)
    for name, array in d_again.arrays.items():
        numpy.testing.assert_allclose(array, d_scores.arrays[name], atol=1e-12)


@each_kind
def test_a_span_that_no_structure_has_costs_nothing(kind):
    parts = kind.random([3], numpy.random.default_rng(0))
    for found in ([], [Negative(0, [])]):
        loss, d_scores = loss_of(kind, parts, found)
        assert loss == 0
        assert not any(array.any() for array in d_scores.arrays.values())


def test_the_weight_is_that_of_gold():
    marginals = Parts({"unary": numpy.zeros((2, 1, 3))}, numpy.ones(2, dtype=int))
    target = Target(marginals, numpy.zeros(2))
    silent = Target(marginals, numpy.zeros(2), numpy.asarray([True, False]))
    assert gold_shares(2, weight=0.7, target=None).tolist() == [1.0, 1.0]
    assert gold_shares(2, weight=0.7, target=target).tolist() == pytest.approx([0.3, 0.3])
    assert gold_shares(2, weight=0.7, target=silent).tolist() == pytest.approx([1.0, 0.3])
