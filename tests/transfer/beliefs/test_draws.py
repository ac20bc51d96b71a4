"""Draws from beliefs: how often each annotation comes, against enumeration."""

import itertools
from collections import Counter

import numpy
import pytest
from oracle import all_heads, crossing, forms_tree

from spacy_skd.codecs.bioes import decode_spans, span_tags
from spacy_skd.structures import (
    IMPOSSIBLE,
    FlatSegments,
    HeadSelection,
    IndependentLabels,
    IndependentSpans,
    LinearChain,
    SpanningTrees,
)
from spacy_skd.transfer.beliefs import (
    ChainBelief,
    HeadLabelBelief,
    LabelCandidates,
    SegmentBelief,
    SpanCandidates,
    TokenBelief,
    TreeBelief,
    TreeCandidates,
)

DRAWS = 1000


def scores_of(*shape, seed=0):
    return numpy.random.default_rng(seed).normal(size=shape).astype("float32") * 1.5


def check(draw, expected, *, draws=DRAWS):
    """Frequencies of many draws, by chi-square; fails for a wrong distribution and, by the fixed
    seed, never for a right one. expected: probability by outcome, 0 for what must not come."""
    rng = numpy.random.default_rng(1)
    found = Counter(draw(rng) for _ in range(draws))
    total = sum(expected.values())
    assert set(found) <= {y for y, p in expected.items() if p > 0}
    chi = sum(
        (found[y] - draws * p / total) ** 2 / (draws * p / total)
        for y, p in expected.items()
        if p > 0
    )
    freedom = sum(p > 0 for p in expected.values()) - 1
    assert chi < freedom + 4 * (2 * freedom) ** 0.5 + 4


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_labels_of_tokens(temperature):
    belief = TokenBelief(IndependentLabels(), ("A", "B", "C"), scores_of(2, 3))
    expected = {
        (belief.labels[i], belief.labels[j]): numpy.exp(
            (belief.scores[0, i] + belief.scores[1, j]) / temperature
        )
        for i in range(3)
        for j in range(3)
    }
    check(lambda rng: tuple(belief.draw_labels(rng=rng, temperature=temperature)), expected)


def test_labels_that_are_known_keep_their_proportions():
    scores = scores_of(1, 3)
    belief = TokenBelief(IndependentLabels(), ("A", "B", "C"), scores)
    expected = {("A",): numpy.exp(scores[0, 0]), ("B",): 0.0, ("C",): numpy.exp(scores[0, 2])}
    check(lambda rng: tuple(belief.draw_labels(rng=rng, known={"C", "A", "D"})), expected)
    scores[0, [0, 2]] = IMPOSSIBLE
    rng = numpy.random.default_rng(0)
    assert belief.draw_labels(rng=rng, known={"A", "C"}) == [""]
    assert belief.draw_labels(rng=rng, known=()) == [""]


TAGS = span_tags(["X"], scheme="BIOES")
LEGAL = [
    tags
    for tags in itertools.product(TAGS, repeat=3)
    if all(
        (b[0] in "IE") == (a[0] in "BI") for a, b in zip(("O", *tags), (*tags, "O"))
    )
]  # fmt: skip


@pytest.mark.parametrize("kind", ["chain", "tokens"])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_tags_of_spans_are_legal_sequences(kind, temperature):
    unary, transition = scores_of(3, len(TAGS)), scores_of(len(TAGS), len(TAGS), seed=2)
    if kind == "tokens":
        transition *= 0
        belief = TokenBelief(IndependentLabels(), TAGS, unary)
    else:
        for i, j in itertools.product(range(len(TAGS)), repeat=2):
            if (TAGS[j][0] in "IE") != (TAGS[i][0] in "BI"):
                transition[i, j] = IMPOSSIBLE
        unary[0, [i for i, tag in enumerate(TAGS) if tag[0] in "IE"]] = IMPOSSIBLE
        unary[-1, [i for i, tag in enumerate(TAGS) if tag[0] in "BI"]] = IMPOSSIBLE
        belief = ChainBelief(LinearChain(), TAGS, unary, transition)
    expected = {}
    for tags in LEGAL:
        ids = [TAGS.index(tag) for tag in tags]
        score = sum(unary[i, tag] for i, tag in enumerate(ids))
        score += sum(transition[a, b] for a, b in zip(ids, ids[1:]))
        expected[tags] = numpy.exp(score / temperature)
    assert len(expected) == 13
    check(lambda rng: tuple(belief.draw_labels(rng=rng, temperature=temperature)), expected)
    spans = {tuple(decode_spans(tags)): p for tags, p in expected.items()}
    check(lambda rng: tuple(belief.draw_spans(rng=rng, temperature=temperature)), spans)


def test_flat_segments():
    scores = scores_of(3, 2, 2)
    belief = SegmentBelief(FlatSegments(max_width=2), ("X", "Y"), scores)
    cells = [(i, i + w + 1, y) for i in range(3) for w in range(2) for y in range(2) if i + w < 3]
    expected = {}
    for count in range(4):
        for spans in itertools.combinations(cells, count):
            if all(a[1] <= b[0] for a, b in zip(spans, spans[1:])):
                score = sum(scores[i, j - i - 1, y] for i, j, y in spans)
                named = tuple((i, j, belief.labels[y]) for i, j, y in spans)
                expected[named] = numpy.exp(score / 1.5)
    check(lambda rng: tuple(belief.draw_spans(rng=rng, temperature=1.5)), expected)


@pytest.mark.parametrize("one_label", [True, False])
def test_spans_that_may_overlap(one_label):
    """Drawn for `doc.spans` as they are, for entities given that none overlap."""
    scores = scores_of(2, 2, 2)
    structure = IndependentSpans(max_width=2, one_label=one_label)
    belief = SegmentBelief(structure, ("X", "Y"), scores)
    cells = [(0, 1, 0), (0, 1, 1), (0, 2, 0), (0, 2, 1), (1, 2, 0), (1, 2, 1)]
    expected, flat = {}, {}
    for chosen in itertools.product((False, True), repeat=len(cells)):
        spans = [cell for cell, is_in in zip(cells, chosen) if is_in]
        edges = [span[:2] for span in spans]
        if one_label and len(edges) > len(set(edges)):
            continue
        named = tuple((i, j, belief.labels[y]) for i, j, y in spans)
        expected[named] = numpy.exp(sum(scores[i, j - i - 1, y] for i, j, y in spans) / 1.5)
        if sum(j - i for i, j in edges) == len({t for i, j in edges for t in range(i, j)}):
            flat[named] = expected[named]
    assert len(flat) < len(expected) == (27 if one_label else 64)
    check(lambda rng: tuple(sorted(belief.draw_spans(rng=rng, temperature=1.5))), expected)
    given = belief.without_overlap()
    check(lambda rng: tuple(sorted(given.draw_spans(rng=rng, temperature=1.5))), flat)


def test_sets_of_spans_come_by_their_weights():
    sets = SpanCandidates.of_sets(("X",), 3, [[(0, 2, "X"), (1, 2, "X")], []])
    belief = SpanCandidates(sets.labels, 3, sets.cells, numpy.asarray([3.0, 1.0]))
    expected = {((0, 2, "X"), (1, 2, "X")): 0.75, (): 0.25}
    check(lambda rng: tuple(belief.draw_spans(rng=rng)), expected)


def trees_of(structure, *, pairs, label_scores, labels=("ROOT", "a", "b"), seed=3):
    """Of a doc of two sentences, of 1 and 3 tokens."""
    arcs = (scores_of(1, 2, seed=seed), scores_of(3, 4, seed=seed + 1))
    units = numpy.asarray([[0, 1], [1, 4]], dtype="int32")
    return TreeBelief(structure, labels, units, arcs, numpy.asarray(pairs, "int32"), label_scores)


ALL_PAIRS = [(0, -1), *((d, h) for d in (1, 2, 3) for h in (-1, 1, 2, 3) if d != h)]


@pytest.mark.parametrize("structure", [HeadSelection(), SpanningTrees(single_root=True)])
@pytest.mark.parametrize(("temperature", "projective"), [(1.0, False), (2.0, False), (2.0, True)])
def test_heads_are_single_rooted_trees_of_the_sentences(structure, temperature, projective):
    belief = trees_of(structure, pairs=ALL_PAIRS, label_scores=scores_of(len(ALL_PAIRS), 3))
    expected = {}
    for heads in filter(lambda found: forms_tree(found, single_root=True), all_heads(3)):
        score = sum(belief.arcs[1][d, h] for d, h in enumerate(heads))
        key = (0, *(d + 1 if h == 0 else h for d, h in enumerate(heads)))
        if not (projective and crossing(heads)):
            expected[key] = numpy.exp(score / temperature)
    assert len(expected) == (7 if projective else 9)
    settings = {"temperature": temperature, "projective": projective}
    check(lambda rng: tuple(belief.draw_trees(rng=rng, **settings).heads.tolist()), expected)


def test_deprels_are_drawn_given_their_arcs():
    label_scores = scores_of(len(ALL_PAIRS), 3)
    belief = trees_of(SpanningTrees(), pairs=ALL_PAIRS, label_scores=label_scores)
    rng = numpy.random.default_rng(0)
    found = Counter()
    for _ in range(DRAWS):
        drawn = belief.draw_trees(rng=rng, temperature=2.0)
        found.update(
            (d, -1 if h == d else h, deprel)
            for d, (h, deprel) in enumerate(zip(drawn.heads.tolist(), drawn.deprels))
        )
    for pair, scores in zip(ALL_PAIRS, label_scores):
        counts = numpy.asarray([found[(*pair, label)] for label in belief.labels])
        expected = numpy.exp(scores / 2) / numpy.exp(scores / 2).sum()
        spread = 4 * (expected * (1 - expected) / counts.sum()) ** 0.5
        assert (abs(counts / counts.sum() - expected) < spread).all()


def test_arcs_whose_deprels_were_not_scored():
    """Token 1 takes those of its likeliest scored arc that is not from ROOT, token 2 has none."""
    pairs = [(0, -1), (1, 2), (1, 3), (1, -1), (2, -1), (3, 1)]
    certain = numpy.full((len(pairs), 3), -50.0, dtype="float32")
    certain[[0, 1, 2, 3, 4, 5], [0, 1, 2, 0, 0, 1]] = 0
    belief = trees_of(SpanningTrees(), pairs=pairs, label_scores=certain)
    arc = numpy.zeros((3, 4), dtype="float32")
    arc[0, 2], arc[0, 3] = -2, -1  # of the scored arcs, that from token 3 is likelier
    belief = TreeBelief(
        belief.structure, belief.labels, belief.units, (belief.arcs[0], arc), belief.pairs, certain
    )
    rng = numpy.random.default_rng(0)
    seen = set()
    for _ in range(300):
        drawn = belief.draw_trees(rng=rng)
        seen.update((d, int(h), x) for d, (h, x) in enumerate(zip(drawn.heads, drawn.deprels)))
    assert seen == {
        (0, 0, "ROOT"),
        (1, 1, "ROOT"), (1, 2, "a"), (1, 3, "b"),
        (2, 2, "ROOT"), (2, 1, "dep"), (2, 3, "dep"),
        (3, 3, "ROOT"), (3, 1, "a"), (3, 2, "a"),
    }  # fmt: skip
    arc = numpy.zeros((4, 5), dtype="float32")
    arc[0, 2:4] = -2, -1  # of the scored arcs of token 0, that from token 2 is likelier
    pairs = numpy.asarray([(0, 2), (0, 1), (0, -1)], dtype="int32")
    units = numpy.asarray([[0, 4]], dtype="int32")
    scores = numpy.where(numpy.eye(3), 0, -50.0).astype("float32")[[1, 2, 0]]
    belief = TreeBelief(SpanningTrees(), belief.labels, units, (arc,), pairs, scores)
    drawn = [belief.draw_trees(rng=rng) for _ in range(100)]
    by_head = {(int(found.heads[0]), found.deprels[0]) for found in drawn}
    assert by_head == {(0, "ROOT"), (1, "b"), (2, "a"), (3, "a")}
    only_root = trees_of(SpanningTrees(), pairs=[(0, -1)], label_scores=certain[:1])
    assert only_root.draw_trees(rng=rng).deprels[0] == "ROOT"


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_tags_of_heads_are_drawn_given_that_they_form_a_tree(temperature):
    tags = ("0:r", "1:a", "1:b", "-1:a", "-1:c", "2:a")
    units = numpy.array([[0, 2]], "int32")
    belief = HeadLabelBelief(IndependentLabels(), tags, units, scores_of(2, len(tags)))
    expected = {}
    for one, two in itertools.product(range(len(tags)), repeat=2):
        offsets = [int(tags[tag].partition(":")[0]) for tag in (one, two)]
        if offsets in ([0, -1], [1, 0]):
            heads = tuple(i + o for i, o in enumerate(offsets))
            deprels = tuple(tags[tag].partition(":")[2] for tag in (one, two))
            total = (belief.scores[0, one] + belief.scores[1, two]) / temperature
            expected[heads, deprels] = numpy.exp(total)

    def draw(rng):
        drawn = belief.draw_trees(rng=rng, temperature=temperature)
        return tuple(drawn.heads.tolist()), tuple(drawn.deprels)

    check(draw, expected)


def test_tags_of_which_no_tree_can_be_made():
    """The arcs that have none are drawn then."""
    units = numpy.array([[0, 3]], "int32")
    belief = HeadLabelBelief(IndependentLabels(), ("1:a", "9:b"), units, scores_of(3, 2))
    for seed in range(5):
        drawn = belief.draw_trees(rng=numpy.random.default_rng(seed))
        heads = [0 if h == i else h + 1 for i, h in enumerate(drawn.heads.tolist())]
        assert forms_tree(tuple(heads), single_root=True)
        assert drawn.heads[:2].tolist() == [1, 2]
        assert drawn.deprels[:2] == ["a", "a"]


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_candidates_come_by_their_weights(temperature):
    rows = numpy.asarray([[0, 1], [1, 1], [2, 0]], dtype="int32")
    weights = numpy.asarray([0.5, 0.0, 0.1])
    belief = LabelCandidates(("A", "B", "C"), rows, weights)
    powers = weights ** (1 / temperature)
    expected = {("A", "B"): powers[0], ("B", "B"): 0.0, ("C", "A"): powers[2]}
    check(lambda rng: tuple(belief.draw_labels(rng=rng, temperature=temperature)), expected)


def test_candidates_of_each_sentence_on_their_own():
    units = numpy.asarray([[0, 2], [2, 4]], dtype="int32")
    heads = numpy.asarray([[-1, 0, -1, 2], [1, -1, 3, -1], [-1, 0, 1, 2]], dtype="int32")
    deprels = numpy.asarray([[0, 1, 0, 1], [1, 0, -1, 0], [0, 1, 1, 1]], dtype="int32")
    weights = numpy.asarray([[0.7, 0.3, 0.0], [0.2, 0.6, 0.2]])
    belief = TreeCandidates(("ROOT", "a"), units, heads, deprels, weights)
    first = {((0, "ROOT"), (0, "a")): 0.7, ((1, "a"), (1, "ROOT")): 0.3}
    # The third candidate has an arc across the border.
    second = {((2, "ROOT"), (2, "a")): 0.2, ((3, "dep"), (3, "ROOT")): 0.6}
    expected = {a + b: p * q for a, p in first.items() for b, q in second.items()}

    def draw(rng):
        drawn = belief.draw_trees(rng=rng)
        return tuple(zip(drawn.heads.tolist(), drawn.deprels))

    check(draw, expected)


def test_docs_without_tokens():
    rng = numpy.random.default_rng(0)
    none = numpy.zeros((0, 2), dtype="int32")
    empty = numpy.zeros((0, 2), dtype="float32")
    for belief in (
        TokenBelief(IndependentLabels(), ("A", "B"), empty),
        ChainBelief(LinearChain(), ("O", "B-X"), empty, scores_of(2, 2)),
        LabelCandidates(("A",), numpy.zeros((1, 0), "int32"), numpy.ones(1)),
    ):
        assert belief.draw_labels(rng=rng) == []
    trees = TreeBelief(SpanningTrees(), ("ROOT", "a"), none, (), none, empty)
    listed = TreeCandidates(
        ("a",), none, *numpy.zeros((2, 1, 0), "int32"), numpy.zeros((0, 1))
    )  # fmt: skip
    for belief in (trees, listed):
        drawn = belief.draw_trees(rng=rng)
        assert (drawn.heads.tolist(), drawn.deprels) == ([], [])
