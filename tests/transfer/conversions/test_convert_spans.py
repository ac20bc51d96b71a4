"""Conversions between all families of labelled spans (tags of tokens, chains of tags, segments):
the enumerated expectation of the student's indicators under the teacher, given what it can
express."""

import itertools
import runpy
from functools import partial
from pathlib import Path

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.codecs.bioes import legality, match_tags, span_tags
from spacy_skd.codecs.labels import match_labels
from spacy_skd.codecs.spans import SpanMatch
from spacy_skd.structures import (
    FlatSegments,
    IndependentLabels,
    IndependentSpans,
    LinearChain,
    Parts,
)
from spacy_skd.structures.parts import IMPOSSIBLE
from spacy_skd.transfer import Posterior, convert
from spacy_skd.transfer.conversions.table import CONVERSIONS

DOCS = Path(__file__).parents[3] / "docs"
TABLES = runpy.run_path(str(DOCS / "conversions.py"))
FAMILIES = {
    "tokens-BIO": (IndependentLabels, "BIO"),
    "tokens-BIOES": (IndependentLabels, "BIOES"),
    "chain-BIO": (LinearChain, "BIO"),
    "chain-BIOES": (LinearChain, "BIOES"),
    "segments": (FlatSegments, ""),
    "one-label": (IndependentSpans, ""),
    "yes-no": (IndependentSpans, ""),
}
PAIRS = list(itertools.product(FAMILIES, repeat=2))
TO_BIO = str.maketrans({"S": "B", "E": "I"})
KINDS = {kind for kind, _ in FAMILIES.values()}
INVENTORIES = [("AB", "BA"), ("AB", "B"), ("A", "AB"), ("AB", "CB"), ("A", "A")]


class Side:
    """A teacher or a student: its structure, labels, tags and, as a teacher, random scores."""

    def __init__(self, family, labels, width):
        kind, scheme = FAMILIES[family]
        self.labels = tuple(labels)
        self.flat = kind is not IndependentSpans
        self.one_label = family != "yes-no"
        self.segments = kind is FlatSegments or not self.flat
        self.scheme = scheme
        self.width = width if self.segments else 99
        self.structure = kind(max_width=width) if self.segments else kind()
        if not self.flat:
            self.structure = IndependentSpans(width, one_label=self.one_label)
        self.tags = () if self.segments else span_tags(labels, scheme=scheme)
        self.is_chain = kind is LinearChain
        self.reads_as_bio = False

    def scores(self, rng, n, *, scale=2.0):
        if self.segments:
            span = rng.normal(-0.5, scale, size=(1, n, self.width, len(self.labels)))
            return Parts({"span": span}, numpy.array([n]))
        arrays = {"unary": rng.normal(size=(1, n, len(self.tags))) * scale}
        if self.is_chain:
            arrays["transition"] = rng.normal(size=(1, len(self.tags), len(self.tags)))
        parts = Parts(arrays, numpy.array([n]))
        return legality(self.tags).add_to(parts) if self.is_chain else parts

    def outputs(self, scores):
        """(spans, or None for an illegal sequence; score) of every structure of a teacher."""
        if self.segments:
            yield from self._segmentations(scores.arrays["span"][0])
            return
        unary = scores.arrays["unary"][0]
        table = scores.arrays["transition"][0] if self.is_chain else None
        for y in itertools.product(range(len(self.tags)), repeat=len(unary)):
            score = sum(unary[i, c] for i, c in enumerate(y))
            if table is not None:
                score += sum(table[a, b] for a, b in zip(y, y[1:]))
            if score > oracle.GONE / 2:
                yield self._parse(self.tags[c] for c in y), score

    def _parse(self, tags):
        tags, scheme = tuple(tags), self.scheme
        if self.reads_as_bio:
            tags, scheme = tuple(t[0].translate(TO_BIO) + t[1:] for t in tags), "BIO"
        return oracle.parse_tags(tags, scheme)

    def _segmentations(self, span):
        n, width, n_labels = span.shape
        sets = oracle.segmentations
        if not self.flat:
            sets = partial(oracle.span_sets, one_label=self.one_label)
        for y in sets(n, width * n_labels, width=width):
            cells = [(i, *divmod(c, n_labels)) for i, c in numpy.argwhere(y)]
            score = sum(span[cell] for cell in cells)
            if score > oracle.GONE / 2:
                yield [(i, i + w + 1, self.labels[c]) for i, w, c in cells], score

    def can_express(self, spans):
        if spans is None or not all(
            label in self.labels and end - start <= self.width for start, end, label in spans
        ):
            return False
        covered = [i for start, end, _ in spans for i in range(start, end)]
        edges = [span[:2] for span in spans]
        whole = covered if self.flat else edges if self.one_label else ()
        return len(whole) == len(set(whole))

    def indicators(self, spans, n):
        """As a student: of its parts."""
        if self.segments:
            span = numpy.zeros((n, self.width, len(self.labels)))
            for start, end, label in spans:
                span[start, end - start - 1, self.labels.index(label)] = 1
            return {"span": span}
        tags = ["O"] * n
        for start, end, label in spans:
            tags[start:end] = [f"I-{label}"] * (end - start)
            tags[start] = f"B-{label}"
            if self.scheme == "BIOES":
                tags[end - 1] = f"E-{label}" if end - start > 1 else f"S-{label}"
        ids = [self.tags.index(tag) for tag in tags]
        found = {"unary": numpy.eye(len(self.tags))[ids]}
        if self.is_chain:
            found["transition"] = numpy.zeros((len(self.tags),) * 2)
            for a, b in zip(ids, ids[1:]):
                found["transition"][a, b] += 1
        return found


def match_of(teacher, student, **settings):
    labels = match_labels(teacher=teacher.labels, student=student.labels, what="test")
    if teacher.segments and student.segments:
        return labels
    if teacher.segments or student.segments:
        return SpanMatch(labels, student.labels, teacher.tags or student.tags, **settings)
    return match_tags(teacher=teacher.tags, student=student.tags)


def cells(teacher, n):
    """How many choices of such a teacher there are; all combinations are enumerated."""
    return sum(min(teacher.width, n - i) for i in range(n)) * len(teacher.labels)


def converted(teacher, student, scores, *, temperature=1.0, **settings):
    return convert(
        Posterior(teacher.structure, scores),
        student.structure,
        match=match_of(teacher, student, **settings),
        rules=legality(student.tags) if student.tags else None,
        temperature=temperature,
    )


def expected(teacher, student, scores, *, drop_wide=False):
    """RETURNS: the expectation of the student's indicators, and the mass that is lost; with
    `drop_wide`, spans too wide for the student are left out of the teacher's structures."""
    n = int(scores.lengths[0])
    kept, gone = [], []
    for spans, score in teacher.outputs(scores):
        known = spans is not None and all(label in student.labels for _, _, label in spans)
        if drop_wide and known:
            spans = [(a, b, label) for a, b, label in spans if b - a <= student.width]
        (kept if student.can_express(spans) else gone).append((spans, score))
    log_kept = numpy.logaddexp.reduce([score for _, score in kept])
    total = {}
    for spans, score in kept:
        for name, array in student.indicators(spans, n).items():
            total[name] = total.get(name, 0.0) + array * numpy.exp(score - log_kept)
    log_all = numpy.logaddexp.reduce([log_kept, *(score for _, score in gone)])
    return total, 1 - numpy.exp(log_kept - log_all)


def test_every_pair_of_families_has_a_conversion():
    assert {(a, b) for a in KINDS for b in KINDS} <= set(CONVERSIONS)
    for teacher, student in CONVERSIONS:
        assert f"| {teacher.__name__} | {student.__name__} |" in TABLES["markdown_table"]()
    page = (DOCS / "conversions.md").read_text(encoding="utf8")
    assert TABLES["markdown_table"]() in page, "write it anew (CONTRIBUTING.md)"
    assert {c.verb for c in CONVERSIONS.values()} <= {"lift", "project", "lift or project"}


def test_the_matrix_of_the_teachers_page_is_the_table():
    page, matrix = (DOCS / "teacher.md").read_text(encoding="utf8"), TABLES["markdown_matrix"]()
    assert f"<!-- matrix -->\n{matrix}<!-- end -->" in page
    verbs = [c.verb for c in CONVERSIONS.values()]
    cells = [cell.strip() for cell in matrix.split("|")]
    assert all(cells.count(verb) == verbs.count(verb) for verb in set(verbs))


@pytest.mark.parametrize("pair", PAIRS, ids="->".join)
@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(1, 4),
    inventory=st.sampled_from(INVENTORIES),
    widths=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    temperature=st.sampled_from([0.7, 1.0, 3.0]),
)
def test_every_pair_is_the_enumerated_expectation(pair, seed, n, inventory, widths, temperature):
    teacher, student = (Side(*args) for args in zip(pair, inventory, widths))
    # Independent BIOES tags are read as the BIO tags that they are part of, token by token.
    teacher.reads_as_bio = pair[0] == "tokens-BIOES" and student.scheme == "BIO"
    n = min(n, 3) if len(teacher.tags) > 5 else n
    while not teacher.flat and cells(teacher, n) > 9:
        n -= 1
    drop_wide = teacher.is_chain and student.segments
    scores = teacher.scores(numpy.random.default_rng(seed), n)
    settings = {"drop_wide": True} if drop_wide else {}
    found = converted(teacher, student, scores, temperature=temperature, **settings)
    want, lost = expected(teacher, student, scores * (1 / temperature), drop_wide=drop_wide)
    assert found.marginals.arrays.keys() == want.keys()
    for name, array in want.items():
        numpy.testing.assert_allclose(found.marginals.arrays[name][0], array, atol=1e-6)
    assert found.empty is None
    if not drop_wide or n <= student.width:
        assert found.lost[0] == pytest.approx(lost, abs=1e-6)


@pytest.mark.parametrize("pair", PAIRS, ids="->".join)
def test_a_unit_is_converted_alike_in_any_batch(pair):
    """Of other lengths, in any order, in float32, and empty units too."""
    rng = numpy.random.default_rng(0)
    teacher, student = (Side(family, "AB", 3) for family in pair)
    units = [teacher.scores(rng, n) for n in (3, 1, 5, 2)]
    table = units[0].arrays.get("transition")
    if table is not None:  # one table for all, as a teacher has
        units = [Parts({**u.arrays, "transition": table}, u.lengths) for u in units]
    arrays = {name: numpy.full((4, 5, *a.shape[2:]), 7.0) for name, a in units[0].arrays.items()}
    if table is not None:
        arrays["transition"] = numpy.repeat(table, len(units), axis=0)
    for i, unit in enumerate(units):  # padding means nothing
        for name, array in unit.arrays.items():
            arrays[name][i, : array.shape[1]] = array[0]
    batch = Parts(arrays, numpy.concatenate([unit.lengths for unit in units]))
    settings = {"drop_wide": True} if student.segments and teacher.is_chain else {}
    found = converted(teacher, student, batch, **settings)
    for i, unit in enumerate(units):
        n = int(unit.lengths[0])
        alone = converted(teacher, student, unit, **settings)
        for name, array in alone.marginals.arrays.items():
            mine = found.marginals.arrays[name][i]
            if name != "transition":
                assert not mine[n:].any()
                mine = mine[:n]
            numpy.testing.assert_allclose(mine, array[0], atol=1e-9)
        assert found.lost[i] == pytest.approx(alone.lost[0], abs=1e-9)
    single = Parts({k: v.astype("float32") for k, v in batch.arrays.items()}, batch.lengths)
    again = converted(teacher, student, single, **settings).marginals
    for name, array in again.arrays.items():
        assert array.dtype == numpy.float32
        numpy.testing.assert_allclose(array, found.marginals.arrays[name], atol=1e-5)


def test_spans_wider_than_the_student_has_are_refused_or_dropped():
    teacher, student = Side("chain-BIOES", "A", 0), Side("segments", "A", 2)
    scores = teacher.scores(numpy.random.default_rng(0), 5)
    with pytest.raises(ValueError, match=r"up to 5 tokens .* max_width = 2.*drop_wide = true"):
        converted(teacher, student, scores)
    found = converted(teacher, student, scores, drop_wide=True)
    wide = sum(
        numpy.exp(score - teacher.structure.infer(scores)[0][0])
        for spans, score in teacher.outputs(scores)
        if any(end - start > 2 for start, end, _ in spans)
    )
    assert wide > 0.01
    assert found.lost[0] == pytest.approx(wide, abs=1e-6)  # five tokens hold one such span
    short = teacher.scores(numpy.random.default_rng(0), 2)
    assert converted(teacher, student, short).lost[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("family", ["tokens-BIO", "tokens-BIOES"])
def test_a_token_that_cannot_be_outside_is_covered(family):
    """O has probability 0: the spans that cover it share all the mass."""
    teacher, student = Side(family, "AB", 0), Side("segments", "BA", 3)
    scores = teacher.scores(numpy.random.default_rng(3), 3)
    scores.arrays["unary"][0, 1, 0] = IMPOSSIBLE
    found = converted(teacher, student, scores)
    want, lost = expected(teacher, student, scores)
    numpy.testing.assert_allclose(found.marginals.arrays["span"][0], want["span"], atol=1e-6)
    assert found.lost[0] == pytest.approx(lost, abs=1e-6)


CERTAIN = [(0, 3, "A"), (4, 5, "B")]


def certain(side, n=5):
    """The scores of a teacher that holds one structure possible."""
    arrays = side.indicators(CERTAIN, n)
    scores = {name: numpy.where(array > 0, 0.0, IMPOSSIBLE)[None] for name, array in arrays.items()}
    if side.segments:
        # "Not a span" scores 0, so a certain span is as far above it as an impossible one is below.
        span = numpy.where(arrays["span"] > 0, -IMPOSSIBLE, IMPOSSIBLE)
        return Parts({"span": span[None]}, numpy.array([n]))
    if side.is_chain:
        scores["transition"] = numpy.zeros_like(scores["transition"])
    return Parts(scores, numpy.array([n]))


@pytest.mark.parametrize("pair", PAIRS, ids="->".join)
@pytest.mark.parametrize("temperature", [1.0, 5.0])
def test_a_certain_teacher_is_copied(pair, temperature):
    teacher, student = (Side(pair[0], "AB", 4), Side(pair[1], "BA", 3))
    settings = {"drop_wide": True} if teacher.is_chain and student.segments else {}
    found = converted(teacher, student, certain(teacher), temperature=temperature, **settings)
    for name, array in student.indicators(CERTAIN, 5).items():
        numpy.testing.assert_allclose(found.marginals.arrays[name][0], array, atol=1e-9)
    assert found.lost[0] == pytest.approx(0, abs=1e-9)
    assert found.empty is None


@pytest.mark.parametrize("pair", PAIRS, ids="->".join)
@pytest.mark.parametrize("temperature", [1.0, 5.0])
def test_a_certain_teacher_of_a_label_that_the_student_lacks_has_no_support(pair, temperature):
    teacher, student = (Side(pair[0], "AB", 4), Side(pair[1], "BC", 3))
    settings = {"drop_wide": True} if teacher.is_chain and student.segments else {}
    found = converted(teacher, student, certain(teacher), temperature=temperature, **settings)
    assert found.empty.tolist() == [True]
    assert found.lost.tolist() == [1.0]
    assert all(numpy.isfinite(array).all() for array in found.marginals.arrays.values())


@pytest.mark.parametrize("family", ["tokens-BIO", "tokens-BIOES", "segments", "one-label"])
def test_a_certain_teacher_of_a_span_too_wide_has_no_support(family):
    teacher, student = Side(family, "AB", 4), Side("segments", "AB", 2)
    found = converted(teacher, student, certain(teacher))
    assert found.empty.tolist() == [True]


@pytest.mark.parametrize("pair", PAIRS, ids="->".join)
def test_units_without_tokens(pair):
    teacher, student = (Side(family, "AB", 3) for family in pair)
    scores = teacher.scores(numpy.random.default_rng(0), 3)
    none = Parts(scores.arrays, numpy.array([0]))
    found = converted(teacher, student, none)
    assert all(not array.any() for array in found.marginals.arrays.values())


@pytest.mark.parametrize("pair", PAIRS, ids="->".join)
def test_scores_that_are_nan_are_refused(pair):
    teacher, student = (Side(family, "AB", 3) for family in pair)
    scores = teacher.scores(numpy.random.default_rng(0), 3)
    next(iter(scores.arrays.values()))[0, 1] = numpy.nan
    with pytest.raises(ValueError, match="nan"):
        converted(teacher, student, scores)


def test_matches_of_another_kind_are_refused():
    tags, spans = Side("chain-BIO", "A", 0), Side("segments", "A", 2)
    rng = numpy.random.default_rng(0)
    for teacher, student, other in ((tags, spans, tags), (spans, tags, tags), (spans, spans, tags)):
        with pytest.raises(ValueError, match="expected a"):
            convert(
                Posterior(teacher.structure, teacher.scores(rng, 2)),
                student.structure,
                match=match_of(other, other),
            )
    with pytest.raises(ValueError, match="expected a LabelMatch"):
        convert(
            Posterior(spans.structure, spans.scores(rng, 2)),
            spans.structure,
            match=match_of(tags, spans),
        )
