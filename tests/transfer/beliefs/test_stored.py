"""Beliefs to bytes and back: what comes back is the same distribution."""

import json

import hypothesis.strategies as st
import numpy
import pytest
import srsly
from hypothesis import given, settings

from spacy_skd.codecs.bioes import legality, span_tags
from spacy_skd.structures import (
    IMPOSSIBLE,
    FlatSegments,
    HeadSelection,
    IndependentLabels,
    LinearChain,
    Parts,
    ProjectiveTrees,
    SpanningTrees,
)
from spacy_skd.transfer import (
    ChainBelief,
    HeadLabelBelief,
    Posterior,
    SegmentBelief,
    TokenBelief,
    TreeBelief,
    convert,
)
from spacy_skd.transfer.beliefs import Form, LabelCandidates, Mixture, TreeCandidates
from spacy_skd.transfer.loss import structural_loss

TAGS = span_tags(["A", "B"], scheme="BIOES")
SEEDS = st.integers(0, 2**32 - 1)
SCALES = st.sampled_from([0.1, 1.0, 5.0, 20.0])
# float16 has 11 bits: a score of 8 nats below the best is within 2**-8, one near it within 2**-11.
CLOSE = 2e-3


def stored(belief, *, least=0.0):
    """Through msgpack, as in a DocBin, and the form through JSON, as in a manifest."""
    packed = srsly.msgpack_loads(srsly.msgpack_dumps(belief.pack(least=least)), use_list=False)
    form = Form.from_json(json.loads(json.dumps(belief.form.to_json())))
    return form.unpack(packed)


def token_belief(rng, n, *, labels=("A", "B", "C", "D", "E"), scale=3.0):
    scores = rng.normal(0, scale, (n, len(labels))).astype("float32") + 50
    return TokenBelief(IndependentLabels(), tuple(labels), scores)


def chain_belief(rng, n, *, scale=3.0):
    rules = legality(TAGS)
    table = (rng.normal(0, 1, (len(TAGS), len(TAGS))) + rules.transition).astype("float32")
    scores = rng.normal(0, scale, (1, n, len(TAGS))).astype("float32")
    parts = Parts({"unary": scores, "transition": 0 * table[None]}, numpy.asarray([n]))
    return ChainBelief(LinearChain(), TAGS, rules.add_to(parts).arrays["unary"][0], table)


def segment_belief(rng, n, *, width=3, scale=3.0):
    scores = rng.normal(-1, scale, (n, width, 2)).astype("float32")
    scores[rng.random(scores.shape) < 0.1] = IMPOSSIBLE
    return SegmentBelief(FlatSegments(max_width=width), ("A", "B"), scores)


def tree_belief(rng, lengths, *, scale=3.0, structure=SpanningTrees(single_root=True)):  # noqa: B008
    ends = numpy.cumsum(lengths)
    units = numpy.stack([ends - lengths, ends], axis=1).astype("int32").reshape(-1, 2)
    arcs = tuple(rng.normal(0, scale, (n, n + 1)).astype("float32") for n in lengths)
    pairs = [
        (start + token, -1 if head == 0 else start + head - 1)
        for (start, end) in units.tolist()
        for token in rng.permutation(end - start)
        for head in range(end - start + 1)
        if head != token + 1 and rng.random() < 0.5
    ]
    pairs = numpy.asarray(pairs, dtype="int32").reshape(-1, 2)
    scores = rng.normal(0, scale, (len(pairs), 4)).astype("float32")
    return TreeBelief(structure, ("a", "b", "c", "d"), units, arcs, pairs, scores)


def marginals(belief):
    """Of every part, under the belief's own structure."""
    if isinstance(belief, TreeBelief):
        return [
            belief.structure.infer(Parts({"arc": arc[None]}, numpy.asarray([len(arc)])))[1].arrays[
                "arc"
            ]
            for arc in belief.arcs
        ]
    name = "span" if isinstance(belief, SegmentBelief) else "unary"
    arrays = {name: belief.scores[None]}
    if isinstance(belief, ChainBelief):
        arrays["transition"] = belief.transition[None]
    found = belief.structure.infer(Parts(arrays, numpy.asarray([len(belief.scores)])))[1]
    return list(found.arrays.values())


def assert_close(a, b, tolerance=CLOSE):
    for x, y in zip(marginals(a), marginals(b)):
        assert numpy.abs(x - y).max(initial=0) < tolerance


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.integers(0, 6), SCALES)
def test_token_labels(seed, n, scale):
    belief = token_belief(numpy.random.default_rng(seed), n, scale=scale)
    back = stored(belief)
    assert (back.labels, back.structure) == (belief.labels, belief.structure)
    assert back.scores.shape == belief.scores.shape
    assert back.scores.dtype == numpy.float32
    assert_close(belief, back)


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.integers(1, 6), SCALES)
def test_chains_keep_every_legal_sequence_and_no_other(seed, n, scale):
    belief = chain_belief(numpy.random.default_rng(seed), n, scale=scale)
    back = stored(belief, least=1e-2)
    assert (back.transition == belief.transition)[belief.transition > -1e6].all()
    assert ((back.scores <= -1e6) == (belief.scores <= -1e6)).all()
    assert ((back.transition <= -1e6) == (belief.transition <= -1e6)).all()
    assert_close(belief, back, 5 * CLOSE)


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.integers(0, 6), SCALES, st.integers(1, 4))
def test_segments(seed, n, scale, width):
    belief = segment_belief(numpy.random.default_rng(seed), n, scale=scale, width=width)
    back = stored(belief)
    assert (back.labels, back.structure) == (belief.labels, belief.structure)
    assert back.scores.shape == belief.scores.shape
    assert back.scores.dtype == numpy.float32
    inside = numpy.arange(n)[:, None] + numpy.arange(width) < n
    assert ((back.scores > -1e6) == (belief.scores > -1e6))[inside].all()
    assert (back.scores[~inside] == IMPOSSIBLE).all()
    assert_close(belief, back, 5 * CLOSE)


def test_docs_of_one_teacher_may_have_spans_of_other_widths():
    rng = numpy.random.default_rng(0)
    form = segment_belief(rng, 4, width=2).form
    belief = segment_belief(rng, 5, width=4)
    back = form.unpack(belief.pack(least=0.0))
    assert back.structure == FlatSegments(max_width=4)
    assert_close(belief, back)


@pytest.mark.parametrize("high", [0.0, 30.0, 1e4])
def test_spans_that_are_likely_are_kept_as_exactly_as_any(high):
    """Two spans that exclude each other, both far likelier than none."""
    scores = numpy.full((2, 2, 1), IMPOSSIBLE, dtype="float32")
    scores[0, 1, 0], scores[1, 0, 0] = high + 0.3, high
    belief = SegmentBelief(FlatSegments(max_width=2), ("A",), scores)
    assert_close(belief, stored(belief), 1e-3)


def test_hopeless_spans_can_be_left_out():
    """P(span) is at most its odds, so none of them is likelier than `least`."""
    belief = segment_belief(numpy.random.default_rng(0), 40, scale=4.0)
    back = stored(belief, least=1e-3)
    gone = (back.scores == numpy.float32(IMPOSSIBLE)) & (belief.scores > -1e6)
    gone[-2:] = False  # beyond the end
    assert 0 < gone.sum() < gone.size / 2
    (before,), (after,) = marginals(belief), marginals(back)
    assert before[0][gone].max() < 1e-3
    assert numpy.abs(before - after).max() < 0.05
    assert (stored(belief, least=1e-12).scores > -1e6).sum() > (back.scores > -1e6).sum()


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.lists(st.integers(1, 7), max_size=3), SCALES, st.booleans())
def test_trees(seed, lengths, scale, is_tree):
    structure = SpanningTrees(single_root=True) if is_tree else HeadSelection()
    rng = numpy.random.default_rng(seed)
    belief = tree_belief(rng, lengths, scale=scale, structure=structure)
    back = stored(belief)
    assert back.structure == structure
    assert (back.units == belief.units).all()
    assert_close(belief, back, 5 * CLOSE)
    mine, theirs = (
        {tuple(p): row for p, row in zip(b.pairs.tolist(), b.label_scores)} for b in (belief, back)
    )
    assert mine.keys() == theirs.keys()
    for pair, row in mine.items():
        assert theirs[pair] == pytest.approx(row - row.max(), rel=1e-3, abs=1e-4)


@settings(deadline=None, max_examples=20)
@given(SEEDS, st.lists(st.integers(1, 7), max_size=3), SCALES)
def test_tags_of_heads(seed, lengths, scale):
    rng = numpy.random.default_rng(seed)
    units = tree_belief(rng, lengths).units
    tags = ("0:root", "1:a", "-1:a", "2:b")
    tokens = token_belief(rng, sum(lengths), labels=tags, scale=scale)
    belief = HeadLabelBelief(IndependentLabels(), tags, units, tokens.scores)
    back = stored(belief)
    assert type(back) is HeadLabelBelief
    assert (back.labels, back.structure) == (belief.labels, belief.structure)
    assert (back.units == belief.units).all()
    assert_close(belief, back)


def test_projective_trees_stay_so():
    belief = tree_belief(numpy.random.default_rng(0), [3], structure=ProjectiveTrees())
    assert stored(belief).structure == ProjectiveTrees()


def test_long_docs_and_long_sentences():
    rng = numpy.random.default_rng(0)
    belief = tree_belief(rng, [200, 150, 100])
    back = stored(belief)
    assert (back.units == belief.units).all()
    assert {tuple(p) for p in back.pairs.tolist()} == {tuple(p) for p in belief.pairs.tolist()}
    assert_close(belief, back)


def test_impossible_scores_stay_so():
    scores = numpy.array([[IMPOSSIBLE, 3.0, 2.0], [0.0, -1e5, IMPOSSIBLE]], dtype="float32")
    back = stored(TokenBelief(IndependentLabels(), ("a", "b", "c"), scores))
    assert (back.scores == numpy.array([[IMPOSSIBLE, 0, -1], [0, -60000, IMPOSSIBLE]])).all()


def test_improbable_labels_can_be_left_out_but_never_the_best():
    scores = numpy.log(numpy.array([[0.9, 0.0999, 1e-4], [1 / 3, 1 / 3, 1 / 3]], dtype="float32"))
    belief = TokenBelief(IndependentLabels(), ("a", "b", "c"), scores)
    assert stored(belief, least=1e-3).scores[0, 2] == IMPOSSIBLE
    assert (stored(belief, least=1e-3).scores[1] == 0).all()
    assert (stored(belief, least=1e-5).scores > -20).all()
    many = TokenBelief(
        IndependentLabels(), tuple("abcdefghijklmnop"), numpy.zeros((1, 16), "float32")
    )
    assert (stored(many, least=0.1).scores == 0).all()


def test_independent_tags_of_spans_are_kept_whole():
    """The best legal sequence may be made of improbable tags."""
    scores = numpy.zeros((3, len(TAGS)), dtype="float32")
    scores[:, TAGS.index("I-A")] = 30
    belief = TokenBelief(IndependentLabels(), TAGS, scores)
    assert (stored(belief, least=0.1).scores > -40).all()


@pytest.mark.parametrize("least", [0.0, 1e-6])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_loss_from_stored_beliefs_is_that_from_the_live_ones(least, temperature):
    """Of a student that has learnt, and of one that knows nothing."""
    rng = numpy.random.default_rng(1)
    belief = token_belief(rng, 200, labels=tuple(map(str, range(50))), scale=4.0)
    for noise in (0.5, 4.0):
        student = (belief.scores + rng.normal(0, noise, belief.scores.shape)).astype("float32")
        losses = [_loss(student, b, temperature) for b in (belief, stored(belief, least=least))]
        assert losses[1] == pytest.approx(losses[0], rel=5e-3)


def _loss(student, belief, temperature):
    structure, lengths = IndependentLabels(), numpy.asarray([len(student)])
    teacher = Posterior(structure, Parts({"unary": belief.scores[None]}, lengths))
    target = convert(teacher, structure, temperature=temperature).marginals
    scores = Parts({"unary": student[None]}, lengths)
    return structural_loss(structure, scores, target, temperature=temperature)[0]


@settings(deadline=None, max_examples=20)
@given(SEEDS, st.integers(0, 5), st.integers(1, 4))
def test_listed_labels(seed, n, k):
    rng = numpy.random.default_rng(seed)
    weights = numpy.concatenate([[5.0], rng.random(k - 1)])
    belief = LabelCandidates(TAGS, rng.integers(0, len(TAGS), size=(k, n)), weights)
    back = stored(belief)
    assert back.labels == TAGS
    assert (back.rows == belief.rows).all()
    assert back.rows.shape == (k, n)
    numpy.testing.assert_allclose(back.weights * 5, weights, rtol=1e-6)


@settings(deadline=None, max_examples=20)
@given(SEEDS, st.lists(st.integers(1, 5), max_size=3), st.integers(1, 4))
def test_listed_trees(seed, lengths, k):
    rng = numpy.random.default_rng(seed)
    n, ends = sum(lengths), numpy.cumsum(lengths)
    units = numpy.stack([ends - lengths, ends], axis=1).astype("int32").reshape(-1, 2)
    heads = rng.integers(-1, max(n, 1), size=(k, n))
    heads = numpy.where(heads == numpy.arange(n), -1, heads)
    deprels = rng.integers(-1, 3, size=(k, n))
    weights = rng.random((len(lengths), k)) + 0.1
    belief = TreeCandidates(("a", "b", "c"), units, heads, deprels, weights)
    back = stored(belief)
    for name in ("units", "heads", "deprels"):
        assert (getattr(back, name) == getattr(belief, name)).all()
    shares = [b.weights / b.weights.sum(axis=1, keepdims=True) for b in (back, belief)]
    numpy.testing.assert_allclose(*shares, rtol=1e-6)


def test_candidates_that_do_not_fit_are_refused():
    belief = LabelCandidates(("a", "b"), numpy.asarray([[0, 1]]), numpy.ones(1))
    packed = belief.pack(least=0.0)
    with pytest.raises(ValueError, match="listed labels is damaged or of other labels"):
        Form("listed labels", None, ("a",)).unpack(packed)
    with pytest.raises(ValueError, match="damaged or of other labels"):
        belief.form.unpack({**packed, "weights": ("<f4", (1, 2), b"\0" * 8)})


def test_the_beliefs_of_several_teachers_are_not_stored():
    rng = numpy.random.default_rng(0)
    several = Mixture((token_belief(rng, 2), token_belief(rng, 2)), (1.0, 1.0))
    for store in (lambda belief: belief.form, lambda belief: belief.pack(least=0.0)):
        with pytest.raises(ValueError, match="belief of one teacher, got those of several"):
            store(several)


def test_bytes_that_do_not_fit_are_refused():
    belief = token_belief(numpy.random.default_rng(0), 3)
    packed = belief.pack(least=0.0)
    form = belief.form
    with pytest.raises(ValueError, match="damaged or of other labels"):
        form.unpack({**packed, "score_values": ("<f2", (1,), b"xx")})
    with pytest.raises(ValueError, match="damaged or of other labels"):
        form.unpack({})
    with pytest.raises(ValueError, match="expected one of"):
        Form.from_json({**form.to_json(), "structure": "Nothing"})
    with pytest.raises(ValueError, match="trees: expected a ArcStructure, got IndependentLabels"):
        Form.from_json({**form.to_json(), "kind": "trees"})
    with pytest.raises(ValueError, match="tokens: expected a Structure, got None"):
        Form.from_json({**form.to_json(), "structure": None})
