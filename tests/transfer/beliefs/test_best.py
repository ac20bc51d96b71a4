"""A teacher's k best structures, by listing all of them."""

from functools import partial

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings
from listed import expect_chains

from spacy_skd.codecs.bioes import legality, match_tags, span_tags
from spacy_skd.structures import (
    FlatSegments,
    HeadSelection,
    IndependentLabels,
    IndependentSpans,
    LinearChain,
    Parts,
    ProjectiveTrees,
    SpanningTrees,
)
from spacy_skd.transfer import ChainBelief, Posterior, TokenBelief, TreeBelief, convert
from spacy_skd.transfer.beliefs import LabelCandidates, Mixture, SegmentBelief, TreeCandidates

SEEDS = st.integers(0, 2**31)
KS = st.integers(1, 7)
BIO = span_tags(["A"], scheme="BIO")  # O, B-A, I-A


def best_listed(listed, k):
    """The k outputs of the highest score; random scores have no ties."""
    order = numpy.argsort(-listed.log_probs)[:k]
    return [listed.outputs[i] for i in order]


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, k=KS)
def test_labels_of_tokens_are_those_of_whole_docs(seed, k):
    scores = numpy.random.default_rng(seed).normal(size=(3, 3))
    found = TokenBelief(IndependentLabels(), ("X", "Y", "Z"), scores).best(k=k)
    expected = best_listed(oracle.enumerate_unit(oracle.labellings, scores), k)
    assert found.rows.tolist() == [y.argmax(axis=1).tolist() for y in expected]
    assert found.weights.tolist() == [1.0] * k


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, k=KS, is_chain=st.booleans())
def test_tags_of_spans_are_legal(seed, k, is_chain):
    """Of a chain and of independent tags, whose best on their own may be no sequence. BIO has 13
    legal sequences of 3 tokens."""
    rng = numpy.random.default_rng(seed)
    table = rng.normal(size=(3, 3)) * is_chain
    parts = Parts(
        {"unary": rng.normal(size=(1, 3, 3)), "transition": table[None]}, numpy.array([3])
    )
    legal = legality(BIO).add_to(parts)
    unit = numpy.concatenate([legal.arrays["unary"][0], legal.arrays["transition"][0]])
    if is_chain:
        belief = ChainBelief(LinearChain(), BIO, unit[:3], unit[3:])
    else:
        belief = TokenBelief(IndependentLabels(), BIO, parts.arrays["unary"][0])
    found = belief.best(k=k)
    expected = best_listed(oracle.enumerate_unit(oracle.chains, unit), k)
    assert found.rows.tolist() == [y[:3].argmax(axis=1).tolist() for y in expected]


def test_there_may_be_fewer():
    scores = numpy.zeros((1, 3), dtype="float32")
    found = TokenBelief(IndependentLabels(), BIO, scores).best(k=5)
    assert sorted(found.rows.tolist()) == [[0], [1]]
    assert found.weights.tolist() == [1.0, 1.0]


SETS = {
    FlatSegments(max_width=2): partial(oracle.segmentations, width=2),
    IndependentSpans(max_width=2): partial(oracle.span_sets, width=2, one_label=True),
}


@pytest.mark.parametrize("structure", SETS, ids=repr)
@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, k=KS)
def test_spans_are_the_best_sets(structure, seed, k):
    scores = numpy.random.default_rng(seed).normal(size=(3, 2, 2))
    found = SegmentBelief(structure, ("A", "B"), scores).best(k=k)
    assert found.labels == ("A", "B")
    sets = [found.spans_of(rank) for rank in range(len(found.weights))]
    assert len({tuple(spans) for spans in sets}) == len(sets)
    totals = [sum(scores[a, b - a - 1, "AB".index(label)] for a, b, label in s) for s in sets]
    every = [(y * scores.reshape(3, 4)).sum() for y in SETS[structure](3, 4)]
    numpy.testing.assert_allclose(totals, sorted(every, reverse=True)[:k])


def tree_belief(rng, lengths, *, structure):
    """Deprels of all arcs."""
    ends = numpy.cumsum(lengths)
    units = numpy.stack([ends - lengths, ends], axis=1).astype("int32")
    arcs = tuple(rng.normal(size=(n, n + 1)) for n in lengths)
    pairs = [
        (start + d, -1 if h == 0 else start + h - 1)
        for start, end in units.tolist()
        for d in range(end - start)
        for h in range(end - start + 1)
        if h != d + 1
    ]
    pairs = numpy.asarray(pairs, dtype="int32")[rng.permutation(len(pairs))]
    return TreeBelief(structure, ("a", "b"), units, arcs, pairs, rng.normal(size=(len(pairs), 2)))


def crosses(y):
    spans = [tuple(sorted((int(h), d))) for d, h in enumerate(y.argmax(axis=1), 1)]
    return any(a < c < b < d for a, b in spans for c, d in spans)


@pytest.mark.parametrize(
    "structure", [SpanningTrees(), HeadSelection(), ProjectiveTrees()], ids=str
)
@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, k=KS)
def test_trees_of_each_sentence_with_one_root_and_the_best_deprels(structure, seed, k):
    """Also of a teacher of heads: its guesses are trees. A sentence of 2 tokens has 2 of them."""
    rng = numpy.random.default_rng(seed)
    belief = tree_belief(rng, [4, 2], structure=structure)
    found = belief.best(k=k)
    deprels = {tuple(p): int(row.argmax()) for p, row in zip(belief.pairs.tolist(),
                                                             belief.label_scores)}  # fmt: skip
    for unit, (start, end) in enumerate(belief.units.tolist()):
        listed = oracle.enumerate_unit(oracle.trees, belief.arcs[unit])
        order = numpy.argsort(-listed.log_probs)
        outputs = [listed.outputs[i] for i in order]
        if isinstance(structure, ProjectiveTrees):
            outputs = [y for y in outputs if not crosses(y)]
        heads = [[-1 if h == 0 else start + int(h) - 1 for h in y.argmax(axis=1)] for y in outputs]
        n = min(k, len(heads))
        assert found.weights[unit].tolist() == [1.0] * n + [0.0] * (k - n)
        assert found.heads[:n, start:end].tolist() == heads[:n]
        for candidate in range(n):
            for token in range(start, end):
                arc = (token, int(found.heads[candidate, token]))
                assert found.deprels[candidate, token] == deprels[arc]


def test_an_arc_whose_deprels_are_not_scored_has_none():
    rng = numpy.random.default_rng(0)
    belief = tree_belief(rng, [2], structure=SpanningTrees())
    kept = belief.pairs[:, 1] < 0
    few = TreeBelief(
        belief.structure, belief.labels, belief.units, belief.arcs, belief.pairs[kept],
        belief.label_scores[kept],
    )  # fmt: skip
    found = few.best(k=2)
    assert ((found.deprels >= 0) == (found.heads < 0)).all()


def test_of_candidates_the_heaviest_and_of_several_teachers_those_of_each():
    labels = LabelCandidates(("X", "Y"), numpy.asarray([[0], [1], [0]]), numpy.asarray([1.0, 3, 2]))
    trees = TreeCandidates(
        ("a", "b"),
        numpy.asarray([[0, 1], [1, 3]]),
        numpy.asarray([[-1, -1, 1], [-1, 2, -1]]),
        numpy.asarray([[0, 0, 1], [1, 0, 0]]),
        numpy.asarray([[0.9, 0.1], [0.2, 0.8]]),
    )
    found = labels.best(k=2)
    assert found.rows.tolist() == [[1], [0]]
    assert found.weights.tolist() == [1.0, 1.0]
    one = trees.best(k=1)
    assert one.heads.tolist() == [[-1, 2, -1]]
    assert one.deprels.tolist() == [[0, 0, 0]]
    assert one.weights.tolist() == [[1.0], [1.0]]
    scores = numpy.asarray([[0.0, 1.0]])
    both = (labels, TokenBelief(IndependentLabels(), ("Z", "X"), scores))
    mixed = Mixture(both, (0.3, 0.7)).best(k=1)
    assert mixed.weights == (0.3, 0.7)
    assert [belief.rows.tolist() for belief in mixed.beliefs] == [[[1]], [[1]]]


def test_topk_of_everything_is_uniform_and_top1_is_the_argmax():
    """As targets: the mean of the indicators."""
    rng = numpy.random.default_rng(0)
    parts = Parts({"unary": rng.normal(size=(1, 3, 3)), "transition": rng.normal(size=(1, 3, 3))},
                  numpy.array([3]))  # fmt: skip
    legal = legality(BIO).add_to(parts)
    belief = ChainBelief(LinearChain(), BIO, *(array[0] for array in legal.arrays.values()))
    flat = Parts({name: numpy.minimum(array, 0) * (array < -1e6) for name, array in
                  legal.arrays.items()}, parts.lengths)  # fmt: skip
    found = expect_chains([belief.best(k=99)], BIO)
    expected = convert(
        Posterior(LinearChain(), flat), LinearChain(), match=match_tags(teacher=BIO, student=BIO),
        rules=legality(BIO),
    )  # fmt: skip
    for name, array in expected.marginals.arrays.items():
        numpy.testing.assert_allclose(found.marginals.arrays[name], array, atol=1e-6)
    one = expect_chains([belief.best(k=1)], BIO).marginals
    for name, array in LinearChain().argmax(legal).arrays.items():
        assert (one.arrays[name] == array).all()


def test_docs_without_tokens():
    none = numpy.zeros((0, 3), dtype="float32")
    table = numpy.zeros((3, 3), dtype="float32")
    beliefs = [
        TokenBelief(IndependentLabels(), BIO, none),
        ChainBelief(LinearChain(), BIO, none, table),
    ]
    for belief in beliefs:
        found = belief.best(k=3)
        assert found.rows.shape == (1, 0)
    none = SegmentBelief(FlatSegments(max_width=2), ("A",), numpy.zeros((0, 2, 1))).best(k=3)
    assert none.spans_of(0) == []
    assert none.weights.tolist() == [1.0]
    pairs = numpy.zeros((0, 2), dtype="int32")
    empty = TreeBelief(SpanningTrees(), ("a",), pairs, (), pairs, numpy.zeros((0, 1)))
    found = empty.best(k=3)
    assert found.heads.shape == (3, 0)
    assert found.weights.shape == (0, 3)


def test_tags_that_look_like_those_of_spans_but_are_a_taggers_are_independent():
    """As of chunks (CoNLL-2000): spaCy sorts a tagger's labels."""
    labels = ("B-NP", "I-NP", "O")
    belief = TokenBelief(IndependentLabels(), labels, numpy.asarray([[0, 2, 1], [0, 1, 2.0]]))
    assert belief.best(k=1).rows.tolist() == [[1, 2]]  # an I that continues nothing
    assert belief.form.annotated == labels
    assert not belief.form.of_spans
    spans = TokenBelief(IndependentLabels(), ("O", "B-NP", "I-NP"), belief.scores)
    assert (spans.form.annotated, spans.form.of_spans) == (("NP",), True)
