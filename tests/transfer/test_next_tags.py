"""What a teacher says of the next tag: enumeration of all sequences that begin so."""

import itertools

import numpy
import pytest
from oracle import parse_tags
from thinc.api import NumpyOps

from spacy_skd.codecs.bioes import legality, span_tags
from spacy_skd.codecs.labels import match_labels
from spacy_skd.structures import FlatSegments, IndependentLabels, IndependentSpans, LinearChain
from spacy_skd.transfer.beliefs import (
    ChainBelief,
    LabelCandidates,
    Mixture,
    Pooled,
    SegmentBelief,
    SpanCandidates,
    TokenBelief,
    TreeBelief,
)
from spacy_skd.transfer.next_tags import open_labels, student_tags
from spacy_skd.transfer.students import TagStudent
from spacy_skd.transfer.target import STRUCTURAL

N = 3
LABELS = ("B", "C", "A")  # the student's; the teacher's are A and B
TAGS = student_tags(LABELS)
SEQUENCES = [
    (rows, parse_tags(tuple(TAGS[i] for i in rows), "BIOES"))
    for rows in itertools.product(range(len(TAGS)), repeat=N)
]
LEGAL = [(rows, spans) for rows, spans in SEQUENCES if spans is not None]


def student(labels=LABELS):
    return TagStudent(
        name="ner",
        teacher=lambda: "teacher",
        labels=labels,
        structure=LinearChain(),
        objective=STRUCTURAL,
        match=lambda teacher: match_labels(teacher=teacher, student=labels, what="ner"),
        ops=NumpyOps(),
        scheme="BIOES",
    )


def tags_of(spans, scheme):
    tags = ["O"] * N
    for start, end, label in spans:
        tags[start:end] = [f"I-{label}"] * (end - start)
        tags[start] = f"B-{label}"
        if scheme == "BIOES":
            tags[end - 1] = f"E-{label}" if end - start > 1 else f"S-{label}"
    return tags


def of_tags(belief, transition, scheme):
    """The weight of some spans, by the scores of their tags."""

    def weigh(spans):
        tags = tags_of(spans, scheme)
        if any(tag not in belief.labels for tag in tags):
            return 0.0
        rows = [belief.labels.index(tag) for tag in tags]
        total = belief.scores[range(N), rows].sum() + transition[rows[:-1], rows[1:]].sum()
        return float(numpy.exp(total))

    return weigh


def tokens(rng):
    tags = span_tags(["A", "B"], scheme="BIOES")
    belief = TokenBelief(IndependentLabels(), tags, rng.normal(size=(N, len(tags))) * 2)
    return belief, of_tags(belief, numpy.zeros((len(tags),) * 2), "BIOES")


def chain(rng, scheme="BIOES"):
    tags = span_tags(["A", "B"], scheme=scheme)
    rules, free = legality(tags), rng.normal(size=(len(tags), len(tags)))
    unary = rng.normal(size=(N, len(tags))) * 2
    unary[0] += rules.start
    unary[-1] += rules.end
    belief = ChainBelief(LinearChain(), tags, unary, free + rules.transition)
    return belief, of_tags(belief, free, scheme)


def bio_chain(rng):
    return chain(rng, "BIO")


def segments(rng, structure=FlatSegments):
    span = rng.normal(size=(N, 2, 2)) * 2
    belief = SegmentBelief(structure(max_width=2), ("A", "B"), span)

    def weigh(spans):
        if any(label == "C" or end - start > 2 for start, end, label in spans):
            return 0.0
        cells = [(start, end - start - 1, "AB".index(label)) for start, end, label in spans]
        return float(numpy.exp(sum(span[cell] for cell in cells)))

    return belief, weigh


def independent(rng):
    return segments(rng, IndependentSpans)


SETS = ([], [(0, 2, "A")], [(0, 3, "A")], [(0, 2, "A"), (2, 3, "B")])
WEIGHTS = numpy.asarray([1.0, 2.0, 3.0, 0.5])


def by_set(spans):
    return next((float(w) for each, w in zip(SETS, WEIGHTS) if each == spans), 0.0)


def listed_tags(rng):
    tags = span_tags(["A", "B"], scheme="BIO")
    rows = [[tags.index(tag) for tag in tags_of(each, "BIO")] for each in SETS]
    return LabelCandidates(tags, numpy.asarray(rows), WEIGHTS), by_set


def listed_spans(rng):
    """One that overlaps, too, which says nothing here."""
    sets = SpanCandidates.of_sets(("A", "B"), N, [*SETS, [(0, 2, "A"), (1, 2, "B")]])
    return SpanCandidates(("A", "B"), N, sets.cells, numpy.append(WEIGHTS, 9.0)), by_set


def total(weigh):
    return sum(weigh(spans) for _, spans in LEGAL)


def mixture(rng):
    members, shares = (chain(rng), segments(rng), listed_tags(rng)), (0.2, 0.5, 0.3)
    belief = Mixture(tuple(member for member, _ in members), shares)

    def weigh(spans):
        return sum(share * by(spans) / sums[by] for (_, by), share in zip(members, shares))

    sums = {by: total(by) for _, by in members}
    return belief, weigh


def pooled(rng):
    (a, of_a), (b, of_b) = chain(rng), segments(rng)
    sums = {by: total(by) for by in (of_a, of_b)}
    belief = Pooled(N, (a, None, b), (1.0, 3.0, 2.0))
    return belief, lambda spans: of_a(spans) / sums[of_a] + 2 * of_b(spans) / sums[of_b]


MAKERS = (tokens, chain, bio_chain, segments, independent, listed_tags, listed_spans, mixture,
          pooled)  # fmt: skip
each = pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)


def next_tags(belief, of=None):
    (found,) = type(belief).next_tags([belief], of or student())
    return found


def after(belief, prefix):
    at = next_tags(belief)
    for tag in prefix:
        at.chances()
        at.follow(tag)
    return at


@each
def test_chances_are_those_of_all_sequences_that_begin_so(make):
    belief, weigh = make(numpy.random.default_rng(0))
    weights = {rows: weigh(spans) for rows, spans in LEGAL}
    prefixes = {rows[:i] for rows, weight in weights.items() if weight > 0 for i in range(N)}
    assert len(prefixes) > 5
    for prefix in prefixes:
        expected = numpy.zeros(len(TAGS))
        for rows, weight in weights.items():
            if rows[: len(prefix)] == prefix:
                expected[rows[len(prefix)]] += weight
        found = after(belief, prefix).chances()
        numpy.testing.assert_allclose(found, expected / expected.sum(), atol=1e-5)


@each
def test_whatever_a_student_does_it_is_told_what_goes_on_from_there(make):
    """Chances sum to 1 and begin nothing within an open span, or there are none."""
    belief, _ = make(numpy.random.default_rng(1))
    opened, rng = open_labels(TAGS), numpy.random.default_rng(2)
    told = 0
    for _ in range(60):
        at, state = next_tags(belief), -1
        for _ in range(N):
            chances = at.chances()
            told += chances.sum() > 0
            assert chances.sum() == pytest.approx(1) or not chances.any()
            names = {TAGS[i][0] for i in chances.nonzero()[0].tolist()}
            assert names <= (set("IE") if state >= 0 else set("OBS"))
            allowed = [i for i, tag in enumerate(TAGS) if (tag[0] in "IE") == (state >= 0)
                       and (state < 0 or tag[2:] == TAGS[state][2:])]  # fmt: skip
            tag = int(rng.choice(allowed))
            at.follow(tag)
            state = tag if opened[tag] >= 0 else -1
    assert told > 100


def test_the_chain_says_the_same_in_a_batch_of_other_lengths():
    rng = numpy.random.default_rng(3)
    long, _ = chain(rng)
    short = ChainBelief(long.structure, long.labels, long.scores[1:].copy(), long.transition)
    short.scores[0] += legality(long.labels).start
    both = ChainBelief.next_tags([short, long], student())
    for belief, found in zip((short, long), both):
        numpy.testing.assert_allclose(found.chances(), next_tags(belief).chances(), atol=1e-12)


def test_what_nobody_knows_counts_nothing():
    nobody = next_tags(Pooled(N, (None, None), (1.0, 2.0)))
    assert nobody.counts == 0
    assert not nobody.chances().any()
    rng = numpy.random.default_rng(0)
    assert next_tags(Pooled(N, (None, chain(rng)[0]), (1.0, 2.0))).counts == 2.0
    certain = LabelCandidates(("O", "S-A"), numpy.ones((1, N), dtype="int64"), numpy.ones(1))
    assert not next_tags(certain, student(("A",))).counts == 0
    assert next_tags(LabelCandidates(("O", "S-A", "S-B"), numpy.full((1, N), 2), numpy.ones(1)),
                     student(("A",))).counts == 0  # fmt: skip


def test_other_annotation_is_refused_by_name():
    plain = TokenBelief(IndependentLabels(), ("X", "Y"), numpy.zeros((N, 2), "float32"))
    for belief in (plain, LabelCandidates(("X",), numpy.zeros((1, N), "int64"), numpy.ones(1))):
        with pytest.raises(ValueError, match="ner: expected a teacher of spans"):
            next_tags(belief)
    with pytest.raises(ValueError, match="ner: expected a teacher of spans"):
        TreeBelief.next_tags([], student())
