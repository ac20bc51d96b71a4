"""Scores of tags that name a word's head and deprel (parsing as sequence labelling)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, cast

import numpy

from ...arrays import Array, Floats1d, Floats2d, Ints1d, Ints2d
from ...codecs.head_labels import UNTAGGED, HeadLabels, head_labels
from ...codecs.units import Heads, as_units
from ...codecs.words import Words
from ...errors import check_temperature
from ...structures import IMPOSSIBLE, HeadSelection, SpanningTrees, Structure
from ...structures.parts import POSSIBLE_ABOVE, softmax
from ..conversions.table import convert
from ..draws import DrawnTrees
from ..posterior import Posterior, Target
from ..students import HeadTagStudent, Student
from .base import LABEL_FLOOR, Belief, ParseBelief
from .entropy import entropy_of_rows
from .form import Form, Packed, pack_rows, pack_units, unpack_rows, unpack_units
from .listed_trees import TreeCandidates
from .merging import merge_head_tags
from .tree_teacher import TreeTeacher, best_heads
from .trees import TreeBelief

if TYPE_CHECKING:
    from typing_extensions import Self

    from .mixture import Mixture


@dataclass(frozen=True, eq=False)
class HeadLabelBelief(ParseBelief):
    """Scores of tags that name a word's head and deprel (codecs/head_labels.py), independent.

    labels (tuple[str, ...]): the teacher's tags ("-2:det", "0:ROOT", ...).
    units (Ints2d): (U, 2) see `ParseBelief`.
    scores (Floats2d): (words of the doc, tags), nats.
    """

    structure: Structure
    labels: tuple[str, ...]
    units: Ints2d
    scores: Floats2d
    kind: ClassVar[str] = "head labels"
    scored: ClassVar[type] = Structure

    @property
    def nbytes(self) -> int:
        return int(self.units.nbytes + self.scores.nbytes)

    @property
    def n_tokens(self) -> int:
        return len(self.scores)

    def of_words(self, words: Words) -> "HeadLabelBelief":
        """Take, since offsets count words, the score of the tag that names the same head;
        `IMPOSSIBLE` if there is none."""
        units, rows = words.units_of_tokens(self.units), words.of_tokens(self.scores)
        if words.whole or not len(words):
            return replace(self, units=units, scores=rows)
        inventory = head_labels(self.labels)
        own = numpy.arange(len(words))[:, None]
        head = own + inventory.offsets
        inside = (head >= 0) & (head < len(words))
        offsets = words.tokens[numpy.where(inside, head, own)] - words.tokens[own]
        deprels = numpy.broadcast_to(inventory.deprel_ids, offsets.shape)
        column = inventory.encode(offsets.ravel(), deprels.ravel()).reshape(offsets.shape)
        rows = numpy.take_along_axis(rows, numpy.maximum(column, 0), axis=1)
        scores = numpy.where(inside & (column >= 0), rows, IMPOSSIBLE)
        return replace(self, units=units, scores=scores.astype(self.scores.dtype))

    @property
    def form(self) -> Form:
        return Form(self.kind, self.structure, self.labels)

    def pack(self, *, least: float) -> Packed:
        return {**pack_units(self.units), **pack_rows("score", self.scores, least=least)}

    @classmethod
    def merged(cls, mixtures: "Sequence[Mixture]") -> list[Belief]:
        """See `Belief.merged`. The mean of probabilities, exactly."""
        own = [cls.of(mixture.beliefs[0]) for mixture in mixtures]
        docs = zip(own, merge_head_tags(mixtures))
        return [cls(belief.structure, mixtures[0].labels, belief.units, r) for belief, r in docs]

    @classmethod
    def unpack(cls, packed: Packed, form: Form) -> "HeadLabelBelief":
        scores = unpack_rows("score", packed, n_columns=len(form.labels))
        return cls(cast(Structure, form.structure), form.labels, unpack_units(packed), scores)

    def entropy(self) -> float:
        return entropy_of_rows(self.scores)

    def of_each_word(self) -> Floats2d:
        """See `Belief.of_each_word`: of the tags themselves, which name head and deprel."""
        rows: Floats2d = softmax(self.scores)[1].astype("float32")
        return rows

    def best(self, *, k: int) -> TreeCandidates:
        """Return trees in which an arc scores as its best tag. Those with an arc without a tag
        count only where there is no other."""
        tags = head_labels(self.labels)
        arcs = []
        for start, end in self.units.tolist():
            rows, lengths = numpy.arange(end - start)[None], numpy.asarray([end - start])
            arcs.append(tags.best_arcs(self.scores[start:end], rows, lengths)[0])
        heads, totals = best_heads(self.units, arcs, SpanningTrees(single_root=True), k)
        offsets = Heads(heads).to_offsets()
        deprels = numpy.stack([tags.of_arcs(self.scores, row)[1] for row in offsets])
        weights = (totals > UNTAGGED / 2).astype("float64")
        weights[:, :1] = 1.0
        return TreeCandidates(tags.deprels, self.units, heads, deprels.astype("int32"), weights)

    def likeliest_heads(self) -> Ints1d:
        return self.best(k=1).likeliest_heads()

    def draw_trees(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0, projective: bool = False
    ) -> DrawnTrees:
        """Let arcs without a tag be possible where every tree has one."""
        lifted, _ = tags_to_arcs(self, floor=0.0, temperature=temperature)
        best = [arc.max(axis=1, keepdims=True, initial=IMPOSSIBLE) for arc in lifted.arcs]
        untagged = temperature * UNTAGGED
        lowest = [numpy.where(top > POSSIBLE_ABOVE, top + untagged, 0.0) for top in best]
        arcs = tuple(numpy.maximum(*pair).astype("float32") for pair in zip(lifted.arcs, lowest))
        trees = replace(lifted, arcs=arcs)
        return trees.draw_trees(rng=rng, temperature=temperature, projective=projective)

    @classmethod
    def tree_teachers(
        cls, beliefs: Sequence["Self"], offsets: Ints1d, student: Student
    ) -> list[TreeTeacher]:
        temperature = student.temperature
        read = [tags_to_arcs(each, floor=LABEL_FLOOR, temperature=temperature) for each in beliefs]
        trees, lost = [tree for tree, _ in read], numpy.concatenate([shares for _, shares in read])
        teachers = TreeBelief.tree_teachers(trees, offsets, student)
        return [replace(teacher, lost=lost) for teacher in teachers]

    @classmethod
    def target_of_head_tags(cls, beliefs: Sequence["Self"], student: HeadTagStudent) -> Target:
        scores = as_units(numpy.concatenate([belief.scores for belief in beliefs]))
        return convert(
            Posterior(beliefs[0].structure, scores),
            student.structure,
            match=student.match(beliefs[0].labels),
            temperature=student.temperature,
        )


def tags_to_arcs(
    belief: HeadLabelBelief, *, floor: float, temperature: float = 1.0
) -> tuple[TreeBelief, Floats1d]:
    """Read a teacher of tags as one of heads and deprels. The score of an arc is the log of the
    summed exp of its tags' scores, which makes it one that selects heads, given that they lie in
    the sentence.

    floor (float): the marginal that an arc must have for its deprels to be kept; the best of each
        word always is.
    temperature (float): the T that the result will be used at: its scores divided by T are those
        of tags whose scores are divided by T.
    RETURNS (tuple[TreeBelief, Floats1d]): of head selection; (words,) the probability of tags
        whose head is outside the sentence, which no tree has.
    """
    tags = head_labels(belief.labels)
    tempered = belief.scores * (1.0 / check_temperature(temperature))
    units = [_unit_arcs(tempered, tags, *unit, floor=floor) for unit in belief.units.tolist()]
    pairs = numpy.concatenate([numpy.zeros((0, 2), "int64"), *(pairs for _, pairs, _ in units)])
    ids = tags.table[tags.rows_of(_offsets(pairs))]
    scores = numpy.take_along_axis(belief.scores[pairs[:, 0]], numpy.maximum(ids, 0), axis=1)
    known = (ids >= 0).any(axis=1, keepdims=True)
    scores = numpy.where(ids >= 0, scores, numpy.where(known, IMPOSSIBLE, 0.0))
    return TreeBelief(
        structure=HeadSelection(),
        labels=tags.deprels,
        units=belief.units,
        arcs=tuple(_times(arc, temperature) for arc, _, _ in units),
        pairs=pairs.astype("int32"),
        label_scores=scores.astype("float32"),
    ), numpy.concatenate([numpy.zeros(0), *(lost for _, _, lost in units)])


def _unit_arcs(
    scores: Floats2d, tags: HeadLabels, start: int, end: int, *, floor: float
) -> tuple[Floats2d, Ints2d, Floats1d]:
    """Return, of one sentence, (n, n + 1) arc scores; (P, 2) dependent and head in the doc of
    likely arcs; (n,) mass of tags that lead out of it."""
    n, scores = end - start, scores[start:end]
    arc = tags.summed_arcs(scores, numpy.arange(n)[None], numpy.asarray([n]))[0]
    log_inside, marginals = softmax(arc)
    likely = (marginals >= floor) & (arc > POSSIBLE_ABOVE)
    likely[numpy.arange(n), arc.argmax(axis=1)] = True
    token, head = numpy.nonzero(likely)
    heads = numpy.where(head == 0, -1, start + head - 1)
    lost = 1.0 - numpy.exp(numpy.minimum(log_inside - softmax(scores)[0], 0.0))
    return arc, numpy.stack([start + token, heads], axis=1), lost


def _times(arc: Floats2d, factor: float) -> Floats2d:
    """Scale what is possible; what is impossible stays so, at any factor."""
    scaled = numpy.where(arc > POSSIBLE_ABOVE, arc * factor, IMPOSSIBLE)
    result: Floats2d = scaled.astype(arc.dtype)
    return result


def _offsets(pairs: Ints2d) -> Array:
    return numpy.where(pairs[:, 1] < 0, 0, pairs[:, 1] - pairs[:, 0])
