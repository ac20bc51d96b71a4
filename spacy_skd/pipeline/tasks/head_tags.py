"""Dependency trees by sequence labelling: a tag for each token names its head and deprel."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress
from typing import NamedTuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model

from ...arrays import Floats2d, Ints1d, Ints2d
from ...codecs.head_labels import (
    HeadLabels,
    choose_head_labels,
    decode_head_labels,
    deprels_of,
    head_labels,
    parse_head_label,
)
from ...codecs.trees import Gold, gold_tokens
from ...codecs.units import ROOT_HEAD, Heads, as_units, batch_spans, make_buckets, split_by_lengths
from ...codecs.words import Words
from ...models.words import words_of
from ...structures import IndependentLabels, Parts, SpanningTrees, to_numpy
from ...structures.parts import softmax
from ...transfer.beliefs import Belief, HeadLabelBelief
from ...transfer.posterior import Target
from ...transfer.students import HeadTagStudent
from ..lost_mass import TAGS
from .activations import head_tag_activations, head_tags_on_tokens
from .head_tag_counts import Counts, count_tags, count_taught_tags, not_longer
from .parsing import Arcs, ParsingTask
from .predictions import BEST, MARGINAL, Predictions, chosen_chances, on_tokens
from .tree_chances import Tree

logger = logging.getLogger("spacy.skd")


class HeadTagLesson(NamedTuple):
    """tags (Ints1d): (words of the batch,) gold tags, -1 where there is none. beliefs: one a
    doc."""

    tags: Ints1d
    beliefs: Sequence[Belief] | None


class HeadTagTask(ParsingTask[HeadTagLesson, list[Doc], Floats2d, Floats2d]):
    """The best single-rooted tree of each sentence, by independent tags of tokens. Each word is a
    unit. `labels` are the tags: "-2:det", "0:ROOT" (see codecs/head_labels.py).

    min_count, max_offset (int): see `choose_head_labels`.
    untagged (int): gold arcs so far that have no tag.

    Best: per doc, of the best tree of each sentence under the scores of the tags, the offset of
    each word's head (0 for a root) and the index of its deprel in `tags.deprels`.

    Activations: "units" (U, 2), start and end token of the sentences; "marginals" (tokens, tags);
    "label_ids" (tokens,), the tag of the chosen arc, -1 where it has none; "confidences" (tokens,),
    the probability of that tag, 0 without. Of whitespace 0, -1 and 1.
    """

    def __init__(
        self,
        *,
        max_length: int = 150,
        min_count: int = 1,
        max_offset: int = 0,
        decode: str = BEST,
    ):
        super().__init__(max_length=max_length, decode=decode)
        self.structure = IndependentLabels()
        self.min_count = min_count
        self.max_offset = max_offset
        self.untagged = 0
        self._counted: Counts = Counter()  # tags of gold

    # Labels

    @property
    def tags(self) -> HeadLabels:
        """The inventory."""
        return head_labels(self.pipe.labels)

    def check_labels(self, labels: Sequence[str]) -> None:
        HeadLabels(tuple(labels))

    def check_more(self, label: str) -> None:
        """Check a label. RAISES (ValueError): if it is a deprel, or anything else but a tag such as
        "-2:det": a deprel alone names no output of the model."""
        if parse_head_label(label) is None:
            raise ValueError(
                f"{self.pipe.name}: expected a tag of a head such as '-2:det', '1:nsubj' or "
                f"'0:ROOT' (signed offset of the head, colon, deprel), got {label!r}; for a new "
                f"deprel add a tag for each offset"
            )

    def permanent(self, labels: Iterable[str]) -> Iterable[str]:
        labels = tuple(labels)
        return (*labels, *head_labels(labels).deprels)

    def given_labels(self, labels: Iterable[str]) -> list[str]:
        """See `Task.given_labels`. RAISES (ValueError): if one is no tag."""
        return list(HeadLabels(tuple(dict.fromkeys(labels))).tags)

    def initial_labels(
        self,
        get_examples: Callable[[], Iterable[Example]],
        taught: tuple[str, ...],
        ask: Callable[[Sequence[Example]], Sequence[Belief]],
    ) -> list[str]:
        """Return the tags of the teacher's best trees of the examples, or its own tags, and those
        of the examples' gold. RAISES (ValueError): if the teacher has none of their deprels.

        Of a teacher of trees the examples say which tags occur, since of a streamed corpus spaCy
        shows 100 examples at initialization, few of which may have gold.
        """
        tags = [label for label in taught if parse_head_label(label) is not None]
        inventory = not_longer(tags, max_offset=self.max_offset)
        if len(tags) < len(taught):
            student = self.student()
            inventory += self._chosen(count_taught_tags(ask, get_examples(), student=student))
        shown = count_tags(eg.reference for eg in get_examples())
        return [*inventory, *self._chosen(shown | self._counted)]

    def note_gold(self, examples: Iterable[Example]) -> None:
        self._counted += count_tags(eg.reference for eg in examples)

    def _chosen(self, counts: Counts) -> list[str]:
        return choose_head_labels(counts, min_count=self.min_count, max_offset=self.max_offset)

    def taught_labels(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """Return the teacher's tags, and the student's own that have a deprel of the teacher."""
        deprels = {label for label in labels if parse_head_label(label) is None}
        own = [tag for tag in self.pipe.labels if deprels_of([tag])[0] in deprels]
        return tuple(dict.fromkeys([*(tag for tag in labels if tag not in deprels), *own]))

    def initialize(self, model: Model[list[Doc], Floats2d], docs: list[Doc]) -> None:
        model.initialize(X=docs, Y=model.ops.alloc2f(1, len(self.pipe.labels)))

    def head_tag_student(self) -> HeadTagStudent:
        return HeadTagStudent(**vars(self.student()), tags=self.tags)

    # Prediction

    def predict(self, docs: list[Doc]) -> Predictions:
        words = words_of(docs)
        units, scores = self.units(docs, words), to_numpy(self.word_scores(docs))
        offsets, tags, deprels = self._best(scores, units)
        lengths = [len(each) for each in words]
        best = list(zip(split_by_lengths(offsets, lengths), split_by_lengths(deprels, lengths)))
        if not (self.pipe.save_activations or self.pipe.confidences):
            return Predictions(best)
        told, activations, confidences = self.calibrated(scores), None, None
        if self.pipe.save_activations:
            rows = zip(units, split_by_lengths(told, lengths), split_by_lengths(tags, lengths))
            of_words = [head_tag_activations(*row) for row in rows]
            activations = [head_tags_on_tokens(*pair) for pair in zip(of_words, words)]
        if self.pipe.confidences:
            confidences = on_tokens(chosen_chances(told, tags), words)
        return self.told(docs, words, units, Predictions(best, activations, confidences))

    @property
    def deprels(self) -> tuple[str, ...]:
        return self.tags.deprels

    def _best(self, scores: Floats2d, units: Sequence[Ints2d]) -> tuple[Ints1d, Ints1d, Ints1d]:
        """Of each word of the batch, the offset of its head, the tag and the deprel."""
        tags, offsets = self.tags, numpy.zeros(len(scores), dtype="int64")
        ends = [int(of_doc[-1, 1]) if len(of_doc) else 0 for of_doc in units]
        for bucket in make_buckets(batch_spans(units, ends)):
            pairs = decode_head_labels(
                tags,
                scores,
                rows=bucket.rows,
                lengths=bucket.lengths,
                minimum_risk=self.decoding == MARGINAL,
            )
            offsets[pairs[:, 0]] = numpy.where(pairs[:, 1] < 0, 0, pairs[:, 1] - pairs[:, 0])
        return (offsets, *tags.of_arcs(scores, offsets))

    def k_trees(self, doc: Doc, units: Ints2d, k: int) -> Iterator[list[Tree]]:
        """See `ParsingTask.k_trees`. A tree has the probability of its tags together; one with an
        arc that has no tag has none, and is left out."""
        scores = self.calibrated(to_numpy(self.word_scores([doc])))
        log_sums, structure = softmax(scores)[0], SpanningTrees(single_root=True)
        for start, end in units.tolist():
            own, n = scores[start:end], numpy.asarray([end - start])
            arc = self.tags.best_arcs(own, numpy.arange(end - start)[None], n)
            totals, found = structure.k_best(Parts({"arc": arc}, n), k=k)
            trees = []
            for parts in compress(found, numpy.isfinite(totals[0])):
                heads = parts.arrays["arc"][0].argmax(axis=-1)
                offsets = numpy.where(heads == 0, 0, heads - 1 - numpy.arange(len(heads)))
                tags, deprels = self.tags.of_arcs(own, offsets)
                if (tags >= 0).all():
                    total = own[numpy.arange(len(tags)), tags] - log_sums[start:end]
                    trees.append(Tree(heads, deprels, float(numpy.exp(total.sum()))))
            yield trees

    def write(self, docs: Sequence[Doc], best: Sequence[Arcs]) -> None:
        self.layer.write(docs, best, labels=self.deprels)

    # As a teacher

    def believe_units(
        self, docs: Sequence[Doc], words: Sequence[Words], units: Sequence[Ints2d]
    ) -> list[Belief]:
        told = self.calibrated(to_numpy(self.word_scores(docs)))
        rows = split_by_lengths(told, [len(each) for each in words])
        return [
            HeadLabelBelief(self.structure, self.pipe.labels, of_doc.astype("int32"), scores.copy())
            for of_doc, scores in zip(units, rows)
        ]

    def decode(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> Predictions:
        if not beliefs:
            return Predictions([])
        own = [HeadLabelBelief.of(belief) for belief in beliefs]
        scores = self.uncalibrated(numpy.concatenate([belief.scores for belief in own]))
        offsets, _, deprels = self._best(scores, [belief.units.astype("int64") for belief in own])
        lengths = [belief.n_tokens for belief in own]
        arrays = (split_by_lengths(array, lengths) for array in (offsets, deprels))
        return Predictions(list(zip(*arrays)))

    # Training

    def lesson(
        self, examples: Sequence[Example], beliefs: Sequence[Belief] | None
    ) -> HeadTagLesson:
        """See `Task.lesson`. Of several teachers, the sentences are the first's. Whether they agree
        matters for heads alone that lead out of a sentence, which are unknown gold. Of a doc of
        which no teacher knows any, they are those of the reference."""
        beliefs = self.learnt(beliefs)
        told = [None] * len(examples) if beliefs is None else [each.sentences() for each in beliefs]
        units = [self.reference_units(eg) if of is None else of for eg, of in zip(examples, told)]
        arcs = [self.layer.gold(eg, labels=self.tags.deprels) for eg in examples]
        return HeadTagLesson(self._gold_tags(arcs, units), beliefs)

    def _gold_tags(self, arcs: Sequence[Arcs], units: Sequence[Ints2d]) -> Ints1d:
        """(words of the batch,) tag, -1 unknown. A head outside the unit is unknown.

        arcs: per doc, see `TreeLayer.gold`, of `tags.deprels`. units (Sequence[Ints2d]): per doc
            (U, 2).
        """
        tags_of_docs: list[Ints1d] = [numpy.zeros(0, dtype="int64")]
        untagged = 0
        for (heads, deprels), of_doc in zip(arcs, units):
            start, end = numpy.repeat(of_doc, of_doc[:, 1] - of_doc[:, 0], axis=0).T
            known = (heads == ROOT_HEAD) | ((heads >= start) & (heads < end))
            tags = self.tags.encode(Heads(heads).to_offsets(), deprels)
            untagged += int((known & (tags < 0)).sum())
            tags_of_docs.append(numpy.where(known, tags, -1))
        self._report_untagged(untagged)
        return numpy.concatenate(tags_of_docs)

    def _report_untagged(self, n: int) -> None:
        if n and not self.untagged:
            logger.warning(
                "%s: %d gold arcs of a batch have no tag, so their tokens are taken as without "
                "annotation (counted in `task.untagged`); for a larger inventory see min_count, "
                "max_offset and `labels` of the component's initialization",
                self.pipe.name,
                n,
            )
        self.untagged += n

    def lesson_without_gold(self, beliefs: Sequence[Belief]) -> HeadTagLesson:
        n_words = sum(belief.n_tokens for belief in beliefs)
        return HeadTagLesson(numpy.full(n_words, -1), self.learnt(beliefs))

    def inputs(self, docs: list[Doc], lesson: HeadTagLesson) -> list[Doc]:
        return docs

    def loss(self, lesson: HeadTagLesson, scores: Floats2d) -> tuple[float, Floats2d]:
        """See `Task.loss`. scores: (words of the batch, tags)."""
        target = None if lesson.beliefs is None else self._target(lesson.beliefs)
        gold = self._gold(lesson.tags)
        loss, d_parts = self.mixed_loss(as_units(scores), gold=gold, target=target)
        return loss, d_parts.arrays["unary"][:, 0]

    def _target(self, beliefs: Sequence[Belief]) -> Target:
        target = type(beliefs[0]).target_of_head_tags(beliefs, self.head_tag_student())
        return self.tempered(target.to(self.ops), reason=TAGS)

    def _gold(self, tags: Ints1d) -> Gold:
        indicators = numpy.zeros((len(tags), len(self.pipe.labels)), dtype="float32")
        known = numpy.nonzero(tags >= 0)[0]
        indicators[known, tags[known]] = 1.0
        return gold_tokens(as_units(self.ops.asarray(indicators)), tags >= 0)
