"""The distilling tagger of tokens: independent labels."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model

from ..arrays import Floats2d, Ints1d
from ..codecs.tags import encode_tags, split_by_lengths
from ..codecs.trees import Gold, gold_tokens
from ..codecs.words import Words
from ..layers.token_layer import TokenLayer
from ..models.words import word_lengths, words_of
from ..structures import IndependentLabels, Parts
from ..structures.numerics import check_scores
from ..transfer.annealing import WeightSchedule
from ..transfer.belief import Belief, TokenBelief
from ..transfer.candidates import LabelCandidates, expect_tokens
from ..transfer.conversions.table import Posterior, Target, convert
from ..transfer.mixture import mixed_target
from ..transfer.target import STRUCTURAL, Objective
from .activations import Activations, Predictions
from .distilling import DistillingPipe
from .lessons import belief_words


class TokenLesson(NamedTuple):
    """tags: of each word of the batch, None or "" where there is no gold. beliefs: one a doc."""

    tags: list[str | None]
    beliefs: Sequence[Belief] | None


class DistillingTagger(DistillingPipe):
    """Independent labels of tokens (tags, coarse tags, sentence starts)."""

    layer: TokenLayer

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], Floats2d],
        name: str = "distilling_tagger",
        *,
        layer: TokenLayer,
        distill_weight: float | WeightSchedule = 0.0,
        objective: Objective = STRUCTURAL,
        overwrite: bool = False,
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
            scorer=scorer or layer.score,
            save_activations=save_activations,
        )
        self.layer = layer
        self.overwrite = overwrite
        self.cfg["labels"] = list(layer.fixed_labels or ())

    def add_label(self, label: str) -> int:
        """See `DistillingPipe.add_label`. RAISES (ValueError): if the layer has fixed labels."""
        if self.layer.fixed_labels is not None:
            raise ValueError(f"{self.name}: layer {self.layer.name!r} has fixed labels")
        self.layer.check([label])
        return super().add_label(label)

    def _check_labels(self, labels: Sequence[str]) -> None:
        fixed = self.layer.fixed_labels
        if fixed is not None and tuple(labels) != fixed:
            raise ValueError(f"expected the labels {list(fixed)}, got {list(labels)}")
        self.layer.check(labels)

    @property
    def is_resizable(self) -> bool:
        """See `DistillingPipe.is_resizable`."""
        return self.layer.fixed_labels is None and super().is_resizable

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        """Set the labels (given, else all of those of `add_label`, of the teacher and of the
        examples) and the sizes.

        RAISES (ValueError): if there are no labels, or none that the teacher has.
        """
        found = self.layer.fixed_labels or self._initial_labels(get_examples, labels)
        self.layer.check(found)
        self._set_labels(found, nlp=nlp)
        docs = [eg.predicted for eg in islice(get_examples(), 10)]
        y = self.model.ops.alloc2f(1, len(self.labels))
        self.model.initialize(X=docs, Y=y)

    def predict(self, docs: Iterable[Doc]) -> Predictions:
        """See `DistillingPipe.predict`. Best: the index of each word's label, one array a doc.

        Activations: "marginals" (tokens, labels), "label_ids" (tokens,), "confidences" (tokens,),
        the probability of the chosen label. Of whitespace 0, -1 and 1.
        """
        docs = list(docs)
        scores = self._batch_scores(docs)
        words = words_of(docs, n_words=len(scores))
        lengths = [len(each) for each in words]
        best = self.layer.choose_all(self.model.ops.to_numpy(scores), lengths)
        if not self.save_activations:
            return Predictions(best)
        rows = split_by_lengths(scores, lengths)
        return Predictions(best, [self._activations(*row) for row in zip(rows, best, words)])

    def _activations(self, scores: Floats2d, ids: Ints1d, words: Words) -> Activations:
        _, found = self.structure.infer(self._as_parts(scores))
        marginals = self.model.ops.to_numpy(found.arrays["unary"][:, 0])
        chosen = marginals[numpy.arange(len(ids)), ids]
        return {
            "marginals": words.to_tokens(marginals, fill=0.0),
            "label_ids": words.to_tokens(ids, fill=-1),
            "confidences": words.to_tokens(chosen, fill=1.0),
        }

    def _write(self, docs: Sequence[Doc], best: Sequence[Ints1d]) -> None:
        values: numpy.ndarray = numpy.zeros(0, dtype="uint64")
        for i, doc in enumerate(docs):
            if i == 0:
                table = [self.layer.value(doc, label) for label in self.labels]
                values = numpy.asarray(table, dtype="uint64")
            self.layer.write(doc, values[best[i]], labels=self.labels, overwrite=self.overwrite)

    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """As a teacher: the scores of every token. Does not change the docs."""
        ops = self.model.ops
        return [
            # A copy: a view would keep the scores of the whole batch in the teacher's cache.
            TokenBelief(self.structure, self.labels, ops.to_numpy(scores).copy())
            for scores in self._doc_scores(docs)
        ]

    def write_beliefs(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        """See `LearningPipe.write_beliefs`."""
        best = [self.layer.choose(self._token_belief(belief).scores) for belief in beliefs]
        self._write(docs, best)

    # Training

    def _lesson(self, examples: Sequence[Example], beliefs: Sequence[Belief] | None) -> TokenLesson:
        tags = [tag for eg in examples for tag in self.layer.gold(eg)]
        self.unknown_labels.add((tag for tag in tags if tag), set(self.labels))
        return TokenLesson(tags, self._read(beliefs))

    def _lesson_without_gold(self, beliefs: Sequence[Belief]) -> TokenLesson:
        return TokenLesson([None] * sum(map(belief_words, beliefs)), self._read(beliefs))

    def _loss(self, lesson: TokenLesson, scores: Floats2d) -> tuple[float, Floats2d]:
        target = self._teacher_target(lesson.beliefs)
        gold = self._gold(lesson.tags)
        loss, d_parts = self._mixed_loss(self._as_parts(scores), gold=gold, target=target)
        return loss, d_parts.arrays["unary"][:, 0]

    def _teacher_target(self, beliefs: Sequence[Belief] | None) -> Target | None:
        if beliefs is None:
            return None
        target = mixed_target(beliefs, self._target_of)
        self.lost_mass.add(target)
        return self.objective.temper(target)

    def _target_of(self, beliefs: Sequence[Belief]) -> Target:
        """The target of one teacher."""
        temperature = self.objective.inference_temperature
        listed = [belief for belief in beliefs if isinstance(belief, LabelCandidates)]
        if listed:
            self._label_match(listed[0].labels)
            return self._on_device(expect_tokens(listed, self.labels, temperature=temperature))
        found = [self._token_belief(belief) for belief in beliefs]
        scores = self.model.ops.asarray(numpy.concatenate([belief.scores for belief in found]))
        posterior = Posterior(found[0].structure, self._as_parts(scores))
        match = self._label_match(found[0].labels)
        return convert(posterior, self.structure, match=match, temperature=temperature)

    def _token_belief(self, belief: Belief) -> TokenBelief:
        if not isinstance(belief, TokenBelief):
            raise ValueError(
                f"{self.name}: expected a teacher of token labels, but its component "
                f"{self._teacher_pipe_name()!r} annotates trees; set student_to_teacher"
            )
        return belief

    def _gold(self, tags: Sequence[str | None]) -> Gold:
        indicators, known = encode_tags(tags, self.labels)
        return gold_tokens(self._parts(indicators), known)

    def _has_gold(self, eg: Example) -> bool:
        return all(self.layer.gold(eg))

    def _labels_in(self, examples: Iterable[Example]) -> list[str]:
        if self.layer.fixed_labels is not None:
            return list(self.layer.fixed_labels)
        annotated = (eg for eg in examples if self.layer.is_annotated(eg.reference))
        return sorted({tag for eg in annotated for tag in self.layer.aligned(eg) if tag})

    def _as_parts(self, scores: Floats2d) -> Parts:
        return Parts({"unary": scores[:, None]}, self.model.ops.xp.ones(len(scores), dtype="int64"))

    def _doc_scores(self, docs: Sequence[Doc]) -> list[Floats2d]:
        scores = self._batch_scores(docs)
        return split_by_lengths(scores, word_lengths(docs, n_words=len(scores)))

    def _batch_scores(self, docs: Sequence[Doc]) -> Floats2d:
        """(words of the batch, labels)"""
        if not any(len(doc) for doc in docs):
            return self.model.ops.alloc2f(0, len(self.labels))
        scores = self.model.predict(list(docs))
        check_scores(scores, name=self.name)
        return scores
