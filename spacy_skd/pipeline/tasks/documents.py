"""Categories of docs: one that holds, or each on its own. A unit is a doc, or one of its labels."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model

from ...arrays import Floats1d, Floats2d, Ints1d
from ...codecs.documents import DocGold, encode_categories
from ...codecs.units import as_units
from ...layers.base import Block
from ...layers.doc_layer import DocLayer
from ...models.words import word_lengths
from ...structures import IndependentLabels, LabelSets, Parts, to_numpy
from ...structures.parts import check_scores
from ...transfer.beliefs import Belief, DocBelief
from ...transfer.posterior import Target
from ..lost_mass import CATEGORIES
from .analyses import Analysis
from .base import Task
from .predictions import Activations, Predictions

logger = logging.getLogger("spacy.skd")


class DocLesson(NamedTuple):
    """places: which docs of the batch have words, of which alone is learnt. values: (places,
    labels), see `encode_categories`. beliefs: one a place. weights: (places,), see
    `weights_of_docs`."""

    places: Ints1d
    values: Floats2d
    beliefs: Sequence[Belief] | None
    weights: Floats1d


class DocTask(Task[DocLesson, list[Doc], Floats2d, Floats2d, Floats1d]):
    """Labels of docs; what the model scores is (docs, labels), of independent labels log odds.

    Best: the probabilities of the labels, one array a doc.

    Activations: "marginals" (labels,), "label_ids" of those that hold, "confidences" of these.

    unlabelled, wordless (int): docs so far of which nothing was learnt, since neither gold nor a
        teacher says anything of them, or since they have no words.
    """

    layer: DocLayer
    structure: IndependentLabels

    def __init__(self, layer: DocLayer):
        self.layer = layer
        self.structure = IndependentLabels() if layer.exclusive else LabelSets()
        self.unlabelled = self.wordless = 0

    def why_not_stock(self) -> str:
        return "no architecture of spaCy's scores docs as spacy-skd.DocScorer.v1 does"

    def settings_of_student(self) -> Block:
        return self.layer.settings_like(vars(self.layer))

    def count(self, lengths: Sequence[int]) -> int:
        """See `Task.count`: docs with words."""
        return sum(length > 0 for length in lengths)

    @property
    def units_each(self) -> int:
        """See `Task.units_each`: of sets, each label of a doc is one."""
        return len(self.structure.silent_units(numpy.zeros(len(self.pipe.labels), dtype=bool)))

    # Labels

    def check_labels(self, labels: Sequence[str]) -> None:
        self.layer.check(labels)

    def check_more(self, label: str) -> None:
        labels = dict.fromkeys([*self.pipe.labels, label])
        if len(labels) > 1:  # the first of several is alone for a moment
            self.layer.check(list(labels))

    def initial_labels(
        self,
        get_examples: Callable[[], Iterable[Example]],
        taught: tuple[str, ...],
        ask: Callable[[Sequence[Example]], Sequence[Belief]],
    ) -> list[str]:
        """See `Task.initial_labels`. Gold may be that of several components, so that it says what
        a student's labels are only where no teacher does."""
        return list(taught) or super().initial_labels(get_examples, taught, ask)

    def labels_in(self, examples: Iterable[Example]) -> list[str]:
        return sorted({label for eg in examples for label in eg.reference.cats})

    def initialize(self, model: Model[list[Doc], Floats2d], docs: list[Doc]) -> None:
        model.initialize(X=docs, Y=model.ops.alloc2f(1, len(self.pipe.labels)))

    # Prediction

    def predict(self, docs: list[Doc]) -> Predictions:
        """See `Task.predict`. `doc.cats`, of which thresholds decide, are not calibrated."""
        scores = self._scores(docs)
        best = self._chances(scores)
        if not self.pipe.save_activations:
            return Predictions(best)
        pairs = zip(best, self._chances(self.calibrated(scores)))
        return Predictions(best, [self._activations(*pair) for pair in pairs])

    def _chances(self, scores: Floats2d) -> list[Floats1d]:
        """Return per doc, (labels,), the probability of each. scores: (docs, labels)."""
        _, marginals = self.structure.infer(self.structure.of_label_scores(scores))
        return list(to_numpy(self.structure.label_chances(marginals)))

    def _activations(self, best: Floats1d, chances: Floats1d) -> Activations:
        ids = numpy.asarray(self.layer.chosen(best), dtype="int64")
        return {"marginals": chances.copy(), "label_ids": ids, "confidences": chances[ids]}

    def write(self, docs: Sequence[Doc], best: Sequence[Floats1d]) -> None:
        for doc, chances in zip(docs, best):
            self.layer.write(doc, dict(zip(self.pipe.labels, chances.tolist())))

    def _scores(self, docs: list[Doc]) -> Floats2d:
        """(docs, labels)"""
        if not docs:
            return numpy.zeros((0, len(self.pipe.labels)), dtype="float32")
        scores: Floats2d = self.pipe.model.predict(docs)
        check_scores(scores, name=self.pipe.name)
        return scores

    def analyses(self, doc: Doc, *, k: int) -> list[Analysis]:
        scores = to_numpy(self.calibrated(self._scores([doc])))
        parts = self.structure.of_label_scores(scores)
        totals, found = self.structure.k_best(parts, k=k)
        (log_z,) = self.structure.infer(parts)[0]
        chances = numpy.exp(totals[0] - log_z).tolist()
        rows = [self.structure.label_chances(each)[0].tolist() for each in found]
        named = [dict(zip(self.pipe.labels, row)) for row in rows]
        return [Analysis(0, len(doc), p, cats) for p, cats in zip(chances, named) if p > 0]

    # As a teacher

    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        rows = to_numpy(self.calibrated(self._scores(list(docs))))
        lengths = word_lengths(docs)
        return [
            DocBelief(self.structure, self.pipe.labels, row.copy(), n)
            for row, n in zip(rows, lengths)
        ]

    def decode(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> Predictions:
        own = [DocBelief.of(belief) for belief in beliefs]
        decisive = [replace(each, scores=self.uncalibrated(each.scores)) for each in own]
        return Predictions([belief.chances() for belief in decisive])

    # Training

    def has_gold(self, eg: Example) -> bool:
        return not numpy.isnan(self.layer.gold(eg.reference, self.pipe.labels)).any()

    def lesson(self, examples: Sequence[Example], beliefs: Sequence[Belief] | None) -> DocLesson:
        labels = self.pipe.labels
        cats = [eg.reference.cats for eg in examples]
        held = (label for each in cats for label, value in each.items() if value)
        self.pipe.unknown_labels.add(held, set(labels))
        values = [self.layer.gold(eg.reference, labels) for eg in examples]
        lengths = word_lengths([eg.predicted for eg in examples])
        lesson = self._lesson(lengths, numpy.stack(values), beliefs)
        if beliefs is None:
            self._note_unlabelled(int(numpy.isnan(lesson.values).all(axis=1).sum()))
        return lesson

    def lesson_without_gold(self, beliefs: Sequence[Belief]) -> DocLesson:
        values = numpy.full((len(beliefs), len(self.pipe.labels)), numpy.nan, dtype="float32")
        return self._lesson([belief.n_tokens for belief in beliefs], values, beliefs)

    def _lesson(
        self, lengths: Sequence[int], values: Floats2d, beliefs: Sequence[Belief] | None
    ) -> DocLesson:
        """lengths (Sequence[int]): words of each doc. values: (docs, labels)."""
        places = numpy.flatnonzero(lengths)
        self._note_wordless(len(lengths) - len(places))
        if beliefs is not None:
            beliefs = self.learnt([beliefs[i] for i in places.tolist()])
        values = values[places]
        weights: Floats1d = numpy.ones(len(places))
        if beliefs is not None:
            weights = weights_of_docs(numpy.asarray(lengths)[places], values)
        return DocLesson(places, values, beliefs, weights)

    def inputs(self, docs: list[Doc], lesson: DocLesson) -> list[Doc]:
        return docs

    def loss(self, lesson: DocLesson, scores: Floats2d) -> tuple[float, Floats2d]:
        """See `Task.loss`. scores: (docs, labels)."""
        xp = self.ops.xp
        d_scores = xp.zeros_like(scores)
        if not len(lesson.places):
            return 0.0, d_scores
        places = xp.asarray(lesson.places)
        parts = self.structure.of_label_scores(scores[places])
        shape = parts.arrays["unary"].shape
        gold = encode_categories(lesson.values, self.structure)
        loss, d_units = self.mixed_loss(
            as_units(parts.arrays["unary"].reshape((-1, shape[2]))),
            gold=DocGold(gold.indicators.on_device(self.ops), gold.known, gold.possible),
            target=self._target(lesson.beliefs) if lesson.beliefs else None,
            units=numpy.repeat(lesson.weights, shape[1]),
        )
        d_parts = Parts({"unary": d_units.arrays["unary"].reshape(shape)}, parts.lengths)
        d_scores[places] = self.structure.label_chances(d_parts)
        return loss, d_scores

    def _target(self, beliefs: Sequence[Belief]) -> Target:
        target = type(beliefs[0]).target_of_docs(beliefs, self.student())
        if self.layer.exclusive:
            return self.tempered(target, reason=CATEGORIES)
        objective = self.pipe.objective  # what a teacher lacks is told with the labels
        return objective.temper(target) if objective.tempers else target

    def _note_unlabelled(self, n: int) -> None:
        if n and not self.unlabelled:
            logger.warning(
                "%s: %d docs of a batch have no categories of its labels; nothing is learnt of "
                "such docs (counted in `task.unlabelled`)",
                self.pipe.name,
                n,
            )
        self.unlabelled += n

    def _note_wordless(self, n: int) -> None:
        if n and not self.wordless:
            logger.warning(
                "%s: %d docs of a batch have no words; nothing is learnt of such docs (counted in "
                "`task.wordless`)",
                self.pipe.name,
                n,
            )
        self.wordless += n


def weights_of_docs(lengths: Ints1d, values: Floats2d) -> Floats1d:
    """Return how much each doc counts, 1 on average. The docs with gold count as much against those
    without as they have words, as in every other layer: many short texts of which a teacher is
    unsure do not outvote some long ones with gold. Within the two, docs count alike.

    lengths (Ints1d): (B,) words, at least 1. values (Floats2d): (B, labels), NaN is unknown.
    """
    has_gold = ~numpy.isnan(values).all(axis=1)
    weights = numpy.ones(len(lengths))
    for group in (has_gold, ~has_gold):
        if group.any():
            weights[group] = lengths[group].mean()
    weights /= weights.mean() if len(weights) else 1.0
    return weights
