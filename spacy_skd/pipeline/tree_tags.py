"""The parser by sequence labelling: a tag for each token names its head and deprel."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model

from ..arrays import Array, Floats2d, Ints1d, Ints2d
from ..codecs.head_labels import (
    decode_head_labels,
)
from ..codecs.tags import split_by_lengths
from ..codecs.trees import Gold, gold_tokens
from ..codecs.units import batch_spans, make_buckets
from ..codecs.words import Words
from ..models.words import words_of
from ..structures import IndependentLabels, Parts
from ..structures.numerics import check_scores
from ..transfer.annealing import WeightSchedule
from ..transfer.beliefs import Belief, HeadLabelBelief
from ..transfer.posterior import Target
from ..transfer.students import HeadTagStudent
from ..transfer.target import STRUCTURAL, Objective
from .activations import Predictions
from .lost_mass import TAGS
from .tree_activations import tag_activations, tag_on_tokens
from .tree_plan import gold_arcs
from .tree_tag_labels import TaggingPipe
from .tree_tag_targets import gold_tags

logger = logging.getLogger("spacy.skd")


class TagLesson(NamedTuple):
    """tags (Ints1d): (words of the batch,) gold tags, -1 where there is none. beliefs: one a
    doc."""

    tags: Ints1d
    beliefs: Sequence[Belief] | None


class HeadTagParser(TaggingPipe):
    """Dependency trees, one per sentence, by independent tags of tokens.

    `labels` are the tags: "-2:det", "0:ROOT" (see codecs/head_labels.py).
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], Floats2d],
        name: str = "distilling_parser",
        *,
        distill_weight: float | WeightSchedule = 0.0,
        objective: Objective = STRUCTURAL,
        max_length: int = 150,
        min_count: int = 1,
        max_offset: int = 0,
        scorer: Callable | None = None,
        save_activations: bool = False,
    ):
        super().__init__(
            vocab,
            model,
            name,
            structure=IndependentLabels(),
            distill_weight=distill_weight,
            objective=objective,
            max_length=max_length,
            min_count=min_count,
            max_offset=max_offset,
            scorer=scorer,
            save_activations=save_activations,
        )
        self.untagged = 0  # gold arcs so far that have no tag

    # Prediction

    def predict(self, docs: Iterable[Doc]) -> Predictions:
        """See `DistillingPipe.predict`. Best: per doc, of the best single-rooted tree of each
        sentence under the scores of the tags, the offset of each word's head (0 for a root) and
        the index of its deprel in `tags.deprels`.

        Activations: "units" (U, 2), start and end token of the sentences; "marginals" (tokens,
        tags); "label_ids" (tokens,), the tag of the chosen arc, -1 where it has none;
        "confidences" (tokens,), the probability of that tag, 0 without. Of whitespace 0, -1 and 1.
        """
        docs = list(docs)
        words = words_of(docs)
        units, scores = self._units(docs, words), self._scores(docs)
        heads, tags, deprels = self._best(scores, units)
        lengths = [len(each) for each in words]
        best = list(zip(split_by_lengths(heads, lengths), split_by_lengths(deprels, lengths)))
        if not self.save_activations:
            return Predictions(best)
        rows = zip(units, split_by_lengths(scores, lengths), split_by_lengths(tags, lengths))
        of_words = [tag_activations(*row) for row in rows]
        return Predictions(best, [tag_on_tokens(*pair) for pair in zip(of_words, words)])

    def _best(self, scores: Floats2d, units: Sequence[Ints2d]) -> tuple[Array, Array, Array]:
        """Of each word of the batch, the offset of its head, the tag and the deprel."""
        tags, offsets = self.tags, numpy.zeros(len(scores), dtype="int64")
        ends = [int(mine[-1, 1]) if len(mine) else 0 for mine in units]
        for bucket in make_buckets(batch_spans(units, ends)):
            pairs = decode_head_labels(tags, scores, rows=bucket.rows, lengths=bucket.lengths)
            offsets[pairs[:, 0]] = numpy.where(pairs[:, 1] < 0, 0, pairs[:, 1] - pairs[:, 0])
        return (offsets, *tags.of_arcs(scores, offsets))

    def _scores(self, docs: Sequence[Doc]) -> Floats2d:
        """(words of the batch, tags), NumPy arrays."""
        if not any(len(doc) for doc in docs):
            return numpy.zeros((0, len(self.labels)), dtype="float32")
        scores = self.model.ops.to_numpy(self.model.predict(list(docs)))
        check_scores(scores, name=self.name)
        return scores

    def _believe(
        self, docs: Sequence[Doc], words: Sequence[Words], units: Sequence[Ints2d]
    ) -> list[Belief]:
        rows = split_by_lengths(self._scores(docs), [len(each) for each in words])
        return [
            HeadLabelBelief(self.structure, self.labels, mine.astype("int32"), scores.copy())
            for mine, scores in zip(units, rows)
        ]

    def write_beliefs(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        """See `LearningPipe.write_beliefs`."""
        tags = [HeadLabelBelief.of(belief) for belief in beliefs]
        if not tags:
            return
        scores = numpy.concatenate([belief.scores for belief in tags])
        heads, _, deprels = self._best(scores, [b.units.astype("int64") for b in tags])
        lengths = [belief.n_tokens for belief in tags]
        arrays = (split_by_lengths(array, lengths) for array in (heads, deprels))
        self._write(docs, list(zip(*arrays)))

    # Training

    def _lesson(self, examples: Sequence[Example], beliefs: Sequence[Belief] | None) -> TagLesson:
        beliefs = self._read(beliefs)
        units = [self._reference_units(eg) for eg in examples]
        if beliefs is not None:
            units = [_units_of(belief) for belief in beliefs]
        arcs = [gold_arcs(eg, self.tags.deprels) for eg in examples]
        tags, untagged = gold_tags(arcs, units, self.tags)
        self._report_untagged(untagged)
        return TagLesson(tags, beliefs)

    def _report_untagged(self, n: int) -> None:
        if n and not self.untagged:
            logger.warning(
                "%s: %d gold arcs of a batch have no tag, so their tokens are taken as without "
                "annotation (counted in `untagged`); for a larger inventory see min_count, "
                "max_offset and `labels` of the component's initialization",
                self.name,
                n,
            )
        self.untagged += n

    def _lesson_without_gold(self, beliefs: Sequence[Belief]) -> TagLesson:
        return TagLesson(
            numpy.full(sum(belief.n_tokens for belief in beliefs), -1), self._read(beliefs)
        )

    def _loss(self, lesson: TagLesson, scores: Floats2d) -> tuple[float, Floats2d]:
        """Each word is a unit. scores: (words of the batch, tags)."""
        target = self._target(lesson.beliefs)
        gold = self._gold(lesson.tags)
        loss, d_parts = self._mixed_loss(self._as_parts(scores), gold=gold, target=target)
        return loss, d_parts.arrays["unary"][:, 0]

    def _target(self, beliefs: Sequence[Belief] | None) -> Target | None:
        if beliefs is None:
            return None
        kind, student = type(beliefs[0]), HeadTagStudent(**self._as_student(), tags=self.tags)
        target = kind.target_of_head_tags(beliefs, student).to(self.model.ops)
        self.lost_mass.add(target, reason=TAGS)
        return self.objective.temper(target)

    def _gold(self, tags: Ints1d) -> Gold:
        indicators = numpy.zeros((len(tags), len(self.labels)), dtype="float32")
        known = numpy.nonzero(tags >= 0)[0]
        indicators[known, tags[known]] = 1.0
        return gold_tokens(self._as_parts(self.model.ops.asarray(indicators)), tags >= 0)

    def _as_parts(self, scores: Floats2d) -> Parts:
        return Parts({"unary": scores[:, None]}, self.model.ops.xp.ones(len(scores), dtype="int64"))


def _units_of(belief: Belief) -> Ints2d:
    units = belief.sentences()
    return numpy.zeros((0, 2), dtype="int64") if units is None else units
