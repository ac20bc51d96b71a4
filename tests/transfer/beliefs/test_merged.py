"""Beliefs of several teachers as one: what is stored of an ensemble, beside the listed mixture."""

from dataclasses import replace

import numpy
import oracle
import pytest

from spacy_skd.codecs.bioes import legality, span_tags
from spacy_skd.structures import (
    FlatSegments,
    HeadSelection,
    IndependentLabels,
    LabelSets,
    LinearChain,
    Parts,
    ProjectiveTrees,
    SpanningTrees,
    tie,
)
from spacy_skd.structures.parts import softmax
from spacy_skd.transfer.beliefs import (
    ChainBelief,
    DocBelief,
    HeadLabelBelief,
    LabelCandidates,
    LemmaBelief,
    Mixture,
    SegmentBelief,
    SpanCandidates,
    TokenBelief,
    TreeBelief,
    TreeCandidates,
)
from spacy_skd.transfer.beliefs.merging import merge

WEIGHTS = (3.0, 1.0)
SHARES = numpy.asarray(WEIGHTS) / sum(WEIGHTS)
UNITS = numpy.array([[0, 4]])
# Nats of KL(mixture || stored) of four words: of teachers that differ by noise, and in everything.
AGREEING, DIFFERING = 0.012, 0.16
LABELS = ("nsubj", "obj"), ("obj", "det", "nsubj")  # of two parsers


def stored(*beliefs, weights=WEIGHTS):
    """One belief, as it is read from a store; its bytes are those of a teacher with all labels."""
    (merged,) = merge([Mixture(beliefs, weights)])
    packed = merged.pack(least=0.0)
    if all(belief.labels == merged.labels for belief in beliefs):
        most = max(size_of(belief.pack(least=0.0)) for belief in beliefs)
        assert size_of(packed) <= 1.05 * most
    return merged.form.unpack(packed)


def size_of(packed):
    return sum(len(data) for _, _, data in packed.values())


def mixed(rows):
    return sum(share * row for share, row in zip(SHARES, rows))


def kl(p, q):
    """Nats, of the probabilities of listed structures."""
    return float((p[p > 0] * (numpy.log(p[p > 0]) - numpy.log(q[p > 0]))).sum())


def test_tags_are_averaged_by_name():
    rng = numpy.random.default_rng(0)
    labels = ("A", "B"), ("C", "B", "A")
    beliefs = [TokenBelief(IndependentLabels(), names, rng.normal(size=(3, len(names))) * 3)
               for names in labels]  # fmt: skip
    found = stored(*beliefs)
    assert found.labels == ("A", "B", "C")
    one, two = (softmax(each.scores)[1] for each in beliefs)
    expected = mixed([numpy.c_[one, numpy.zeros(3)], two[:, [2, 1, 0]]])
    numpy.testing.assert_allclose(softmax(found.scores)[1], expected, atol=1e-3)


def trees_of(structure, rng, *, common=None):
    """Two parsers of other deprels, in another order, that differ a little or in all."""
    for labels in LABELS:
        arc = (
            rng.normal(size=(4, 5)) * 2 if common is None else common + rng.normal(size=(4, 5)) / 2
        )
        pairs = numpy.array([[d, h] for d in range(4) for h in range(-1, 4) if d != h])
        scores = rng.normal(size=(len(pairs), len(labels)))
        yield TreeBelief(structure, labels, UNITS, (arc.astype("float32"),), pairs, scores)


def arcs_of(belief, outputs=None):
    parts = Parts({"arc": belief.arcs[0][None]}, numpy.array([4]))
    return belief.structure.infer(parts)[1].arrays["arc"][0]


@pytest.mark.parametrize("agree", [True, False])
@pytest.mark.parametrize(
    ("structure", "outputs"),
    [
        (HeadSelection(), oracle.head_choices),
        (SpanningTrees(single_root=True), oracle.trees),
        (ProjectiveTrees(), oracle.projective_trees),
    ],
    ids=["heads", "trees", "projective"],
)
def test_trees(structure, outputs, agree):
    """Heads and deprels have the probabilities that they have in the mixture. What is stored of the
    mixture of trees themselves is measured: it is nearer to it than any of the teachers, and than
    the mean of their scores."""
    rng = numpy.random.default_rng(1)
    beliefs = list(trees_of(structure, rng, common=3 * rng.normal(size=(4, 5)) if agree else None))
    found = stored(*beliefs)
    listed = [oracle.enumerate_unit(outputs, own_head_gone(b.arcs[0])) for b in beliefs]
    expected = mixed([each.marginals for each in listed])
    numpy.testing.assert_allclose(arcs_of(found), expected, atol=2e-3)
    for (dependent, head), scores in zip(found.pairs.tolist(), found.label_scores):
        rows = [chance(b, dependent, head) for b in beliefs]
        arcs = [share * each.marginals[dependent, head + 1] for share, each in zip(SHARES, listed)]
        joint = sum(arc * row for arc, row in zip(arcs, rows)) / sum(arcs)
        numpy.testing.assert_allclose(softmax(scores)[1], joint, atol=3e-3)
    kept = {dependent for dependent, _ in found.pairs.tolist()}
    assert kept == {0, 1, 2, 3}
    of_mixture = mixed([numpy.exp(each.log_probs) for each in listed])
    pooled = mixed([b.arcs[0] for b in beliefs])
    near, *others = (
        kl(of_mixture, numpy.exp(oracle.enumerate_unit(outputs, own_head_gone(arc)).log_probs))
        for arc in (found.arcs[0], pooled, *(b.arcs[0] for b in beliefs))
    )
    assert near < min(others) + 1e-3
    assert near < (AGREEING if agree else DIFFERING)


def own_head_gone(arc):
    gone = arc.astype("float64").copy()
    gone[numpy.arange(4), numpy.arange(1, 5)] = oracle.GONE
    return gone


def chance(belief, dependent, head):
    (row,) = numpy.flatnonzero((belief.pairs == (dependent, head)).all(axis=1))
    values = dict(zip(belief.labels, softmax(belief.label_scores[row])[1]))
    return numpy.array([values.get(label, 0.0) for label in ("nsubj", "obj", "det")])


def chain_of(rng, labels, common, pairs=None):
    """A chain of some labels' tags."""
    tags = span_tags(labels, scheme="BIO")
    pairs = rng.normal(size=(len(tags),) * 2) / 2 if pairs is None else pairs
    unary = rng.normal(size=(4, len(tags))) + 2 * common[:, : len(tags)]
    parts = Parts({"unary": unary[None], "transition": tie(pairs, 1)}, numpy.array([4]))
    arrays = legality(tags).add_to(parts).arrays
    table = arrays["transition"][0].astype("float32")
    return ChainBelief(LinearChain(), tags, arrays["unary"][0].astype("float32"), table)


def listed_chain(belief, tags):
    """Of all sequences, listed as those of `tags`: marginals, counts of pairs, probabilities."""
    own, n = belief.labels, len(tags)
    rows = numpy.full((4 + n, n), -2e6)
    for i, tag in enumerate(tags):
        if tag in own:
            rows[:4, i] = belief.scores[:, own.index(tag)]
            for j, after in enumerate(tags):
                if after in own:
                    rows[4 + i, j] = belief.transition[own.index(tag), own.index(after)]
    rows = numpy.maximum(rows, -2e6)
    listed = oracle.enumerate_unit(oracle.chains, rows)
    by_output = {y.tobytes(): p for y, p in zip(listed.outputs, numpy.exp(listed.log_probs))}
    return listed.marginals[:4], listed.marginals[4:], by_output


def test_chains_of_other_labels():
    """Tags of tokens have the probabilities of the mixture, of legal sequences; how often a tag
    follows another is near it: by 0.012 of the 3 pairs here. KL(mixture || stored) is 0.10 nats."""
    rng = numpy.random.default_rng(2)
    common = rng.normal(size=(4, 5))
    beliefs = [chain_of(rng, ("X",), common), chain_of(rng, ("X", "Y"), common)]
    found = stored(*beliefs)
    tags = span_tags(("X", "Y"), scheme="BIO")
    assert found.labels == tags
    unary, pairs, chances = zip(*(listed_chain(belief, tags) for belief in beliefs))
    own_unary, own_pairs, own = listed_chain(found, tags)
    numpy.testing.assert_allclose(own_unary, mixed(unary), atol=2e-3)
    assert numpy.abs(own_pairs - mixed(pairs)).max() < 0.02
    everything = sorted(set().union(*chances, own))
    rows = [numpy.array([of.get(y, 0.0) for y in everything]) for of in (*chances, own)]
    divergences = [kl(mixed(rows[:2]), numpy.maximum(row, 1e-12)) for row in rows]
    assert divergences[-1] < 0.12
    assert divergences[-1] < divergences[1]


def test_tags_of_spans_that_are_independent():
    rng = numpy.random.default_rng(3)
    tags = span_tags(("X",), scheme="BIO")
    beliefs = [TokenBelief(IndependentLabels(), tags, rng.normal(size=(4, 3))) for _ in "ab"]
    found = stored(*beliefs)
    read = [LinearChain().infer(b.distribution()[1])[1].arrays["unary"][0]
            for b in (*beliefs, found)]  # fmt: skip
    numpy.testing.assert_allclose(read[-1], mixed(read[:2]), atol=2e-3)


def test_segments():
    rng = numpy.random.default_rng(4)
    labels = ("X", "Y"), ("Y", "Z")
    beliefs = [SegmentBelief(FlatSegments(w), names, rng.normal(size=(4, w, 2)).astype("float32"))
               for names, w in zip(labels, (2, 3))]  # fmt: skip
    found = stored(*beliefs)
    assert (found.labels, found.structure) == (("X", "Y", "Z"), FlatSegments(3))
    marginals = []
    for belief in (*beliefs, found):
        parts = Parts({"span": belief.scores[None]}, numpy.array([4]))
        span = belief.structure.infer(parts)[1].arrays["span"][0]
        full = numpy.zeros((4, 3, 3))
        for i, label in enumerate(belief.labels):
            full[:, : span.shape[1], ("X", "Y", "Z").index(label)] = span[..., i]
        marginals.append(full)
    numpy.testing.assert_allclose(marginals[-1], mixed(marginals[:2]), atol=2e-3)


@pytest.mark.parametrize("structure", [IndependentLabels(), LabelSets()])
def test_categories(structure):
    labels = ("X", "Y"), ("Y", "X")
    beliefs = [DocBelief(structure, names, numpy.array(row, "float32"), 3)
               for names, row in zip(labels, ([1.0, -2.0], [0.5, 3.0]))]  # fmt: skip
    found = stored(*beliefs)
    one, two = (belief.chances() for belief in beliefs)
    numpy.testing.assert_allclose(found.chances(), mixed([one, two[::-1]]), atol=1e-3)
    assert found.n_tokens == 3


def test_tags_of_heads_and_lemmas():
    rng = numpy.random.default_rng(5)
    tags = ("0:ROOT", "1:nsubj"), ("-1:obj", "0:ROOT")
    beliefs = [HeadLabelBelief(IndependentLabels(), names, UNITS, rng.normal(size=(4, 2)))
               for names in tags]  # fmt: skip
    found = stored(*beliefs)
    rows = [softmax(belief.scores)[1] for belief in beliefs]
    expected = [SHARES[0] * rows[0][:, 0] + SHARES[1] * rows[1][:, 1],
                SHARES[0] * rows[0][:, 1], SHARES[1] * rows[1][:, 0]]  # fmt: skip
    numpy.testing.assert_allclose(softmax(found.scores)[1].T, expected, atol=1e-3)
    forms = ("saw",)
    said = {"see": -0.2, "saw": -1.7}, {"see": 0.0}
    found = stored(*(LemmaBelief.listed((), forms, [words]) for words in said))
    weights = numpy.exp(found.scores) / numpy.exp(found.scores).sum()
    saw = SHARES[0] * numpy.exp(-1.7) / (numpy.exp(-1.7) + numpy.exp(-0.2))
    assert dict(zip(found._names(), weights))["saw"] == pytest.approx(saw, abs=1e-3)


def test_candidates_are_all_kept():
    """With the weights of their teachers, whatever their own add up to."""
    one = LabelCandidates(("a", "b"), numpy.array([[0, 1], [1, 1]]), numpy.array([3.0, 1.0]))
    two = LabelCandidates(("b", "c"), numpy.array([[1, 0]]), numpy.array([9.0]))
    (found,) = merge([Mixture((one, two), WEIGHTS)])
    assert [found.named(k) for k in range(3)] == [["a", "b"], ["b", "b"], ["c", "b"]]
    numpy.testing.assert_allclose(found.weights, [9 / 16, 3 / 16, 1 / 4])
    sets = [SpanCandidates.of_sets((label,), 2, [[(0, 1, label)]]) for label in "XY"]
    (found,) = merge([Mixture(tuple(sets), WEIGHTS)])
    assert [found.spans_of(k) for k in range(2)] == [[(0, 1, "X")], [(0, 1, "Y")]]
    heads = [numpy.array([[-1, 0]]), numpy.array([[1, -1]])]
    trees = [TreeCandidates((label,), numpy.array([[0, 2]]), row, numpy.array([[0, -1]]),
                            numpy.ones((1, 1))) for label, row in zip("xy", heads)]  # fmt: skip
    (found,) = merge([Mixture(tuple(trees), WEIGHTS)])
    assert found.heads.tolist() == [[-1, 0], [1, -1]]
    assert found.deprels.tolist() == [[0, -1], [1, -1]]
    other = replace(trees[1], units=numpy.array([[0, 1], [1, 2]]), weights=numpy.ones((2, 1)))
    with pytest.raises(ValueError, match="the same sentences of all teachers"):
        merge([Mixture((trees[0], other), WEIGHTS)])


def test_a_batch_is_merged_as_each_doc_alone():
    rng = numpy.random.default_rng(6)
    pairs = rng.normal(size=(5, 5)) / 2
    docs = [[chain_of(rng, ("X", "Y"), rng.normal(size=(4, 5)), pairs) for _ in "ab"]
            for _ in range(3)]  # fmt: skip
    mixtures = [Mixture(tuple(pair), WEIGHTS) for pair in docs]
    for mixture, belief in zip(mixtures, merge(mixtures)):
        rows = [LinearChain().infer(each.distribution()[1])[1].arrays["unary"][0]
                for each in (belief, *merge([mixture]), stored(*mixture.beliefs))]  # fmt: skip
        for row in rows[1:]:
            numpy.testing.assert_allclose(row, rows[0], atol=2e-3)
