"""A stock `spancat` or `spancat_singlelabel` as a teacher.

It scores each candidate of its suggester on its own, so its distribution is over any set of spans:
independent ones, of which each scores its log-odds:

    spancat               log p - log (1 - p)           each label of a span on its own
    spancat_singlelabel   log p - log p(none)           one label, or none, for a span

What is no candidate is `IMPOSSIBLE`.
"""

from collections.abc import Sequence
from typing import Any

import numpy
from spacy.pipeline import SpanCategorizer
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Ragged

from ..arrays import Floats2d, Floats3d, Ints2d
from ..layers.known import stock_layers
from ..layers.span_layer import independent_spans
from ..models.words import words_of
from ..structures import IMPOSSIBLE, IndependentSpans
from ..structures.parts import POSSIBLE_ABOVE, check_scores
from ..transfer.beliefs import Belief, SegmentBelief
from .views import StockSource, View

# Of a student, where the teacher's candidates do not tell.
WIDEST = 16


class SpancatSource(StockSource):
    """spaCy's `SpanCategorizer`, which is the class of both; they differ in their last layer."""

    def __init__(self, pipe: Any):
        self.pipe = pipe

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.pipe.labels)

    def views(self) -> dict[str, View]:
        layer = stock_layers(SpanCategorizer, spans_key=self.pipe.key)[""]
        cfg = self.pipe.cfg
        settings = independent_spans(
            self._widest or WIDEST, max_positive=cfg["max_positive"], threshold=cfg["threshold"]
        )
        student = {} if self._is_flat else settings
        return {"": View(self.labels, layer=layer.full_name, student=student)}

    @property
    def loses(self) -> str:
        is_known = self._is_flat or self._widest
        return "" if is_known else f"spans of more than {WIDEST} words (max_width of the student)"

    @property
    def _is_flat(self) -> bool:
        """`spancat_singlelabel` alone has flat spans, and only if `allow_overlap` is off."""
        return self.pipe.cfg["max_positive"] == 1 and not self.pipe.cfg["allow_overlap"]

    @property
    def _widest(self) -> int:
        """Tokens of the widest candidate of an n-gram suggester; 0 for others, whose candidates
        depend on the doc."""
        return max(getattr(self.pipe.suggester, "keywords", {}).get("sizes", ()), default=0)

    def _believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """Return beliefs of spans as wide as the widest candidate of each doc.

        RAISES (ValueError): if the model's probabilities are not those of spans on their own, or
            one is NaN.
        """
        # A listener has no vectors for a doc without tokens.
        with_tokens = [doc for doc in docs if len(doc)]
        scored = iter(self._scores(with_tokens) if with_tokens else [])
        none = numpy.zeros((0, 1, len(self.labels)), dtype="float32")
        beliefs: list[Belief] = []
        one_label = self._last.name == "softmax"
        for doc in docs:
            scores = next(scored) if len(doc) else none
            structure = IndependentSpans(scores.shape[1], one_label=one_label)
            beliefs.append(SegmentBelief(structure, self.labels, scores))
        return beliefs

    def write(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        """Annotate as the component does: by its threshold, so that spans may overlap."""
        spans: list[Ints2d] = []
        chances: list[Floats2d] = []
        segments = [SegmentBelief.of(belief) for belief in beliefs]
        for belief, words in zip(segments, words_of(docs)):
            start, beyond = numpy.nonzero((belief.scores > POSSIBLE_ABOVE).any(axis=-1))
            token = words.of_tokens(numpy.arange(words.n_tokens))
            spans.append(numpy.stack([token[start], token[start + beyond] + 1], 1).astype("int32"))
            chances.append(self._probabilities(belief.scores[start, beyond]))
        lengths = numpy.asarray([len(of_doc) for of_doc in spans], dtype="int32")
        candidates = Ragged(numpy.concatenate(spans), lengths)
        self.pipe.set_annotations(docs, (candidates, numpy.concatenate(chances)))

    def _scores(self, docs: Sequence[Doc]) -> list[Floats3d]:
        """Return per doc (tokens, widest candidate, labels), nats."""
        ops = self.pipe.model.ops
        candidates = self.pipe.suggester(docs, ops=ops)
        lengths = ops.to_numpy(candidates.lengths)
        rows = numpy.zeros((0, len(self.labels)), dtype="float32")
        if lengths.sum():
            rows = ops.to_numpy(self._log_odds(docs, candidates))
        check_scores(rows, name=self.pipe.name)
        spans = ops.to_numpy(candidates.dataXd).reshape(len(rows), 2)
        cuts = numpy.cumsum([0, *lengths])
        return [
            _placed(spans[a:b], rows[a:b], n=len(doc)) for doc, a, b in zip(docs, cuts, cuts[1:])
        ]

    def _log_odds(self, docs: Sequence[Doc], candidates: Ragged) -> Floats2d:
        """Return (candidates, labels). From what stands before the last activation, since a
        probability near 1 is rounded to it."""
        layers = _layers(self.pipe.model)
        last = self._last
        X: Any = (docs, candidates)
        for layer in layers[:-1]:
            X = layer.predict(X)
        if last.name == "logistic":
            log_odds: Floats2d = X[:, : len(self.labels)]
            return log_odds
        scores = last.ops.affine(X, last.get_param("W"), last.get_param("b"))
        scores = scores / last.attrs["softmax_temperature"]
        none = self.pipe._negative_label_i
        log_odds = scores[:, : len(self.labels)] - scores[:, none : none + 1]
        return log_odds

    def _probabilities(self, log_odds: Floats2d) -> Floats2d:
        """Return (candidates, the component's outputs), as it has them itself."""
        ops = self.pipe.model.ops
        if self._last.name == "softmax":
            none = numpy.zeros((len(log_odds), 1), dtype=log_odds.dtype)
            scores = ops.asarray(numpy.concatenate([log_odds, none], axis=1))
            chances: Floats2d = ops.softmax(scores)
            return chances
        chances = ops.sigmoid(ops.asarray(log_odds))
        if self.pipe.add_negative_label:
            chances = ops.xp.pad(chances, ((0, 0), (0, 1)))  # "none" is never written
        return chances

    @property
    def _last(self) -> Model[Any, Any]:
        """The layer that makes probabilities. RAISES (ValueError): if they are no such."""
        last = _layers(self.pipe.model)[-1]
        if last.name == "logistic":
            return last
        if last.name == "softmax" and self.pipe.add_negative_label:
            return last
        reason = f"expected spacy.LinearLogistic.v1 or Softmax.v2 as its scorer, got {last.name!r}"
        if last.name == "softmax":
            reason = "its softmax has no outcome 'no span' (that of spancat_singlelabel has)"
        raise ValueError(
            f"{self.pipe.name}: the probabilities of spans are unknown: {reason}. Train a "
            f'distilling_tagger with structure = "segments" as the teacher instead.'
        )


def _layers(model: Model[Any, Any]) -> list[Model[Any, Any]]:
    """Return a chain of chains as one."""
    if model.layers and model.name == ">>".join(layer.name for layer in model.layers):
        return [leaf for layer in model.layers for leaf in _layers(layer)]
    return [model]


def _placed(spans: Ints2d, rows: Floats2d, *, n: int) -> Floats3d:
    """Place scores. spans: (S, 2) start and end token. rows: (S, labels). RETURNS: (n, W,
    labels)."""
    widths = spans[:, 1] - spans[:, 0]
    scores = numpy.full((n, int(widths.max(initial=1)), rows.shape[1]), IMPOSSIBLE, "float32")
    scores[spans[:, 0], widths - 1] = rows
    return scores
