"""The distilling tagger of tokens: independent labels."""

from itertools import islice
from typing import Callable, Iterable, List, Optional, Sequence, Tuple, Union

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d, Ints1d

from ..codecs.tags import encode_tags, split_by_lengths
from ..codecs.trees import Gold, gold_tokens
from ..structures import IndependentLabels, Parts
from ..transfer.annealing import WeightSchedule
from ..transfer.belief import Belief, TokenBelief
from ..transfer.convert import Posterior, convert
from ..transfer.loss import mixed_loss
from .distilling import DistillingPipe
from .layers import Layer


class DistillingTagger(DistillingPipe):
    """Independent labels of tokens (tags, coarse tags, sentence starts)."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], Floats2d],
        name: str = "distilling_tagger",
        *,
        layer: Layer,
        distill_weight: Union[float, WeightSchedule] = 0.0,
        temperature: float = 1.0,
        overwrite: bool = False,
        scorer: Optional[Callable] = None,
    ):
        super().__init__(
            vocab,
            model,
            name,
            structure=IndependentLabels(),
            distill_weight=distill_weight,
            temperature=temperature,
            scorer=scorer or layer.score,
        )
        self.layer = layer
        self.overwrite = overwrite
        self.cfg["labels"] = list(layer.fixed_labels or ())

    def add_label(self, label: str) -> int:
        """See `DistillingPipe.add_label`; layer "sent" has fixed labels."""
        if self.layer.fixed_labels is not None:
            raise ValueError(f"{self.name}: layer {self.layer.name!r} has fixed labels")
        self.layer.check([label])
        return super().add_label(label)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Iterable[str]] = None,
    ) -> None:
        """Set the labels (given, else the teacher's, else those of the examples) and the sizes.

        RAISES (ValueError): if there are no labels, or none that the teacher has.
        """
        found = self.layer.fixed_labels or self._initial_labels(get_examples, labels)
        self.layer.check(found)
        self._set_labels(found, nlp=nlp)
        docs = [eg.predicted for eg in islice(get_examples(), 10)]
        y = self.model.ops.alloc2f(1, len(self.labels))
        self.model.initialize(X=docs, Y=y)

    def predict(self, docs: Iterable[Doc]) -> List[Ints1d]:
        """RETURNS (List[Ints1d]): the index of each token's label, one array a doc.

        RAISES (ValueError): if a score is NaN.
        """
        ops = self.model.ops
        return [self.layer.choose(ops.to_numpy(scores)) for scores in self._doc_scores(docs)]

    def set_annotations(self, docs: Iterable[Doc], batch_ids: Sequence[Ints1d]) -> None:
        """Write predictions into the docs' layer."""
        values: "numpy.ndarray" = numpy.zeros(0, dtype="uint64")
        for i, doc in enumerate(docs):
            if i == 0:
                table = [self.layer.value(doc, label) for label in self.labels]
                values = numpy.asarray(table, dtype="uint64")
            self.layer.write(doc, values[batch_ids[i]], overwrite=self.overwrite)

    def believe(self, docs: Sequence[Doc]) -> List[Belief]:
        """As a teacher: the scores of every token. Does not change the docs."""
        ops = self.model.ops
        return [
            TokenBelief(self.structure, self.labels, ops.to_numpy(scores))
            for scores in self._doc_scores(docs)
        ]

    def get_loss(self, examples: Iterable[Example], scores: Floats2d) -> Tuple[float, Floats2d]:
        """Mean loss of a token in nats, and its gradient at the scores.

        scores (Floats2d): (tokens of the batch, labels).
        """
        examples = list(examples)
        parts = self._as_parts(scores)
        loss, d_parts = mixed_loss(
            self.structure,
            parts,
            gold=self._gold(examples),
            teacher=self._teacher_target(examples),
            weight=self.weight,
            temperature=self.temperature,
        )
        n = max(1, len(scores))
        return self._check_loss(loss / n), d_parts.arrays["unary"][:, 0] / n

    def _learn(self, examples: Sequence[Example]) -> float:
        scores, backprop = self.model.begin_update([eg.predicted for eg in examples])
        loss, d_scores = self.get_loss(examples, scores)
        backprop(d_scores)
        return loss

    def _teacher_target(self, examples: Sequence[Example]) -> Optional[Parts]:
        beliefs = self._beliefs(examples)
        if beliefs is None:
            return None
        scores = numpy.concatenate([self._token_belief(belief).scores for belief in beliefs])
        posterior = Posterior(
            self._token_belief(beliefs[0]).structure,
            self._as_parts(self.model.ops.asarray(scores)),
        )
        match = self._label_match(beliefs[0].labels)
        target = convert(posterior, self.structure, match=match, temperature=self.temperature)
        return target.marginals

    def _token_belief(self, belief: Belief) -> TokenBelief:
        if not isinstance(belief, TokenBelief):
            raise ValueError(
                f"{self.name}: expected a teacher of token labels, but its component "
                f"{self._teacher_pipe_name()!r} annotates trees; set student_to_teacher"
            )
        return belief

    def _gold(self, examples: Sequence[Example]) -> Gold:
        tags: List[Optional[str]] = []
        for eg in examples:
            tags.extend(self.layer.gold(eg))
        indicators, known = encode_tags(tags, self.labels)
        return gold_tokens(self._parts(indicators), known)

    def _has_gold(self, eg: Example) -> bool:
        return all(self.layer.gold(eg))

    def _labels_in(self, examples: Iterable[Example]) -> List[str]:
        return sorted({tag for eg in examples for tag in self.layer.gold(eg) if tag})

    def _as_parts(self, scores: Floats2d) -> Parts:
        return Parts({"unary": scores[:, None]}, self.model.ops.xp.ones(len(scores), dtype="int64"))

    def _doc_scores(self, docs: Iterable[Doc]) -> List[Floats2d]:
        docs = list(docs)
        lengths = [len(doc) for doc in docs]
        if not sum(lengths):
            return [self.model.ops.alloc2f(0, len(self.labels)) for _ in docs]
        scores = self.model.predict(docs)
        if self.model.ops.xp.isnan(scores).any():
            raise ValueError(f"{self.name}: the model's scores are NaN; its weights are damaged")
        return split_by_lengths(scores, lengths)
