"""Weighted dependency trees: a beam, or a teacher's k best."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy
from thinc.api import Ops

from ...arrays import Floats2d, Ints1d, Ints2d
from ...codecs.head_labels import HeadLabels
from ...codecs.trees import find_pairs, gold_tokens
from ...codecs.units import ROOT_HEAD, UNKNOWN_HEAD, Bucket, Heads
from ...codecs.words import Words
from ...structures import IMPOSSIBLE, ArcStructure, Parts
from ..draws import DrawnTrees, choose
from ..expect import (
    equal_weights,
    expect,
    expect_trees,
    has_heads,
    heaviest,
    padded_weights,
    tempered_weights,
)
from ..posterior import Target
from ..students import HeadTagStudent, Student
from ..target import Objective
from .base import Belief, ParseBelief
from .entropy import entropy_of_listed
from .form import (
    Form,
    Packed,
    check_labels,
    pack_array,
    pack_units,
    pack_weights,
    smallest,
    unpack_array,
    unpack_units,
    unpack_weights,
)
from .merging import check_sentences, places_of, shared_weights
from .tree_teacher import TreeTeacher

if TYPE_CHECKING:
    from typing_extensions import Self

    from .mixture import Mixture


@dataclass(frozen=True, eq=False)
class TreeCandidates(ParseBelief):
    """Weighted dependency trees of a doc's sentences.

    labels (tuple[str, ...]): the teacher's deprels.
    units (Ints2d): (U, 2) start and end word of each sentence.
    heads (Ints2d): (K, words of the doc) head word in the doc, -1 = ROOT.
    deprels (Ints2d): (K, words of the doc) indices of deprels, -1 where none is known.
    weights (Floats2d): (U, K) of each sentence's trees, in proportion to their probabilities, at
        least 0. Of a beam over a doc the same for all its sentences.
    """

    labels: tuple[str, ...]
    units: Ints2d
    heads: Ints2d
    deprels: Ints2d
    weights: Floats2d
    kind: ClassVar[str] = "listed trees"

    @property
    def nbytes(self) -> int:
        arrays = (self.units, self.heads, self.deprels, self.weights)
        return sum(int(array.nbytes) for array in arrays)

    @property
    def n_tokens(self) -> int:
        return int(self.heads.shape[1])

    def of_words(self, words: Words) -> "TreeCandidates":
        """Let what hangs on whitespace hang on the head of that."""
        if words.whole:
            return self
        moved = [words.heads_of_tokens(*pair) for pair in zip(self.heads, self.deprels)]
        heads, deprels = (numpy.stack(rows) for rows in zip(*moved))
        has_words = numpy.diff(words.before[self.units]).ravel() > 0
        units = words.units_of_tokens(self.units)
        return TreeCandidates(self.labels, units, heads, deprels, self.weights[has_words])

    @property
    def form(self) -> Form:
        return Form(self.kind, None, self.labels)

    def pack(self, *, least: float) -> Packed:
        """Pack a head by its distance, 0 for ROOT."""
        return {
            **pack_units(self.units),
            "distances": pack_array(smallest(self.offsets)),
            "deprels": pack_array(smallest(self.deprels)),
            "weights": pack_weights(self.weights),
        }

    @classmethod
    def unpack(cls, packed: Packed, form: Form) -> "TreeCandidates":
        distances = unpack_array(packed["distances"]).astype("int32")
        heads = Heads.of_offsets(distances).rows
        deprels = unpack_array(packed["deprels"]).astype("int32")
        weights = unpack_weights(packed["weights"])
        check_labels(deprels, low=-1, high=len(form.labels), n_candidates=weights.shape[1])
        return cls(form.labels, unpack_units(packed), heads.astype("int32"), deprels, weights)

    @property
    def offsets(self) -> Ints2d:
        """(K, words) of the heads, 0 for ROOT."""
        return Heads(self.heads).to_offsets()

    @property
    def unit_lengths(self) -> Ints1d:
        """(U,) words of each sentence."""
        return self.units[:, 1] - self.units[:, 0]

    def heaviest(self) -> tuple[Ints1d, Ints1d]:
        """Return heads and deprels (words,), each sentence's by its heaviest candidate."""
        chosen = numpy.repeat(self.weights.argmax(axis=1), self.unit_lengths)
        words = numpy.arange(len(chosen))
        return self.heads[chosen, words], self.deprels[chosen, words]

    def likeliest_heads(self) -> Ints1d:
        return self.heaviest()[0]

    @classmethod
    def merged(cls, mixtures: "Sequence[Mixture]") -> list[Belief]:
        """See `Belief.merged`. All candidates, exactly."""
        check_sentences(mixtures)
        return [cls._all(mixture) for mixture in mixtures]

    @classmethod
    def _all(cls, mixture: "Mixture") -> "TreeCandidates":
        own, labels = [cls.of(belief) for belief in mixture.beliefs], mixture.labels
        places = [numpy.append(places_of(each.labels, among=labels), -1) for each in own]
        deprels = [where[each.deprels] for where, each in zip(places, own)]
        return cls(
            labels,
            own[0].units,
            numpy.concatenate([each.heads for each in own]),
            numpy.concatenate(deprels).astype("int32"),
            shared_weights([each.weights for each in own], mixture.weights),
        )

    def entropy(self) -> float:
        arcs = numpy.stack([self.heads, self.deprels], axis=2)
        return sum(
            entropy_of_listed([row[start:end].tobytes() for row in arcs], weights)
            for (start, end), weights in zip(self.units.tolist(), self.weights)
        )

    def best(self, *, k: int) -> "TreeCandidates":
        order = heaviest(self.weights, k)
        heads = self.heads[: order.shape[1]].copy()
        deprels = self.deprels[: order.shape[1]].copy()
        for (start, end), chosen in zip(self.units.tolist(), order):
            heads[:, start:end] = self.heads[chosen, start:end]
            deprels[:, start:end] = self.deprels[chosen, start:end]
        weights = equal_weights(numpy.take_along_axis(self.weights, order, axis=1))
        return replace(self, heads=heads, deprels=deprels, weights=weights)

    def draw_trees(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0, projective: bool = False
    ) -> DrawnTrees:
        lengths = self.unit_lengths
        start, end = (numpy.repeat(side, lengths) for side in self.units.T)
        leaves = (self.heads != ROOT_HEAD) & ((self.heads < start) | (self.heads >= end))
        bad = [leaves[:, a:b].any(axis=1) for a, b in self.units.tolist()]
        weights = numpy.where(numpy.reshape(bad, self.weights.shape), 0.0, self.weights)
        rows = numpy.repeat(choose(weights, rng=rng, temperature=temperature), lengths)
        words = numpy.arange(len(rows))
        deprels = self.deprels[rows, words].tolist()
        names = ["" if i < 0 else self.labels[i] for i in deprels]
        return DrawnTrees.of(self.heads[rows, words], names)

    @classmethod
    def tree_teachers(
        cls, beliefs: Sequence["Self"], offsets: Ints1d, student: Student
    ) -> list[TreeTeacher]:
        most = max(len(belief.heads) for belief in beliefs)
        n = sum(belief.n_tokens for belief in beliefs)
        heads, deprels = numpy.full((most, n), UNKNOWN_HEAD), numpy.full((most, n), -1)
        for belief, offset in zip(beliefs, offsets):
            k, here = len(belief.heads), slice(offset, offset + belief.n_tokens)
            heads[:k, here] = Heads(belief.heads).to_rows(int(offset))
            deprels[:k, here] = belief.deprels
        weights = padded_weights([belief.weights for belief in beliefs])
        lengths = numpy.concatenate([belief.unit_lengths for belief in beliefs])
        unit_of = numpy.repeat(numpy.arange(len(lengths)), lengths)
        deprels[weights[unit_of].T <= 0] = -1
        candidate, token = numpy.nonzero(deprels >= 0)
        pairs = numpy.stack([token, heads[candidate, token]], axis=1)
        teacher = ListedTrees(
            match=student.match(beliefs[0].labels),
            units=[belief.units for belief in beliefs],
            pairs=numpy.unique(pairs, axis=0),
            heads=heads,
            deprels=deprels,
            weights=weights,
            unit_of=unit_of,
            n_labels=len(beliefs[0].labels),
        )
        return [teacher]

    @classmethod
    def target_of_head_tags(cls, beliefs: Sequence["Self"], student: HeadTagStudent) -> Target:
        return expect_head_labels(beliefs, student.tags, temperature=student.temperature)

    def tags(self, inventory: HeadLabels, *, n_candidates: int) -> Ints2d:
        """Return (n_candidates, words) the tag of each candidate's arcs, -1 for none."""
        columns = inventory.deprel_columns((*self.labels, ""))  # the last of those not known
        rows = [inventory.encode(o, columns[d]) for o, d in zip(self.offsets, self.deprels)]
        rows += [numpy.full(self.n_tokens, -1)] * (n_candidates - len(rows))
        return numpy.stack(rows)


@dataclass(frozen=True, eq=False, kw_only=True)
class ListedTrees(TreeTeacher):
    """heads, deprels (Ints2d): (K, T) of each candidate, head rows and indices of deprels. weights
    (Floats2d): (U, K) of the batch's units. unit_of (Ints1d): (T,)."""

    heads: Ints2d
    deprels: Ints2d
    weights: Floats2d
    unit_of: Ints1d
    n_labels: int

    def arcs(
        self, bucket: Bucket, structure: ArcStructure, objective: Objective, *, ops: Ops
    ) -> Target:
        return expect_trees(
            structure,
            self.heads,
            self.weights[bucket.units],
            rows=bucket.rows,
            lengths=bucket.lengths,
            temperature=objective.inference_temperature,
        ).to(ops)

    def label_scores(self, structure: ArcStructure, temperature: float) -> Floats2d:
        """Return log of the weight of the candidates that have the arc with the deprel, of those
        that the student can express. All are impossible where only others know the deprel."""
        lengths = numpy.bincount(self.unit_of, minlength=len(self.weights))
        rows = numpy.cumsum(lengths) - lengths
        local = (Heads(heads).to_local(rows=rows, lengths=lengths) for heads in self.heads)
        fits = numpy.stack([has_heads(structure, each, lengths) for each in local], axis=1)
        weights = tempered_weights(self.weights, temperature=temperature) * fits
        weights = weights[self.unit_of].T
        total = numpy.zeros((len(self.pairs), self.n_labels))
        for head, deprel, weight in zip(self.heads, self.deprels, weights):
            known = numpy.nonzero(deprel >= 0)[0]
            where = find_pairs(numpy.stack([known, head[known]], axis=1), among=self.pairs)
            total[where, deprel[known]] += weight[known]
        scores = numpy.full(total.shape, IMPOSSIBLE)
        numpy.log(total, out=scores, where=total > 0)
        return scores.astype("float32")


def expect_head_labels(
    beliefs: Sequence[TreeCandidates], tags: HeadLabels, *, temperature: float = 1.0
) -> Target:
    """Expect weighted trees for a student of tags, each word a unit: unary (T, 1, C). An arc
    without a tag, or without a known deprel, cannot be expressed.

    beliefs (Sequence[TreeCandidates]): of the docs of a batch, of one teacher.
    """
    most = max(len(belief.heads) for belief in beliefs)
    ids = numpy.concatenate([b.tags(tags, n_candidates=most) for b in beliefs], axis=1)
    golds = []
    for row in ids:
        indicators = numpy.zeros((len(row), 1, len(tags.tags)), dtype="float32")
        known = numpy.nonzero(row >= 0)[0]
        indicators[known, 0, row[known]] = 1.0
        golds.append(
            gold_tokens(Parts({"unary": indicators}, numpy.ones(len(row), "int64")), row >= 0)
        )
    weights = padded_weights([belief.weights for belief in beliefs])
    lengths = numpy.concatenate([belief.unit_lengths for belief in beliefs])
    return expect(golds, numpy.repeat(weights, lengths, axis=0), temperature=temperature)
