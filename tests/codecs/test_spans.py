"""Spans to indicators and back, and what annotation that is known in part allows."""

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.codecs.bioes import encode_spans, legality, span_tags
from spacy_skd.codecs.labels import match_labels
from spacy_skd.codecs.spans import SpanMatch, decode_segments, encode_segments
from spacy_skd.structures import FlatSegments, Parts
from spacy_skd.transfer import mixed_loss

LABELS = ("A", "B")
TAGS = span_tags(LABELS, scheme="BIOES")
RULES = legality(TAGS)
WIDTH = 3


def encode(*units, max_width=WIDTH):
    return encode_segments(units, TAGS, RULES, max_width=max_width)


def segmentations(n, width=WIDTH):
    """All sets of flat spans of n tokens: their (n, W, L) indicators and their tags."""
    for y in oracle.segmentations(n, width * len(LABELS), width=width):
        y = y.reshape(n, width, len(LABELS))
        spans = [(i, i + w + 1, LABELS[c]) for i, w, c in numpy.argwhere(y)]
        yield y, encode_spans(spans, n=n, scheme="BIOES")


def test_every_segmentation_there_and_back():
    for y, tags in segmentations(4):
        gold, unfit = encode(tags)
        numpy.testing.assert_array_equal(gold.indicators.arrays["span"][0], y)
        assert gold.complete.tolist() == [True]
        assert (unfit.illegal, unfit.wide) == (0, 0)
        (spans,) = decode_segments(gold.indicators, LABELS)
        assert spans == sorted(spans)
        assert encode_spans(spans, n=4, scheme="BIOES") == tags


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([None, *TAGS]), min_size=1, max_size=4), st.integers(0, 2**31))
def test_partial_gold_is_the_mass_of_what_does_not_contradict(known, seed):
    """- log P of the segmentations that give no known token another tag, where spans that are known
    in part do not count as required: only they may leave such a token outside."""
    gold, unfit = encode(known, ["O"])
    n = len(known)
    span = numpy.random.default_rng(seed).normal(size=(2, n, WIDTH, len(LABELS)))
    scores = Parts({"span": span}, numpy.array([n, 1]))
    loss, d_scores = mixed_loss(
        FlatSegments(max_width=WIDTH), scores, gold=gold, target=None, weight=0.0
    )
    other = mixed_loss(
        FlatSegments(max_width=WIDTH), scores[1:], gold=encode(["O"])[0], target=None, weight=0.0
    )
    whole = set(zip(*(axis.tolist() for axis in gold.indicators.arrays["span"][0].nonzero())))
    inside_whole = {k for i, w, _ in whole for k in range(i, i + w + 1)}
    agree, everything, restricted = [], [], 0.0
    for y, tags in segmentations(n):
        score = float((y * span[0]).sum())
        everything.append(score)
        if gold.known[0].any() and all(
            t == tags[k] or (k not in inside_whole and t != "O" and tags[k] == "O")
            for k, t in enumerate(known)
            if gold.known[0, k]
        ):
            agree.append(score)
            restricted = restricted + y * numpy.exp(score)
    log_z = numpy.logaddexp.reduce(everything)
    if not agree:
        assert unfit.illegal or unfit.wide or not gold.known[0].any()
        return
    log_r = numpy.logaddexp.reduce(agree)
    assert loss - other[0] == pytest.approx(log_z - log_r, abs=1e-6)
    p = sum(y * numpy.exp(float((y * span[0]).sum()) - log_z) for y, _ in segmentations(n))
    found = d_scores.arrays["span"][0]
    numpy.testing.assert_allclose(found, p - restricted / numpy.exp(log_r), atol=1e-5)


def test_what_is_known_in_part_excludes_but_requires_nothing():
    gold, _ = encode(["B-A", None, "O", "E-B"])
    assert not gold.indicators.arrays["span"].any()
    assert gold.known.tolist() == [[False] * 4]  # O before E: no legal sequence
    gold, _ = encode(["B-A", None, None, "E-A"], max_width=4)  # one span, or two
    assert not gold.indicators.arrays["span"].any()
    gold, _ = encode(["B-A", None, "O", None])
    scores = Parts({"span": numpy.zeros((1, 4, WIDTH, 2))}, numpy.array([4]))
    _, free = FlatSegments(max_width=WIDTH).infer(gold.restrict(scores, numpy.array([0])))
    allowed = {(i, w, c) for i, w, c in numpy.argwhere(free.arrays["span"][0] > 0)}
    assert allowed == {(0, 1, 0), (1, 0, 0), (1, 0, 1), (3, 0, 0), (3, 0, 1)}


def test_spans_that_are_too_wide_are_unknown_and_counted():
    gold, unfit = encode(["B-A", "I-A", "I-A", "E-A", "O", "S-B"], ["B-A", "E-A"])
    assert (unfit.illegal, unfit.wide) == (0, 1)
    assert gold.known[0].tolist() == [False] * 4 + [True] * 2
    assert gold.known[1].tolist() == [True, True] + [False] * 4
    assert numpy.argwhere(gold.indicators.arrays["span"]).tolist() == [[0, 5, 0, 1], [1, 0, 1, 0]]
    assert not gold.complete[0]
    assert encode(["B-A", "E-A"], max_width=1)[1].wide == 1


def test_annotation_without_a_legal_sequence_is_unknown_and_counted():
    gold, unfit = encode(["O", "E-A"], ["S-A"])
    assert unfit.illegal == 1
    assert gold.empty.tolist() == [True, False]


def test_units_without_tokens():
    gold, unfit = encode([], ["S-A"])
    assert gold.empty.tolist() == [True, False]
    assert decode_segments(gold.indicators, LABELS) == [[], [(0, 1, "A")]]


@pytest.mark.parametrize(("scheme", "columns"), [("BIO", "B1 I2 I2 B1"), ("BIOES", "B1 I2 E3 S4")])
def test_columns_of_tags(scheme, columns):
    """By name, for labels in another order and one that the tags lack."""
    labels = match_labels(teacher=["A", "B"], student=["B", "C", "A"], what="test")
    match = SpanMatch(labels, ("B", "C", "A"), span_tags(["A", "B"], scheme=scheme))
    assert match.outside == 0
    for prefix, expected in zip("BIES", columns.split()):
        b, c, a = match.columns(prefix).tolist()
        assert c == -1
        assert a == int(expected[1])
        assert match.tags[a] == f"{expected[0]}-A"
        assert match.tags[b] == f"{expected[0]}-B"
