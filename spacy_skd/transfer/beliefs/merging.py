"""One belief for what several teachers believe: of an ensemble whose store is that of one teacher.

The ensemble is a student of its members. Its target is that of any student of theirs, converted by
the table and mixed; what is stored are the scores whose marginals are that target. Where parts are
independent they are its logs, and the belief is the mixture. Of chains, trees and flat spans it is,
among the beliefs of its kind, that which is nearest to the mixture (`structures/fitting`), so that
a student of the same parts is taught what it would be taught by all: at temperature 1, since at
another T, and of the k best, they are those of this belief.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy
from thinc.api import NumpyOps

from ...arrays import Floats1d, Floats2d, Floats3d, FloatsXd, Ints1d, Ints2d
from ...codecs.bioes import labels_of_tags, legality, span_tags
from ...codecs.head_labels import head_labels
from ...codecs.labels import match_labels
from ...codecs.trees import find_pairs
from ...codecs.units import Bucket, batch_spans, make_buckets, split_by_lengths
from ...structures import (
    IMPOSSIBLE,
    ArcStructure,
    IndependentLabels,
    LinearChain,
    Parts,
    SpanStructure,
    Structure,
    fit,
    tie,
)
from ...structures.fitting import TINY
from ...structures.parts import POSSIBLE_ABOVE, softmax
from ..expect import tempered_weights
from ..posterior import Target, in_double, mix
from ..students import HeadTagStudent, SegmentStudent, Student, TagStudent
from ..target import STRUCTURAL
from .base import LABEL_FLOOR, Belief
from .tree_teacher import TreeTeacher, best_heads

if TYPE_CHECKING:
    from .mixture import Mixture

OPS = NumpyOps()


def merge(mixtures: "Sequence[Mixture]") -> list[Belief]:
    """Return one belief for each of some docs, of the kind of the first teacher's.

    mixtures (Sequence[Mixture]): of docs of at least one word, all of the same teachers.
    RAISES (ValueError): see `Belief.merged`.
    """
    return type(mixtures[0].beliefs[0]).merged(mixtures)


def as_student(labels: tuple[str, ...], structure: Structure) -> Student:
    """Return the ensemble, as a student of its members."""
    return Student(
        name="ensemble",
        teacher=lambda: "one of the ensemble",
        labels=labels,
        structure=structure,
        objective=STRUCTURAL,
        match=lambda teacher: match_labels(teacher=teacher, student=labels, what="ensemble"),
        ops=OPS,
    )


def places_of(labels: Sequence[str], *, among: Sequence[str]) -> Ints1d:
    """Return (labels,) the place of each, -1 for none."""
    index = {label: i for i, label in enumerate(among)}
    return numpy.asarray([index.get(label, -1) for label in labels], dtype="int64")


def logs(chances: FloatsXd) -> FloatsXd:
    """Return scores of probabilities, float32; what has none is `IMPOSSIBLE`."""
    possible = chances > TINY
    values = numpy.log(numpy.where(possible, chances, 1.0))
    scores: FloatsXd = numpy.where(possible, values, IMPOSSIBLE).astype("float32")
    return scores


def shared_weights(weights: Sequence[Floats2d], shares: Sequence[float]) -> Floats2d:
    """Return (U, K of all) weights of the candidates of several teachers. weights: (U, K) of each.
    shares: of the teachers."""
    own = [tempered_weights(w, temperature=1.0) * s for w, s in zip(weights, shares)]
    joined: Floats2d = numpy.concatenate(own, axis=1) / sum(shares)
    return joined


# Independent parts


def merge_tokens(mixtures: "Sequence[Mixture]") -> list[Floats2d]:
    """Return (words, labels) scores of each doc."""
    student = as_student(mixtures[0].labels, IndependentLabels())
    return _rows_of(mixtures, type(mixtures[0]).target_of_tokens(mixtures, student))


def merge_head_tags(mixtures: "Sequence[Mixture]") -> list[Floats2d]:
    """Return (words, tags) scores of each doc. RAISES (ValueError): see `check_sentences`."""
    check_sentences(mixtures)
    labels = mixtures[0].labels
    plain = as_student(labels, IndependentLabels())
    student = HeadTagStudent(**vars(plain), tags=head_labels(labels))
    return _rows_of(mixtures, type(mixtures[0]).target_of_head_tags(mixtures, student))


def _rows_of(mixtures: "Sequence[Mixture]", target: Target) -> list[Floats2d]:
    rows = logs(target.marginals.arrays["unary"][:, 0])
    return split_by_lengths(rows, [mixture.n_tokens for mixture in mixtures])


def merge_docs(mixtures: "Sequence[Mixture]", structure: IndependentLabels) -> list[Floats1d]:
    """Return (labels,) scores of each doc."""
    student = as_student(mixtures[0].labels, structure)
    unary = type(mixtures[0]).target_of_docs(mixtures, student).marginals.arrays["unary"]
    rows = logs(unary).reshape(len(mixtures), -1, unary.shape[2])
    lengths = numpy.full(len(rows), rows.shape[1])
    return list(structure.label_scores(Parts({"unary": rows}, lengths)))


# Spans


def merge_tags(
    mixtures: "Sequence[Mixture]", scheme: str, *, pairs: bool = False
) -> tuple[tuple[str, ...], list[Floats2d], Floats2d]:
    """Return the tags of all teachers' labels, (words, tags) scores of each doc, and (tags, tags)
    those of pairs, of legal ones 0 or, if `pairs`, the mean of the teachers'."""
    tags = span_tags(labels_of_tags(mixtures[0].labels), scheme=scheme)
    rules = legality(tags)
    transition: Floats2d = numpy.zeros((len(tags), len(tags)))
    if pairs:
        transition = _mean_pairs(mixtures[0], tags)
    plain = as_student(labels_of_tags(tags), LinearChain())
    student = TagStudent(**vars(plain), scheme=scheme)
    target = in_double(type(mixtures[0]).target_of_spans(mixtures, student).marginals)
    unary = numpy.log(numpy.maximum(target.arrays["unary"], TINY))
    start = Parts({"unary": unary, "transition": tie(transition, len(unary))}, target.lengths)
    start = rules.add_to(start)
    fitted, _ = fit(LinearChain(), target, start, free="unary")
    table = numpy.maximum(transition + rules.transition, IMPOSSIBLE).astype("float32")
    return tags, _docs_of(fitted, "unary"), table


def _mean_pairs(mixture: "Mixture", tags: tuple[str, ...]) -> Floats2d:
    """(tags, tags) mean of the scores of pairs that teachers have, the same for all docs."""
    total, weights = numpy.zeros((2, len(tags), len(tags)))
    for belief, weight in zip(mixture.beliefs, mixture.weights):
        table = belief.form.transition
        if table is not None:
            own = places_of(tags, among=belief.labels)
            known = (own >= 0)[:, None] & (own >= 0)
            values = table[numpy.ix_(numpy.maximum(own, 0), numpy.maximum(own, 0))]
            known &= values > POSSIBLE_ABOVE
            total += numpy.where(known, weight * values, 0.0)
            weights += weight * known
    mean: Floats2d = total / numpy.where(weights > 0, weights, 1.0)
    return mean


def merge_segments(mixtures: "Sequence[Mixture]", structure: SpanStructure) -> list[Floats3d]:
    """Return (words, max_width, labels) scores of each doc."""
    plain = as_student(mixtures[0].labels, structure)
    student = SegmentStudent(**vars(plain), scheme="BIOES", drop_wide=True)
    target = in_double(type(mixtures[0]).target_of_spans(mixtures, student).marginals)
    start = Parts(structure.odds(target), target.lengths)
    fitted, _ = fit(structure, target, start, free="span")
    return _docs_of(fitted, "span")


def _docs_of(fitted: Parts, name: str) -> list[Any]:
    rows = fitted.arrays[name].astype("float32")
    return [row[:n].copy() for row, n in zip(rows, fitted.lengths.tolist())]


# Trees


def check_sentences(mixtures: "Sequence[Mixture]") -> None:
    """Raise ValueError if teachers have cut a doc into other sentences."""
    for mixture in mixtures:
        found = [belief.sentences() for belief in mixture.beliefs]
        starts = [None if units is None else units.tolist() for units in found]
        if None in starts or any(each != starts[0] for each in starts):
            raise ValueError(
                f"expected the same sentences of all teachers, got {starts}; "
                f"give their parsers the same max_length"
            )


MergedTrees = tuple[tuple[Floats2d, ...], Ints2d, Floats2d]


def merge_trees(
    mixtures: "Sequence[Mixture]", structure: ArcStructure, labels: tuple[str, ...]
) -> list[MergedTrees]:
    """Return of each doc the scores of heads of its sentences, the arcs whose deprels are scored,
    and these scores, as of `TreeBelief`. RAISES (ValueError): see `check_sentences`."""
    check_sentences(mixtures)
    lengths = [mixture.n_tokens for mixture in mixtures]
    offsets = numpy.cumsum([0, *lengths])
    teachers = type(mixtures[0]).tree_teachers(mixtures, offsets, as_student(labels, structure))
    spans = batch_spans([units.astype("int64") for units in teachers[0].units], lengths)
    pairs = numpy.unique(numpy.concatenate([teacher.pairs for teacher in teachers]), axis=0)
    arcs: list[Floats2d] = [numpy.zeros((0, 1), "float32")] * len(spans)
    masses = numpy.zeros((len(teachers), len(pairs)))
    for bucket in make_buckets(spans):
        fitted = _fit_arcs(bucket, teachers, structure, pairs, masses)
        for unit, arc in zip(bucket.units.tolist(), _docs_of(fitted, "arc")):
            arcs[unit] = arc[:, : len(arc) + 1]
    deprels, mass = _deprels(teachers, structure, pairs, masses, len(labels))
    docs, ends = [], numpy.cumsum([len(units) for units in teachers[0].units]).tolist()
    for units, n, first, end in zip(teachers[0].units, lengths, offsets.tolist(), ends):
        own = tuple(arcs[end - len(units) : end])
        heads = best_heads(units, own, structure.decoder, 1)[0][0]
        here = (pairs[:, 0] >= first) & (pairs[:, 0] < first + n) & (mass > 0)
        local = numpy.where(pairs[here] < 0, pairs[here], pairs[here] - first)
        kept = _likely(local, mass[here], heads)
        docs.append((own, local[kept].astype("int32"), deprels[here][kept]))
    return docs


def _fit_arcs(
    bucket: Bucket,
    teachers: Sequence[TreeTeacher],
    structure: ArcStructure,
    pairs: Ints2d,
    masses: Floats2d,
) -> Parts:
    """Return scores of heads (B, N, N + 1). masses: (teachers, P), the probability of each arc by
    each, times its weight; those of the bucket's are set."""
    targets = [teacher.arcs(bucket, structure, STRUCTURAL, ops=OPS) for teacher in teachers]
    index, places = bucket.locate(pairs)
    unit, token, head = places.T
    for row, teacher, target in zip(masses, teachers, targets):
        row[index] = teacher.weight * target.marginals.arrays["arc"][unit, token, head]
    mixed = in_double(mix(targets, [teacher.weight for teacher in teachers]).marginals)
    start = Parts(structure.odds(mixed), mixed.lengths)
    return fit(structure, mixed, start, free="arc")[0]


def _deprels(
    teachers: Sequence[TreeTeacher],
    structure: ArcStructure,
    pairs: Ints2d,
    masses: Floats2d,
    n_labels: int,
) -> tuple[Floats2d, Floats1d]:
    """Return (P, deprels) scores given the arc, of the teachers that scored it; (P,) the arcs'
    probabilities by all, 0 where no teacher scored the deprel."""
    chances, scored = numpy.zeros((len(pairs), n_labels)), numpy.zeros(len(pairs))
    for teacher, mass in zip(teachers, masses):
        which = find_pairs(pairs, among=teacher.pairs)
        rows = numpy.flatnonzero((which >= 0) & (mass > 0))
        own = teacher.match.gather(teacher.label_scores(structure, 1.0)[which[rows]])
        told = own.max(axis=1, initial=IMPOSSIBLE) > POSSIBLE_ABOVE  # see `ListedTrees`
        rows, own = rows[told], own[told]
        chances[rows] += mass[rows, None] * softmax(own)[1]
        scored[rows] += mass[rows]
    shares = chances / numpy.where(scored > 0, scored, 1.0)[:, None]
    total = sum(teacher.weight for teacher in teachers)
    return logs(shares), masses.sum(axis=0) / total * (scored > 0)


def _likely(pairs: Ints2d, mass: Floats1d, heads: Ints1d) -> Ints1d:
    """Return which arcs have deprels that are kept: those of at least `LABEL_FLOOR`, the likeliest
    of each word, and those of the best tree. heads: (words,) of that."""
    order = numpy.lexsort((-mass, pairs[:, 0]))
    first = order[numpy.unique(pairs[order, 0], return_index=True)[1]]
    kept = (mass >= LABEL_FLOOR) | (heads[pairs[:, 0]] == pairs[:, 1])
    kept[first] = True
    return numpy.flatnonzero(kept)
