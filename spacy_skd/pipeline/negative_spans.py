"""Spans of a group of `doc.spans` that are known to be none, as spaCy's `incorrect_spans_key`."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence

from spacy.tokens import Span
from spacy.training import Example

from ..arrays import Floats1d
from ..codecs.absence import Window
from ..codecs.bioes import TypedSpan
from ..layers.span_layer import SpanLayer
from ..models.words import words_of
from ..structures import Parts, Structure
from ..transfer.negative import Negative, negative_loss

logger = logging.getLogger("spacy.skd")


class NegativeSpans:
    """Reads them for one component.

    key (str | None): the group; None for no negative spans.
    misaligned (int): spans so far that no tokens of the predicted doc spell; they are not learnt.
    """

    def __init__(self, key: str | None, *, layer: SpanLayer):
        self.key = key
        self.layer = layer
        self.misaligned = 0

    def __call__(self, eg: Example, *, labels: Collection[str], name: str) -> list[TypedSpan]:
        """Return the negative spans, of predicted words, each once. One without a label, or with a
        label that is none of `labels`, says nothing. name (str): of the component, for messages.

        RAISES (ValueError): if a span is annotated as correct, too.
        """
        if self.key is None or self.key not in eg.reference.spans:
            return []
        negatives = list(eg.reference.spans[self.key])
        (words,) = words_of([eg.reference])
        correct = set(words.spans_of_tokens(_typed(self.layer.spans(eg.reference))))
        for span in negatives:
            if not correct.isdisjoint(words.spans_of_tokens(_typed([span]))):
                raise ValueError(
                    f"{name}: the span {span.text!r} ({span.start_char} to {span.end_char}, "
                    f"{span.label_}) is annotated as correct, and stands in "
                    f"doc.spans[{self.key!r}], the incorrect ones. Remove one of the two"
                )
        aligned = eg.get_aligned_spans_y2x(negatives, allow_overlap=True)
        self._note_misaligned(len(negatives) - len(aligned), name)
        (words,) = words_of([eg.predicted])
        found = words.spans_of_tokens(_typed(aligned))
        return list(dict.fromkeys(span for span in found if span[2] in labels))

    def _note_misaligned(self, n: int, name: str) -> None:
        if n and not self.misaligned:
            logger.warning(
                "%s: %d spans of a doc's group %r begin or end within a token and are not learnt "
                "(counted in `task.negatives.misaligned`)",
                name,
                n,
                self.key,
            )
        self.misaligned += n


def loss_of_negatives(
    structure: Structure,
    scores: Parts,
    spans: Sequence[Sequence[TypedSpan]],
    *,
    without: Callable[[Parts, int, TypedSpan], list[Window]],
    weights: Floats1d,
) -> tuple[float, Parts]:
    """See `negative_loss`. spans: of each doc. without: the structures of a unit that lack a
    span."""
    negatives = [
        Negative(unit, without(scores, unit, span))
        for unit, of_doc in enumerate(spans)
        for span in of_doc
    ]
    return negative_loss(structure, scores, negatives, weights=weights)


def _typed(spans: Iterable[Span]) -> list[TypedSpan]:
    return [(span.start, span.end, span.label_) for span in spans]
