"""Scores of dependency trees, and of the deprels of their likely arcs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, cast

import numpy
from thinc.api import Ops

from ...arrays import Array, Floats2d, Ints1d, Ints2d
from ...codecs.trees import decode_trees, in_batch
from ...codecs.units import ROOT_HEAD, Bucket, batch_spans
from ...codecs.words import Words
from ...structures import ArcStructure, Parts, ProjectiveTrees, Structure
from ..conversions.head_tags import ScoredArcs, batch_to_tags
from ..conversions.table import convert, in_common
from ..draws import DrawnTrees, draw_independent
from ..posterior import Posterior, Target
from ..students import HeadTagStudent, Student
from ..target import Objective
from .base import Belief, ParseBelief
from .each_word import words_of_trees
from .entropy import entropy_of_trees
from .form import (
    LOWEST,
    Form,
    Packed,
    below_best,
    join,
    pack_array,
    pack_halves,
    pack_rows,
    pack_units,
    smallest,
    unpack_array,
    unpack_rows,
    unpack_scores,
    unpack_units,
    without_self,
)
from .listed_trees import TreeCandidates
from .merging import merge_trees
from .tree_teacher import TreeTeacher, best_heads

if TYPE_CHECKING:
    from typing_extensions import Self

    from .mixture import Mixture


@dataclass(frozen=True, eq=False)
class TreeBelief(ParseBelief):
    """Scores of the dependency trees of a doc's sentences.

    units (Ints2d): (U, 2) see `ParseBelief`.
    arcs (tuple[Floats2d, ...]): per sentence (n, n + 1) scores of heads, head 0 = ROOT, nats.
    pairs (Ints2d): (P, 2) dependent word and head word (-1 = ROOT) in the doc: the arcs whose
        deprel was scored, at least one a word.
    label_scores (Floats2d): (P, deprels), nats, given the arc.
    heads (Ints1d | None): (words of the doc,) head word of each in the best trees, -1 = ROOT;
        None where they were not kept.
    """

    structure: ArcStructure
    labels: tuple[str, ...]
    units: Ints2d
    arcs: tuple[Floats2d, ...]
    pairs: Ints2d
    label_scores: Floats2d
    heads: Ints1d | None = None
    kind: ClassVar[str] = "trees"
    scored: ClassVar[type] = ArcStructure

    @property
    def nbytes(self) -> int:
        arcs = sum(int(arc.nbytes) for arc in self.arcs)
        return arcs + int(self.units.nbytes + self.pairs.nbytes + self.label_scores.nbytes)

    @property
    def n_tokens(self) -> int:
        return int(self.units[-1, 1]) if len(self.units) else 0

    def of_words(self, words: Words) -> "TreeBelief":
        if words.whole:
            return self
        kept_arcs = []
        for (start, end), arc in zip(self.units.tolist(), self.arcs):
            inside = words.tokens[words.before[start] : words.before[end]] - start
            if len(inside):
                kept_arcs.append(arc[numpy.ix_(inside, numpy.append(0, inside + 1))])
        is_word = numpy.diff(words.before, append=words.before[-1:]) > 0
        dependents, heads = self.pairs.T
        kept = numpy.flatnonzero(is_word[dependents] & (is_word[heads] | (heads == ROOT_HEAD)))
        pairs = self.pairs[kept]
        pairs = numpy.where(pairs == ROOT_HEAD, ROOT_HEAD, words.before[pairs])
        return replace(
            self,
            units=words.units_of_tokens(self.units),
            arcs=tuple(kept_arcs),
            pairs=pairs.astype(self.pairs.dtype),
            label_scores=self.label_scores[kept],
            heads=None,
        )

    @property
    def form(self) -> Form:
        return Form(self.kind, self.structure, self.labels)

    def pack(self, *, least: float) -> Packed:
        """Pack sentences by their lengths; a pair by its dependent and the distance to its head."""
        order = numpy.lexsort((self.pairs[:, 1], self.pairs[:, 0]))
        dependents, heads = self.pairs[order].astype("int64").T
        distances = numpy.where(heads < 0, 0, heads - dependents)
        values = [below_best(without_self(arc)) for arc in self.arcs]
        kept = [value > LOWEST * 2 for value in values]
        flat = [value[keep] for value, keep in zip(values, kept)]
        n_heads = numpy.bincount(dependents, minlength=self.n_tokens)
        return {
            **pack_units(self.units),
            "arc_kept": pack_array(numpy.packbits(join([keep.ravel() for keep in kept], "bool"))),
            "arcs": pack_halves(join(flat, "float32")),
            "n_heads": pack_array(smallest(n_heads)),
            "distances": pack_array(smallest(distances)),
            **pack_rows("label", self.label_scores[order], least=least),
        }

    @classmethod
    def unpack(cls, packed: Packed, form: Form) -> "TreeBelief":
        units = unpack_units(packed)
        lengths = (units[:, 1] - units[:, 0]).tolist()
        sizes = [n * (n + 1) for n in lengths]
        kept = numpy.unpackbits(unpack_array(packed["arc_kept"]), count=sum(sizes)).astype(bool)
        flat = unpack_scores(kept, packed["arcs"])
        cuts = numpy.cumsum([0, *sizes])
        arcs = [flat[cuts[i] : cuts[i + 1]].reshape(n, n + 1) for i, n in enumerate(lengths)]
        n_heads = unpack_array(packed["n_heads"]).astype("int64")
        dependents = numpy.repeat(numpy.arange(len(n_heads)), n_heads)
        distances = unpack_array(packed["distances"]).astype("int64")
        heads = numpy.where(distances == 0, -1, dependents + distances)
        return cls(
            structure=cast(ArcStructure, form.structure),
            labels=form.labels,
            units=units,
            arcs=tuple(arcs),
            pairs=numpy.stack([dependents, heads], axis=1).astype("int32"),
            label_scores=unpack_rows("label", packed, n_columns=len(form.labels)),
        )

    @classmethod
    def merged(cls, mixtures: "Sequence[Mixture]") -> list[Belief]:
        """See `Belief.merged`. Heads are those of the mixture, exactly if heads are selected and to
        `fit`'s tolerance if they form trees; deprels those of the teachers that scored the arc."""
        first = [cls.of(mixture.beliefs[0]) for mixture in mixtures]
        labels, structure = mixtures[0].labels, first[0].structure
        docs = merge_trees(mixtures, structure, labels)
        return [cls(structure, labels, own.units, *doc) for own, doc in zip(first, docs)]

    def entropy(self) -> float:
        of = (self.structure, self.units, self.arcs, self.pairs, self.label_scores)
        return entropy_of_trees(*of)

    def of_each_word(self) -> Floats2d:
        return words_of_trees(self.structure, self.units, self.arcs, self.pairs, self.label_scores)

    def best(self, *, k: int) -> TreeCandidates:
        totals: Floats2d = numpy.zeros((len(self.units), 1))
        if k == 1 and self.heads is not None:
            heads: Ints2d = self.heads[None].astype("int32")
        else:
            heads, totals = best_heads(self.units, self.arcs, self.structure.decoder, k)
        deprels = numpy.stack([self._best_deprels(row) for row in heads])
        weights = numpy.isfinite(totals).astype("float64")
        return TreeCandidates(self.labels, self.units, heads, deprels, weights)

    def likeliest_heads(self) -> Ints1d:
        heads = [without_self(arc).argmax(axis=1) - 1 for arc in self.arcs]
        starts = self.units[:, 0].tolist()
        moved = [numpy.where(row < 0, ROOT_HEAD, row + n) for row, n in zip(heads, starts)]
        return numpy.concatenate([numpy.zeros(0, dtype="int64"), *moved])

    def _best_deprels(self, heads: Ints1d) -> Ints1d:
        """Return (words,) deprels of `heads`, (words,), -1 where the arc's deprels were not
        scored."""
        base = len(heads) + 1
        keys = self.pairs[:, 0].astype("int64") * base + self.pairs[:, 1] + 1
        order = numpy.argsort(keys)
        wanted = numpy.arange(len(heads)) * base + heads + 1
        deprels = numpy.full(len(heads), -1, dtype="int32")
        if len(keys):
            where = numpy.searchsorted(keys, wanted, sorter=order)
            where = order[numpy.minimum(where, len(keys) - 1)]
            scored = keys[where] == wanted
            deprels[scored] = self.label_scores[where[scored]].argmax(axis=1)
        return deprels

    def draw_trees(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0, projective: bool = False
    ) -> DrawnTrees:
        """Draw heads given that they form a tree. An arc whose deprel was not scored (its
        marginal is below the teacher's floor, or it has no tag) takes the deprel of its dependent's
        likeliest scored arc that is not from ROOT, drawn anew, or `NO_DEPREL` where there is none;
        one from ROOT is `ROOT_DEPREL`."""
        structure = self.structure.decoder
        if projective:
            structure = in_common(structure, ProjectiveTrees())
        heads = self._draw_heads(structure, rng=rng, temperature=temperature)
        rows = self._scored_rows(heads)
        scored = numpy.nonzero(rows >= 0)[0]
        scores = self.label_scores[rows[scored]] * (1.0 / temperature)
        deprels = [""] * len(heads)
        for i, deprel in zip(scored.tolist(), draw_independent(scores, self.labels, rng)):
            deprels[i] = deprel
        return DrawnTrees.of(heads, deprels)

    def _draw_heads(
        self, structure: Structure, *, rng: numpy.random.Generator, temperature: float
    ) -> Ints1d:
        """Return (words,) head word, `ROOT_HEAD` for a root."""
        if not self.arcs:
            return numpy.zeros(0, dtype="int64")
        drawn = structure.sample(Parts.of_arcs(self.arcs) * (1.0 / temperature), rng=rng)
        return decode_trees(drawn, rows=self.units[:, 0].astype("int64"))[:, 1]

    def _scored_rows(self, heads: Ints1d) -> Ints1d:
        """Return (words,) row of `label_scores` for each word's arc; -1 for none.

        heads (Ints1d): (words,) head word, `ROOT_HEAD` for a root.
        """
        rows = numpy.full(len(heads), -1, dtype="int64")
        dependents, scored = self.pairs.astype("int64").T
        likeliest = numpy.argsort(self._arc_scores(), kind="stable")  # the last one counts
        inner = likeliest[scored[likeliest] != ROOT_HEAD]
        rows[dependents[inner]] = inner
        rows[heads == ROOT_HEAD] = -1
        exact = numpy.nonzero(heads[dependents] == scored)[0]
        rows[dependents[exact]] = exact
        return rows

    def _arc_scores(self) -> Array:
        """Return (pairs,) the score of each pair's arc."""
        dependents, heads = self.pairs.astype("int64").T
        unit = numpy.searchsorted(self.units[:, 0], dependents, side="right") - 1
        start = self.units[unit, 0]
        columns = numpy.where(heads == ROOT_HEAD, 0, heads - start + 1)
        places = zip(unit.tolist(), (dependents - start).tolist(), columns.tolist())
        return numpy.asarray([self.arcs[u][d, h] for u, d, h in places])

    @classmethod
    def tree_teachers(
        cls, beliefs: Sequence["Self"], offsets: Ints1d, student: Student
    ) -> list[TreeTeacher]:
        teacher = ScoredTrees(
            match=student.match(beliefs[0].labels),
            units=[belief.units for belief in beliefs],
            pairs=numpy.concatenate([in_batch(b.pairs, o) for b, o in zip(beliefs, offsets)]),
            structure=beliefs[0].structure,
            unit_arcs=[arc for belief in beliefs for arc in belief.arcs],
            scores=numpy.concatenate([belief.label_scores for belief in beliefs]),
        )
        return [teacher]

    @classmethod
    def target_of_head_tags(cls, beliefs: Sequence["Self"], student: HeadTagStudent) -> Target:
        """Say of each word as lost mass that of its sentence."""
        first, lengths = beliefs[0], [belief.n_tokens for belief in beliefs]
        by_token, offsets = student.objective.is_of_tokens, numpy.cumsum([0, *lengths])
        scored = ScoredArcs(
            structure=first.structure.emissions if by_token else first.structure,
            spans=batch_spans([b.units.astype("int64") for b in beliefs], lengths),
            arcs=[arc for belief in beliefs for arc in belief.arcs],
            pairs=numpy.concatenate([in_batch(b.pairs, o) for b, o in zip(beliefs, offsets)]),
            labels=first.labels,
            label_scores=numpy.concatenate([belief.label_scores for belief in beliefs]),
        )
        return batch_to_tags(
            scored, n_rows=sum(lengths), tags=student.tags, temperature=student.temperature
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class ScoredTrees(TreeTeacher):
    """Scores. structure (ArcStructure): the teacher's. unit_arcs (list[Floats2d]): of each unit of
    the batch, (n, n + 1). scores: (P, deprels)."""

    structure: ArcStructure
    unit_arcs: list[Floats2d]
    scores: Floats2d

    def arcs(
        self, bucket: Bucket, structure: ArcStructure, objective: Objective, *, ops: Ops
    ) -> Target:
        arcs = Parts.of_arcs([self.unit_arcs[u] for u in bucket.units.tolist()]).on_device(ops)
        own = self.structure
        if objective.is_of_tokens:
            own, structure = own.emissions, structure.emissions
        return convert(Posterior(own, arcs), structure, temperature=objective.inference_temperature)

    def label_scores(self, structure: ArcStructure, temperature: float) -> Floats2d:
        return self.scores * (1.0 / temperature)
