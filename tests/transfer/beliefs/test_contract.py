"""The contract of every kind of belief: stored and back, best guesses, draws, words, and what it
teaches which student."""

import json
from dataclasses import replace

import numpy
import pytest
import srsly
from thinc.api import get_current_ops

from spacy_skd.codecs.bioes import are_span_tags, legality, span_tags
from spacy_skd.codecs.head_labels import HeadLabels
from spacy_skd.codecs.labels import match_labels
from spacy_skd.codecs.lemma_options import LemmaLabels
from spacy_skd.codecs.words import Words
from spacy_skd.structures import (
    FlatSegments,
    HeadSelection,
    IndependentLabels,
    IndependentSpans,
    LabelSets,
    LinearChain,
    Parts,
    SpanningTrees,
)
from spacy_skd.transfer.beliefs import (
    ChainBelief,
    DocBelief,
    DocCandidates,
    Form,
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
from spacy_skd.transfer.beliefs.base import CATEGORIES
from spacy_skd.transfer.beliefs.each_word import words_of_spans
from spacy_skd.transfer.beliefs.form import KINDS
from spacy_skd.transfer.students import (
    HeadTagStudent,
    LemmaStudent,
    SegmentStudent,
    SpanSetStudent,
    Student,
    TagStudent,
)
from spacy_skd.transfer.target import STRUCTURAL

TAGS = span_tags(["A", "B"], scheme="BIOES")
HEAD_TAGS = ("-1:a", "0:r", "1:a", "1:b")
DEPRELS = ("a", "b", "r")


def units_of(n):
    """Sentences of at most 3 words."""
    starts = numpy.arange(0, n, 3)
    return numpy.stack([starts, numpy.minimum(starts + 3, n)], axis=1).astype("int32")


def scores(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def tokens(rng, n):
    return TokenBelief(IndependentLabels(), ("X", "Y", "Z"), scores(rng, n, 3))


def tags(rng, n):
    """Tags of spans, each on its own."""
    return TokenBelief(IndependentLabels(), TAGS, scores(rng, n, len(TAGS)))


def chain(rng, n):
    rules = legality(TAGS)
    unary = scores(rng, n, len(TAGS))
    if n:
        unary[0] += rules.start
        unary[-1] += rules.end
    return ChainBelief(LinearChain(), TAGS, unary, scores(rng, len(TAGS), len(TAGS)) * 0.0
                       + rules.transition)  # fmt: skip


def segments(rng, n):
    return SegmentBelief(FlatSegments(max_width=2), ("A", "B"), scores(rng, n, 2, 2))


def spans(rng, n):
    """Which may overlap."""
    return SegmentBelief(IndependentSpans(max_width=2), ("A", "B"), scores(rng, n, 2, 2))


def trees(rng, n):
    units = units_of(n)
    arcs = tuple(scores(rng, b - a, b - a + 1) for a, b in units.tolist())
    pairs = [
        (d, h) for a, b in units.tolist() for d in range(a, b) for h in (-1, *range(a, b)) if h != d
    ]
    pairs = numpy.asarray(pairs, "int32").reshape(-1, 2)
    return TreeBelief(SpanningTrees(), DEPRELS, units, arcs, pairs, scores(rng, len(pairs), 3))


def head_tags(rng, n):
    return HeadLabelBelief(IndependentLabels(), HEAD_TAGS, units_of(n), scores(rng, n, 4))


def listed_labels(rng, n):
    return LabelCandidates(("X", "Y"), rng.integers(0, 2, (3, n)).astype("int32"), rng.random(3))


def lemmas(rng, n):
    """Each word is as it is, or not, or, but for the first, nothing is said of it."""
    said = [{f"w{i}": rng.normal(), "w": 0.0} if i < 4 else {} for i in range(n)]
    return LemmaBelief.listed(("lower *", "form *"), [f"W{i}" for i in range(n)], said)


def listed_tags(rng, n):
    """The second has spans of one word."""
    rows = numpy.zeros((2, n), "int32")
    rows[1, ::2] = TAGS.index("S-B")
    return LabelCandidates(TAGS, rows, numpy.asarray([0.25, 0.75]))


def listed_spans(rng, n):
    """A span of each word, or one of all of them."""
    words = [(i, i + 1, "B") for i in range(n)]
    sets = SpanCandidates.of_sets(("A", "B"), n, [words, [(0, n, "A")] if n else []])
    return SpanCandidates(sets.labels, n, sets.cells, numpy.asarray([0.25, 0.75]))


def listed_trees(rng, n):
    """All words on the first of their sentence, or each on the one before."""
    units = units_of(n)
    first = numpy.repeat(units[:, 0], units[:, 1] - units[:, 0])
    own = numpy.arange(n)
    heads = numpy.stack(
        [numpy.where(own == first, -1, first), numpy.where(own == first, -1, own - 1)]
    )
    deprels = numpy.where(heads < 0, DEPRELS.index("r"), 0)
    weights = rng.random((len(units), 2)) + 0.1
    return TreeCandidates(DEPRELS, units, heads.astype("int32"), deprels.astype("int32"), weights)


def docs(rng, n):
    return DocBelief(IndependentLabels(), ("X", "Y", "Z"), scores(rng, 3), n)


def doc_sets(rng, n):
    return DocBelief(LabelSets(), ("X", "Y", "Z"), scores(rng, 3), n)


def listed_docs(rng, n):
    """One label, none, several."""
    sets = numpy.asarray([[1, 0], [0, 0], [1, 1]], dtype=bool)
    return DocCandidates(("X", "Y"), sets, rng.random(3), n)


def mixture(rng, n):
    return Mixture((tokens(rng, n), listed_labels(rng, n)), (0.25, 0.75))


def mixed_docs(rng, n):
    return Mixture((docs(rng, n), doc_sets(rng, n), listed_docs(rng, n)), (1.0, 1.0, 2.0))


def mixed_trees(rng, n):
    return Mixture((trees(rng, n), listed_trees(rng, n)), (2.0, 1.0))


DOCS = (docs, doc_sets, listed_docs)
MAKERS = (tokens, tags, chain, segments, spans, trees, head_tags, listed_labels, listed_tags,
          listed_spans, listed_trees, lemmas, *DOCS)  # fmt: skip
MIXED = (mixture, mixed_trees, mixed_docs)
OF_SPANS = (tags, chain, segments, spans, listed_tags, listed_spans)
one_teacher = pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
each = pytest.mark.parametrize("make", MAKERS + MIXED, ids=lambda make: make.__name__)
lengths = pytest.mark.parametrize("n", [0, 1, 5])


@pytest.fixture
def rng():
    return numpy.random.default_rng(0)


def arrays_of(belief):
    values = [*vars(belief).values(), *getattr(belief, "arcs", ())]
    return [value for value in values if isinstance(value, numpy.ndarray)]


def test_every_registered_kind_is_here(rng):
    assert {type(make(rng, 1)) for make in MAKERS} == set(KINDS.values())
    assert all(kind.kind == name for name, kind in KINDS.items())


@one_teacher
@lengths
def test_stored_and_back(make, n, rng):
    """Once rounded, twice the same; the form through JSON, as in a manifest."""
    belief = make(rng, n)
    form = Form.from_json(json.loads(json.dumps(belief.form.to_json())))
    assert (form.kind, form.structure, form.labels) == (
        type(belief).kind, belief.form.structure, belief.labels)  # fmt: skip
    packed = belief.pack(least=0.0)
    back = form.unpack(srsly.msgpack_loads(srsly.msgpack_dumps(packed), use_list=False))
    assert type(back) is type(belief)
    assert back.n_tokens == belief.n_tokens == n
    assert back.labels == belief.labels
    again = form.unpack(back.pack(least=0.0))
    for a, b in zip(arrays_of(back), arrays_of(again)):
        numpy.testing.assert_allclose(a, b, atol=1e-3)
    with pytest.raises(ValueError, match=f"belief of {form.kind} is damaged"):
        form.unpack({})


@each
@lengths
def test_words_of_a_doc_without_whitespace_are_its_tokens(make, n, rng):
    belief = make(rng, n)
    same = belief.of_words(Words(n))
    for a, b in zip(arrays_of(belief), arrays_of(same)):
        assert (a == b).all()
    assert belief.n_tokens == n
    assert belief.nbytes > 0 or not n


@each
def test_whitespace_is_no_word(make, rng):
    """The last token of 5; the candidates' trees and spans do not lean on it."""
    words = Words(5, numpy.array([0, 0, 0, 0, 1]))
    belief = make(rng, 5).of_words(words)
    assert belief.n_tokens == 4
    assert belief.best(k=1).n_tokens == 4


@each
@pytest.mark.parametrize("k", [1, 3])
@lengths
def test_the_best_are_candidates_of_equal_weight(make, k, n, rng):
    belief = make(rng, n)
    best = belief.best(k=k)
    assert best.n_tokens == n
    assert len(best.members) == len(belief.members)
    for guess, member in zip(best.members, belief.members):
        kinds = [TreeCandidates] if member.of_trees else [LabelCandidates, SpanCandidates]
        assert type(guess) in ([DocCandidates] if member.annotates == CATEGORIES else kinds)
        assert set(guess.weights.ravel().tolist()) <= {0.0, 1.0}
        first = guess.best(k=1)
        for a, b in zip(arrays_of(first), arrays_of(member.best(k=1))):
            assert (a == b).all()


@each
@lengths
def test_draws_are_of_what_it_is_of(make, n, rng):
    belief = make(rng, n)
    if belief.members[0].of_trees:
        drawn = belief.draw_trees(rng=rng, temperature=2.0)
        assert len(drawn.heads) == len(drawn.deprels) == n
        for method in (belief.draw_labels, belief.draw_spans):
            with pytest.raises(ValueError, match="expected .*, got trees"):
                method(rng=rng)
        return
    if make in (*DOCS, mixed_docs):
        drawn = belief.draw_categories(rng=rng, temperature=2.0)
        assert set(drawn) <= set(belief.labels)
        assert set(drawn.values()) <= {0.0, 1.0}
        for method in (belief.draw_labels, belief.draw_spans, belief.draw_trees):
            with pytest.raises(ValueError, match="expected .*, got categories of docs"):
                method(rng=rng)
        return
    with pytest.raises(ValueError, match="expected categories of docs, got"):
        belief.draw_categories(rng=rng)
    with pytest.raises(ValueError, match="expected trees, got labels of tokens"):
        belief.draw_trees(rng=rng)
    if belief.labels == ("A", "B"):
        with pytest.raises(ValueError, match="expected labels of tokens, got .*spans"):
            belief.draw_labels(rng=rng)
    else:
        known = belief.best(k=1).labels if make is lemmas else belief.labels
        assert set(belief.draw_labels(rng=rng)) <= set(known)
    if make is lemmas:
        return
    if belief.labels == ("A", "B") or are_span_tags(belief.labels):
        assert all(0 <= a < b <= n for a, b, _ in belief.draw_spans(rng=rng, temperature=2.0))


@each
def test_the_form_says_what_is_annotated(make, rng):
    belief = make(rng, 2)
    if len(belief.members) > 1:
        with pytest.raises(ValueError, match="expected the belief of one teacher"):
            _ = belief.form
        return
    assert belief.form.of_trees == (belief.sentences() is not None)
    assert belief.form.of_spans == (make in OF_SPANS)


def settings(labels, structure):
    def match(teacher):
        return match_labels(teacher=teacher, student=labels, what="test")

    return {"name": "pipe", "teacher": lambda: "theirs", "labels": labels, "structure": structure,
            "objective": STRUCTURAL, "match": match, "ops": get_current_ops()}  # fmt: skip


STUDENTS = {
    "tokens": Student(**settings(("Y", "X"), IndependentLabels())),
    "tags": TagStudent(**settings(("B", "A"), LinearChain()), scheme="BIO"),
    "free tags": TagStudent(**settings(("A", "B"), IndependentLabels()), scheme="BIOES"),
    "segments": SegmentStudent(
        **settings(("A",), FlatSegments(max_width=4)), scheme="BIOES", drop_wide=True
    ),
    "spans": SpanSetStudent(
        **settings(("A",), IndependentSpans(max_width=4)), scheme="BIOES", drop_wide=True
    ),
}
TAUGHT = {
    "tokens": (tokens, listed_labels, mixture),
    **dict.fromkeys(("tags", "free tags", "segments", "spans"), OF_SPANS),
}


@each
@pytest.mark.parametrize("whom", STUDENTS)
def test_it_teaches_students_of_tokens_and_spans_or_says_why_not(make, whom, rng):
    beliefs, student = [make(rng, 3), make(rng, 2)], STUDENTS[whom]
    kind = type(beliefs[0])
    of = kind.target_of_tokens if whom == "tokens" else kind.target_of_spans
    if make in (tags, listed_tags) and whom == "tokens":
        return  # tags are labels, too
    if make not in TAUGHT[whom]:
        with pytest.raises(ValueError, match="pipe: expected a teacher of .* component 'theirs' "
                           "annotates .*; set student_to_teacher"):  # fmt: skip
            of(beliefs, student)
        return
    target = of(beliefs, student)
    assert set(target.marginals.arrays) == set(student.structure.parts)
    assert len(target.lost) == (5 if whom == "tokens" else 2)
    rows = next(iter(target.marginals.arrays.values()))
    assert rows.min() >= 0
    if whom not in ("segments", "spans"):
        numpy.testing.assert_allclose(rows.sum(axis=-1)[target.marginals.mask], 1.0, atol=1e-5)


@each
def test_it_teaches_students_of_lemmas_or_says_why_not(make, rng):
    beliefs = [make(rng, 3), make(rng, 2)]
    forms = ["W0", "W1", "W2", "W0", "W1"]
    options = LemmaLabels(("lower *", "form *", "lower * 1/")).of_words(forms)
    student = LemmaStudent(**settings(("lower *",), IndependentLabels()), options=options)
    if make is listed_labels:
        beliefs = [LabelCandidates(("w0", "x"), numpy.asarray([[0, 1]]), numpy.ones(1))] * 2
        options = LemmaLabels(("lower *",)).of_words(["W0", "W1"] * 2)
        target = LabelCandidates.target_of_lemmas(beliefs, replace(student, options=options))
        assert target.empty.tolist() == [False, True] * 2
        assert target.marginals.arrays["unary"].tolist() == [[[1]], [[0]]] * 2
        return
    if make not in (lemmas, listed_tags):
        with pytest.raises(ValueError, match="expected a teacher of lemmas"):
            type(beliefs[-1]).target_of_lemmas(beliefs, student)
        return
    target = type(beliefs[0]).target_of_lemmas(beliefs, student)
    rows = target.marginals.arrays["unary"]
    assert rows.shape == (5, 1, options.n_slots)
    if make is lemmas:
        assert beliefs[0].spelled() == tuple(forms[:3])
        numpy.testing.assert_allclose(rows.sum(axis=-1), 1.0, atol=1e-6)
        assert (target.lost > 0).tolist() == [True, False, True, True, False]


@each
def test_it_teaches_students_of_head_tags_and_of_trees_or_says_why_not(make, rng):
    beliefs = [make(rng, 3), make(rng, 2)]
    base = settings(HEAD_TAGS, IndependentLabels())
    student = HeadTagStudent(**base, tags=HeadLabels(HEAD_TAGS))
    parser = Student(**settings(DEPRELS, HeadSelection()))
    member = beliefs[0].members[0]
    if not member.of_trees:
        with pytest.raises(ValueError, match="expected a teacher of dependency trees"):
            type(beliefs[0]).target_of_head_tags(beliefs, student)
        with pytest.raises(ValueError, match="expected a teacher of dependency trees"):
            type(member).tree_teachers([member], numpy.array([0]), parser)
        return
    target = type(beliefs[0]).target_of_head_tags(beliefs, student)
    assert target.marginals.arrays["unary"].shape == (5, 1, 4)
    teacher, *_ = type(beliefs[0]).tree_teachers(beliefs, numpy.array([0, 3]), parser)
    assert [units.tolist() for units in teacher.units] == [[[0, 3]], [[0, 2]]]
    assert set(teacher.pairs[:, 0].tolist()) == set(range(5))
    assert teacher.label_scores(HeadSelection(), 1.0).shape == (len(teacher.pairs), 3)


@each
@pytest.mark.parametrize("structure", [IndependentLabels(), LabelSets()])
def test_it_teaches_students_of_docs_or_says_why_not(make, structure, rng):
    """One that lacks a label of the teacher, and has one that the teacher lacks."""
    beliefs, student = [make(rng, 3), make(rng, 2)], Student(**settings(("Y", "N", "X"), structure))
    if make not in (*DOCS, mixed_docs):
        with pytest.raises(ValueError, match="pipe: expected a teacher of categories of docs, but"):
            type(beliefs[0]).target_of_docs(beliefs, student)
        return
    target = type(beliefs[0]).target_of_docs(beliefs, student)
    rows = target.marginals.arrays["unary"]
    assert rows.shape == ((2, 1, 3) if structure == IndependentLabels() else (6, 1, 2))
    known = numpy.ones(len(rows), bool) if target.empty is None else ~target.empty
    numpy.testing.assert_allclose(rows[known].sum(axis=-1), 1.0, atol=1e-5)
    if structure == IndependentLabels():
        assert rows[:, 0, 1].tolist() == [0.0, 0.0]
        assert (target.lost > 0).all()
    else:
        assert known.tolist() == [True, False, True] * 2
        assert target.lost == pytest.approx(0)


def test_several_teachers_mix_their_targets(rng):
    student = STUDENTS["tokens"]
    found = Mixture.target_of_tokens([mixture(rng, 3)], student)
    rng = numpy.random.default_rng(0)
    belief = mixture(rng, 3)
    alone = [type(member).target_of_tokens([member], student) for member in belief.members]
    expected = sum(
        share * target.marginals.arrays["unary"] for share, target in zip(belief.weights, alone)
    )
    numpy.testing.assert_allclose(found.marginals.arrays["unary"], expected, atol=1e-6)


def test_a_components_own_belief_is_of_its_kind(rng):
    belief = tokens(rng, 2)
    assert TokenBelief.of(belief) is belief
    with pytest.raises(ValueError, match="expected a TreeBelief, got a TokenBelief"):
        TreeBelief.of(belief)


# What it says of each word


def mean_of_structures(structure, parts, name):
    """The marginals of a part, by enumeration."""
    totals, found = structure.k_best(parts, k=2000)
    p = numpy.exp(totals[0] - totals[0].max()) * numpy.isfinite(totals[0])
    return sum(w * each.arrays[name][0] for w, each in zip(p / p.sum(), found))


@each
@lengths
def test_each_word_has_as_many_columns_in_every_doc(make, n, rng):
    rows = make(rng, n).of_each_word()
    assert rows.dtype == numpy.float32
    assert rows.shape == (n, make(rng, 2).of_each_word().shape[1])
    assert ((rows >= 0) & (rows <= 1 + 1e-5)).all() or make is spans


@lengths
@each
def test_likeliest_heads_are_of_trees_alone_and_stay_in_their_sentences(make, n, rng):
    belief = make(rng, n)
    heads = belief.likeliest_heads()
    assert (heads is not None) == (make in (trees, head_tags, listed_trees))
    if heads is not None:
        assert heads.shape == (n,)
        starts = numpy.repeat(belief.units[:, 0], belief.units[:, 1] - belief.units[:, 0])
        ends = numpy.repeat(belief.units[:, 1], belief.units[:, 1] - belief.units[:, 0])
        inside = (heads >= starts) & (heads < ends) & (heads != numpy.arange(n))
        assert (inside | (heads == -1)).all()


def test_the_likeliest_head_of_a_word_is_the_best_of_its_arcs(rng):
    belief = trees(rng, 5)
    for (start, end), arc in zip(belief.units.tolist(), belief.arcs):
        scores = arc.copy()
        scores[numpy.arange(end - start), numpy.arange(1, end - start + 1)] = -numpy.inf
        best = scores.argmax(axis=1)
        expected = numpy.where(best == 0, -1, best - 1 + start)
        assert belief.likeliest_heads()[start:end].tolist() == expected.tolist()


@pytest.mark.parametrize("make", [tokens, tags, chain])
def test_labels_of_each_word_are_marginals_over_all_labellings(make, rng):
    belief = make(rng, 3)
    expected = mean_of_structures(*belief.distribution(), "unary")
    numpy.testing.assert_allclose(belief.of_each_word(), expected, atol=1e-5)


@pytest.mark.parametrize("make", [segments, spans])
def test_spans_of_each_word_are_those_that_cover_it(make, rng):
    belief = make(rng, 3)
    of_spans = mean_of_structures(belief.structure, belief._scores(), "span")
    expected = numpy.zeros((3, len(belief.labels)))
    for start, width, label in numpy.argwhere(of_spans > 0).tolist():
        if start + width < 3:
            expected[start : start + width + 1, label] += of_spans[start, width, label]
    numpy.testing.assert_allclose(belief.of_each_word(), expected, atol=1e-5)


def test_no_word_is_covered_less_than_not_at_all(rng):
    """Where spans end, sums of their probabilities leave what is below 0 but for rounding."""
    for _ in range(10):
        belief = segments(rng, 20)
        assert words_of_spans(belief.structure, 30 * belief._scores().arrays["span"][0]).min() >= 0


def test_heads_and_deprels_of_each_word_are_of_all_trees(rng):
    belief = trees(rng, 3)
    scores = Parts({"arc": belief.arcs[0][None]}, numpy.asarray([3]))
    arc = mean_of_structures(belief.structure, scores, "arc")
    rows = belief.of_each_word()
    for word in range(3):
        directions = [arc[word, 0], arc[word, 1 : word + 1].sum(), arc[word, word + 2 :].sum()]
        assert rows[word, :3].tolist() == pytest.approx(directions, abs=1e-5)
        deprels = sum(
            arc[word, head + 1] * numpy.exp(row) / numpy.exp(row).sum()
            for (dependent, head), row in zip(belief.pairs.tolist(), belief.label_scores)
            if dependent == word
        )
        assert rows[word, 3:].tolist() == pytest.approx(deprels.tolist(), abs=1e-5)


# How uncertain it is


def shannon(p):
    p = numpy.asarray(p)[numpy.asarray(p) > 0]
    p = p / p.sum()
    return float(-(p * numpy.log(p)).sum())


def of_all_structures(structure, parts):
    totals, _ = structure.k_best(parts, k=2000)
    return sum(shannon(numpy.exp(row[numpy.isfinite(row)] - row.max())) for row in totals)


@pytest.mark.parametrize(
    ("make", "enumerated"),
    [
        (tokens, lambda belief: of_all_structures(*belief.distribution())),
        (tags, lambda belief: of_all_structures(*belief.distribution())),
        (chain, lambda belief: of_all_structures(*belief.distribution())),
        (segments, lambda belief: of_all_structures(belief.structure, belief._scores())),
        (spans, lambda belief: of_all_structures(belief.structure, belief._scores())),
        (docs, lambda belief: of_all_structures(belief.structure, belief._parts())),
        (doc_sets, lambda belief: of_all_structures(belief.structure, belief._parts())),
    ],
)
def test_entropy_is_that_of_all_structures(make, enumerated, rng):
    belief = make(rng, 3)
    assert belief.entropy() == pytest.approx(enumerated(belief), abs=1e-4)


def test_entropy_of_trees_is_that_of_heads_and_deprels(rng):
    """Over all trees of a sentence of three words, each with its deprels."""
    belief = trees(rng, 3)
    scores = Parts({"arc": belief.arcs[0][None]}, numpy.asarray([3]))
    totals, found = belief.structure.k_best(scores, k=50)
    p = numpy.exp(totals[0] - totals[0].max())
    p /= p.sum()
    expected = shannon(p)
    labels = numpy.exp(belief.label_scores)
    of_pair = {tuple(pair): shannon(row) for pair, row in zip(belief.pairs.tolist(), labels)}
    for chance, parts in zip(p, found):
        for word, head in numpy.argwhere(parts.arrays["arc"][0]).tolist():
            expected += chance * of_pair[word, head - 1]
    assert belief.entropy() == pytest.approx(expected, abs=1e-4)
    assert head_tags(rng, 3).entropy() > 0


def test_entropy_of_candidates_is_that_of_what_they_say(rng):
    """Two that say the same are one."""
    listed = LabelCandidates(("X", "Y"), numpy.array([[0, 1], [0, 1], [1, 1]]), numpy.ones(3))
    assert listed.entropy() == pytest.approx(shannon([2, 1]))
    assert listed_spans(rng, 3).entropy() == pytest.approx(shannon([1, 3]))
    both = listed_trees(rng, 6)  # in each sentence the third word hangs on the first or second
    assert both.entropy() == pytest.approx(sum(shannon(row) for row in both.weights))
    assert listed_docs(numpy.random.default_rng(0), 3).entropy() == pytest.approx(
        shannon(numpy.random.default_rng(0).random(3))
    )
    said = LemmaBelief.listed((), ["a", "b"], [{"x": 0.0, "y": 0.0}, {}])
    assert said.entropy() == pytest.approx(numpy.log(2))
    with pytest.raises(ValueError, match="those of several"):
        mixture(rng, 3).entropy()


@one_teacher
def test_entropy_of_a_doc_without_words_is_a_number(make, rng):
    assert make(rng, 0).entropy() >= 0
