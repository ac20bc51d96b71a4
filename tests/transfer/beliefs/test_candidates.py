"""Weighted structures: the expectation over those that the student can express, by listing them."""

import itertools
from functools import partial

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings
from listed import expect_chains, expect_segments

from spacy_skd.codecs.bioes import legality, span_tags
from spacy_skd.codecs.tags import encode_tags
from spacy_skd.structures import (
    HeadSelection,
    LinearChain,
    Parts,
    ProjectiveTrees,
    SpanningTrees,
)
from spacy_skd.transfer import convert
from spacy_skd.transfer.beliefs import LabelCandidates
from spacy_skd.transfer.beliefs.listed_labels import expect_tokens
from spacy_skd.transfer.conversions.table import Posterior
from spacy_skd.transfer.expect import expect_trees, tempered_weights

SEEDS = st.integers(0, 2**31)
TEMPERATURES = st.sampled_from([0.5, 1.0, 3.0])


def legal_rows(tags, n):
    """All legal sequences of an inventory, with their spans."""
    scheme = "BIOES" if any(tag[0] in "ES" for tag in tags) else "BIO"
    for row in itertools.product(range(len(tags)), repeat=n):
        spans = oracle.parse_tags(tuple(tags[label] for label in row), scheme)
        if spans is not None:
            yield row, spans


def drawn(rng, found, k):
    return [found[i] for i in rng.integers(0, len(found), size=k)]


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    schemes=st.sampled_from(list(itertools.product(["BIO", "BIOES"], repeat=2))),
    labels=st.sampled_from([("A", "A"), ("AB", "BA"), ("AB", "B"), ("A", "AB")]),
    temperature=TEMPERATURES,
)
def test_tags_of_spans(seed, schemes, labels, temperature):
    """Of docs of 3 tokens and of 1, with other numbers of candidates; B = 2 units."""
    rng = numpy.random.default_rng(seed)
    teacher, student = (span_tags(sorted(x), scheme=s) for x, s in zip(labels, schemes))
    docs = [drawn(rng, list(legal_rows(teacher, n)), k) for n, k in ((3, 4), (1, 2))]
    weights = [rng.random(len(doc)) * rng.integers(0, 2, len(doc)) for doc in docs]
    for row in weights:
        row[0] = 0.5
    beliefs = [
        LabelCandidates(teacher, numpy.asarray([row for row, _ in doc]), w)
        for doc, w in zip(docs, weights)
    ]
    found = expect_chains(beliefs, student, temperature=temperature)
    for i, (doc, w, n) in enumerate(zip(docs, weights, (3, 1))):
        by_spans = {tuple(spans): row for row, spans in legal_rows(student, n)}
        w = w ** (1 / temperature)
        unary, pairs, kept = numpy.zeros((n, len(student))), numpy.zeros((len(student),) * 2), 0
        for (_, spans), weight in zip(doc, w):
            if tuple(spans) in by_spans:
                kept += weight
                row = by_spans[tuple(spans)]
                unary[numpy.arange(n), row] += weight
                for a, b in zip(row, row[1:]):
                    pairs[a, b] += weight
        assert found.lost[i] == pytest.approx(1 - kept / w.sum(), abs=1e-9)
        assert (found.empty is not None and found.empty[i]) == (kept == 0)
        if kept:
            arrays = found.marginals.arrays
            numpy.testing.assert_allclose(arrays["unary"][i, :n], unary / kept, atol=1e-6)
            numpy.testing.assert_allclose(arrays["transition"][i], pairs / kept, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    seed=SEEDS,
    scheme=st.sampled_from(["BIO", "BIOES"]),
    width=st.integers(1, 3),
    temperature=TEMPERATURES,
)
def test_spans_of_a_student_of_segments(seed, scheme, width, temperature):
    """Spans that are too wide, or of the label B, cannot be expressed."""
    rng = numpy.random.default_rng(seed)
    teacher = span_tags(["A", "B"], scheme=scheme)
    doc = drawn(rng, list(legal_rows(teacher, 3)), 4)
    belief = LabelCandidates(teacher, numpy.asarray([row for row, _ in doc]), rng.random(4) + 0.1)
    found = expect_segments([belief], ["C", "A"], max_width=width, temperature=temperature)
    w = belief.weights ** (1 / temperature)
    expected, kept = numpy.zeros((3, width, 2)), 0
    for (_, spans), weight in zip(doc, w):
        if all(label == "A" and end - start <= width for start, end, label in spans):
            kept += weight
            for start, end, _ in spans:
                expected[start, end - start - 1, 1] += weight
    assert found.lost[0] == pytest.approx(1 - kept / w.sum(), abs=1e-9)
    assert (found.empty is not None) == (kept == 0)
    if kept:
        numpy.testing.assert_allclose(found.marginals.arrays["span"][0], expected / kept, atol=1e-6)


def test_a_sequence_that_is_illegal_cannot_be_expressed():
    bio, bioes = (span_tags(["A"], scheme=scheme) for scheme in ("BIO", "BIOES"))
    rows = numpy.asarray([[bio.index("I-A"), 0], [0, bio.index("B-A")]])
    belief = LabelCandidates(bio, rows, numpy.asarray([3.0, 1.0]))
    for tags in (bio, bioes):
        found = expect_chains([belief], tags)
        assert found.lost.tolist() == [0.75]
        assert found.marginals.arrays["unary"][0, 0, 0] == 1.0
        assert found.empty is None


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, temperature=TEMPERATURES)
def test_labels_of_tokens_are_dropped_token_by_token(seed, temperature):
    """The student lacks C and has X, which the teacher lacks."""
    rng = numpy.random.default_rng(seed)
    docs = [(3, 4), (1, 2)]
    beliefs = [
        LabelCandidates(("A", "B", "C"), rng.integers(0, 3, size=(k, n)), rng.random(k) + 0.1)
        for n, k in docs
    ]
    found = expect_tokens(
        beliefs, partial(encode_tags, labels=("X", "B", "A")), temperature=temperature
    )
    token = 0
    for belief in beliefs:
        w = belief.weights ** (1 / temperature)
        for i in range(belief.n_tokens):
            a, b, c = (w[belief.rows[:, i] == label].sum() for label in range(3))
            assert found.lost[token] == pytest.approx(c / (a + b + c), abs=1e-9)
            if a + b:
                numpy.testing.assert_allclose(
                    found.marginals.arrays["unary"][token, 0], [0, b / (a + b), a / (a + b)],
                    atol=1e-6,
                )  # fmt: skip
            else:
                assert found.empty[token]
            token += 1


def arcs_cross(heads):
    spans = [tuple(sorted((h, d))) for d, h in enumerate(heads, 1)]
    return any(a < c < b < d for a, b in spans for c, d in spans)


STRUCTURES = {
    HeadSelection(): lambda heads: True,
    SpanningTrees(): lambda heads: oracle.forms_tree(heads, single_root=True),
    SpanningTrees(single_root=False): lambda heads: oracle.forms_tree(heads, single_root=False),
    ProjectiveTrees(): lambda heads: (
        oracle.forms_tree(heads, single_root=True) and not arcs_cross(heads)
    ),
}


@pytest.mark.parametrize("structure", STRUCTURES, ids=str)
@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, temperature=TEMPERATURES)
def test_trees(structure, seed, temperature):
    """Two sentences, of 4 tokens and of 2, the second first in the bucket; heads that are no
    structure of the student's are dropped."""
    rng = numpy.random.default_rng(seed)
    heads, shares = numpy.full((4, 6), -2), rng.random((2, 4)) + 0.1
    choices = {n: list(oracle.all_heads(n)) for n in (4, 2)}
    expected = []
    for n, start, weights in ((4, 0, shares[1]), (2, 4, shares[0])):
        w = weights ** (1 / temperature)
        total, kept = numpy.zeros((n, n + 1)), 0
        for k in range(4):
            local = choices[n][rng.integers(len(choices[n]))]
            heads[k, start : start + n] = [-1 if h == 0 else start + h - 1 for h in local]
            if STRUCTURES[structure](local):
                total += w[k] * oracle.arcs(local)
                kept += w[k]
        expected.insert(0, (n, total / max(kept, 1e-9), 1 - kept / w.sum(), kept == 0))
    units = {"rows": numpy.asarray([4, 0]), "lengths": numpy.asarray([2, 4])}
    found = expect_trees(structure, heads, shares, **units, temperature=temperature)
    for i, (n, arcs, lost, empty) in enumerate(expected):
        mine = found.marginals.arrays["arc"][i, :n, : n + 1]
        numpy.testing.assert_allclose(mine, arcs * (not empty), atol=1e-6)
        assert found.lost[i] == pytest.approx(lost, abs=1e-9)
        assert (found.empty is not None and bool(found.empty[i])) == empty


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_all_structures_by_their_probabilities_are_the_distribution(temperature):
    """A list of everything is no other belief than the scores that it is made from."""
    tags = span_tags(["A"], scheme="BIOES")
    rng = numpy.random.default_rng(0)
    arrays = {"unary": rng.normal(size=(1, 3, 5)), "transition": rng.normal(size=(1, 5, 5))}
    scores = legality(tags).add_to(Parts(arrays, numpy.array([3])))
    unit = numpy.concatenate([array[0] for array in scores.arrays.values()])
    listed = oracle.enumerate_unit(oracle.chains, unit)
    rows = numpy.asarray([y[:3].argmax(axis=1) for y in listed.outputs])
    belief = LabelCandidates(tags, rows, numpy.exp(listed.log_probs))
    found = expect_chains([belief], tags, temperature=temperature)
    expected = convert(Posterior(LinearChain(), scores), LinearChain(), temperature=temperature)
    for name, array in expected.marginals.arrays.items():
        numpy.testing.assert_allclose(found.marginals.arrays[name], array, atol=1e-6)
    arc = rng.normal(size=(3, 4))
    listed = oracle.enumerate_unit(oracle.trees, arc)
    heads = numpy.asarray([y.argmax(axis=1) - 1 for y in listed.outputs])
    one = numpy.asarray([0]), numpy.asarray([3])
    weights = numpy.exp(listed.log_probs)[None]
    trees = expect_trees(
        SpanningTrees(), heads, weights, rows=one[0], lengths=one[1], temperature=temperature
    )
    posterior = Posterior(SpanningTrees(), Parts({"arc": arc[None]}, one[1]))
    expected = convert(posterior, SpanningTrees(), temperature=temperature)
    numpy.testing.assert_allclose(
        trees.marginals.arrays["arc"], expected.marginals.arrays["arc"], atol=1e-6
    )


def test_a_doc_without_tokens():
    tags = span_tags(["A"], scheme="BIO")
    belief = LabelCandidates(tags, numpy.zeros((1, 0), dtype="int32"), numpy.ones(1))
    found = expect_tokens([belief], partial(encode_tags, labels=tags))
    assert found.marginals.arrays["unary"].shape == (0, 1, 3)
    found = expect_chains([belief], tags)
    assert found.empty is None
    assert found.marginals.arrays["unary"].shape == (1, 0, 3)


@pytest.mark.parametrize(
    "weights", [[[0.0, 0.0]], [[1.0, -0.1]], [[numpy.nan, 1.0]], [[numpy.inf, 1.0]]]
)
def test_weights_that_are_none(weights):
    with pytest.raises(ValueError, match="expected weights of candidates"):
        tempered_weights(numpy.asarray(weights), temperature=1.0)


def test_temperature_must_be_positive():
    with pytest.raises(ValueError, match="temperature"):
        tempered_weights(numpy.ones((1, 1)), temperature=0.0)


def test_small_weights_do_not_vanish_at_a_low_temperature():
    found = tempered_weights(numpy.asarray([[1e-300, 2e-300]]), temperature=0.5)
    numpy.testing.assert_allclose(found, [[0.2, 0.8]])
