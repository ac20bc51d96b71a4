"""A training step of the parser: which units, which gold, which teacher, which arcs get labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from spacy.attrs import DEP, HEAD
from spacy.training import Example

from ..arrays import Array, Floats1d, Floats2d, Ints1d, Ints2d
from ..codecs.heads import ROOT_HEAD, UNKNOWN_HEAD, Heads, joined
from ..codecs.trees import decode_trees, in_batch, locate_pairs
from ..codecs.units import make_buckets
from ..models.words import words_of
from ..structures import Parts, Structure
from ..transfer.beliefs import ParseBelief, TreeBelief
from ..transfer.students import Student
from ..transfer.tree_teachers import TreeTeacher


@dataclass(frozen=True, eq=False)
class TreePlan:
    """What one batch is trained on; all rows are rows of the batch's concatenated words.

    spans (Ints2d): (U, 2) rows of the units.
    heads (Ints1d): (T,) gold head row, `ROOT_HEAD` or `UNKNOWN_HEAD`.
    pairs (Ints2d): (P, 2) dependent and head row of the arcs whose deprel is scored.
    gold_labels (Ints1d): (P,) gold deprel of a pair, -1 where it is not the gold arc.
    teachers (list[TreeTeacher]): with their weights; none for training on gold alone.
    """

    spans: Ints2d
    heads: Ints1d
    pairs: Ints2d
    gold_labels: Ints1d
    teachers: list[TreeTeacher]
    weights: tuple[float, ...]

    def gold_indicators(self, n_labels: int) -> Floats2d:
        """RETURNS (Floats2d): (P, deprels) 0/1, all 0 for a pair that is no gold arc."""
        indicators = numpy.zeros((len(self.pairs), n_labels), dtype="float32")
        known = numpy.nonzero(self.gold_labels >= 0)[0]
        indicators[known, self.gold_labels[known]] = 1.0
        return indicators


def gold_arcs(eg: Example, labels: Sequence[str]) -> tuple[Ints1d, Ints1d]:
    """Head word (`ROOT_HEAD`, `UNKNOWN_HEAD`) and deprel index (-1 unknown) of each word.

    RETURNS (tuple[Ints1d, Ints1d]): (words,) both, of the predicted doc.
    """
    (words,) = words_of([eg.predicted])
    return words.heads_of_tokens(*_arcs_of_tokens(eg, labels))


def _arcs_of_tokens(eg: Example, labels: Sequence[str]) -> tuple[Ints1d, Ints1d]:
    """(tokens,) both, of the predicted doc."""
    n = len(eg.predicted)
    if not eg.reference.has_annotation("DEP"):
        return no_arcs(n)
    index = {label: i for i, label in enumerate(labels)}
    if [t.text for t in eg.predicted] == [t.text for t in eg.reference]:
        array = eg.reference.to_array([HEAD, DEP])
        offset = array[:, 0].astype("int64")
        known = array[:, 1] != 0
        heads = Heads.of_offsets(offset).rows
        strings = eg.reference.vocab.strings
        names = {h: index.get(strings[h], -1) if h else -1 for h in set(array[:, 1].tolist())}
        deps = numpy.asarray([names[h] for h in array[:, 1].tolist()], dtype="int64")
        return numpy.where(known, heads, UNKNOWN_HEAD), deps
    aligned_heads, aligned_deps = eg.get_aligned_parse(projectivize=False)
    heads, deps = no_arcs(n)
    for i, (head, dep) in enumerate(zip(aligned_heads, aligned_deps)):
        if dep and head is not None:
            heads[i] = ROOT_HEAD if head == i else head
            deps[i] = index.get(dep, -1)
    return heads, deps


def no_arcs(n: int) -> tuple[Ints1d, Ints1d]:
    """`gold_arcs` of n words without annotation."""
    return numpy.full(n, UNKNOWN_HEAD), numpy.full(n, -1)


def make_plan(
    gold: Sequence[tuple[Ints1d, Ints1d]],
    *,
    units: Sequence[Ints2d],
    parses: Sequence[Sequence[ParseBelief]] = (),
    student: Student | None = None,
    weights: tuple[float, ...] = (),
) -> TreePlan:
    """Everything of a batch but the student's scores.

    gold (Sequence[tuple[Ints1d, Ints1d]]): per doc, see `gold_arcs`.
    units (Sequence[Ints2d]): per doc (U, 2) start and end word of its units.
    parses (Sequence[Sequence[ParseBelief]]): of each teacher its beliefs, with the same units;
        weights: of each. student (Student | None): whom they teach.
    """
    offsets = numpy.cumsum([0, *(len(head) for head, _ in gold)])
    heads = joined([head for head, _ in gold], offsets)
    deps = numpy.concatenate([dep for _, dep in gold])
    spans = numpy.concatenate([u + o for u, o in zip(units, offsets)])
    gold_rows = numpy.nonzero((heads != UNKNOWN_HEAD) & (deps >= 0))[0]
    teachers = [type(p[0]).tree_teacher(p, offsets, student) for p in parses if student is not None]
    gold_pairs = numpy.stack([gold_rows, heads[gold_rows]], axis=1)
    pairs = numpy.unique(numpy.concatenate([gold_pairs, *(t.pairs for t in teachers)]), axis=0)
    is_gold = (heads[pairs[:, 0]] == pairs[:, 1]) & (deps[pairs[:, 0]] >= 0)
    gold_labels = numpy.where(is_gold, deps[pairs[:, 0]], -1)
    return TreePlan(spans, heads, pairs, gold_labels, teachers, weights)


def best_arcs(
    beliefs: Sequence[TreeBelief], *, lengths: Sequence[int], decoder: Structure
) -> tuple[Ints1d, Ints1d]:
    """The best trees of a teacher's beliefs.

    lengths (Sequence[int]): words of each doc. decoder (Structure): of trees.
    RETURNS (tuple[Ints1d, Ints1d]): (T,) offset of each word's head, 0 for a root; (T,) index of
        its deprel, the best given its head.
    """
    offsets = numpy.cumsum([0, *lengths])
    chosen = _best_heads(beliefs, offsets, decoder=decoder)
    pairs = numpy.concatenate([in_batch(b.pairs, o) for b, o in zip(beliefs, offsets)])
    scores = numpy.concatenate([belief.label_scores for belief in beliefs])
    used = pairs[:, 1] == chosen[pairs[:, 0]]
    labels = numpy.zeros(len(chosen), dtype="int64")
    labels[pairs[used, 0]] = scores[used].argmax(axis=1)
    return Heads(chosen).to_offsets(), labels


def _best_heads(beliefs: Sequence[TreeBelief], offsets: Array, *, decoder: Structure) -> Ints1d:
    """(T,) row of each token's head, `ROOT_HEAD` for ROOT."""
    kept = [belief.heads for belief in beliefs]
    if all(heads is not None for heads in kept):
        return joined([heads for heads in kept if heads is not None], offsets)
    arcs = [arc for belief in beliefs for arc in belief.arcs]
    spans = numpy.concatenate([b.units.reshape(-1, 2) + o for b, o in zip(beliefs, offsets)])
    chosen = numpy.full(int(offsets[-1]), ROOT_HEAD)
    for bucket in make_buckets(spans.astype("int64")):
        units = [Parts({"arc": arcs[u][None]}, numpy.asarray([len(arcs[u])])) for u in bucket.units]
        pairs = decode_trees(decoder.argmax(Parts.concat(units)), rows=bucket.rows)
        chosen[pairs[:, 0]] = pairs[:, 1]
    return chosen


def pair_masses(
    pairs: Ints2d, *, rows: Ints1d, lengths: Ints1d, marginals: Array
) -> tuple[Array, Array, Floats1d]:
    """Marginals of the pairs that lie in a bucket.

    marginals (ndarray): (B, N, N+1). rows, lengths: see `locate_pairs`.
    RETURNS: index of those pairs; the unit of each; its marginal.
    """
    index, where = locate_pairs(pairs, rows=rows, lengths=lengths)
    unit, position, head = where.T
    return index, unit, marginals[unit, position, head]
