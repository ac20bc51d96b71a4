"""Spans of a group of `doc.spans` that are known to be none, as spaCy's `incorrect_spans_key`."""

import logging
from typing import Collection, List, Optional

from spacy.training import Example

from ..codecs.bioes import TypedSpan
from .span_layers import SpanLayer

logger = logging.getLogger("spacy.skd")


class NegativeSpans:
    """Reads them for one component.

    key (Optional[str]): the group; None for no negative spans.
    misaligned (int): spans so far that no tokens of the predicted doc spell; they are not learnt.
    """

    def __init__(self, key: Optional[str], *, layer: SpanLayer, name: str):
        self.key = key
        self.layer = layer
        self.name = name
        self.misaligned = 0

    def __call__(self, eg: Example, *, labels: Collection[str]) -> List[TypedSpan]:
        """The negative spans of predicted tokens, each once. One without a label, or with a label
        that is none of `labels`, says nothing.

        RAISES (ValueError): if a span is annotated as correct, too.
        """
        if self.key is None or self.key not in eg.reference.spans:
            return []
        negatives = list(eg.reference.spans[self.key])
        correct = {(s.start_char, s.end_char, s.label) for s in self.layer.spans(eg.reference)}
        for span in negatives:
            if (span.start_char, span.end_char, span.label) in correct:
                raise ValueError(
                    f"{self.name}: the span {span.text!r} ({span.start_char} to {span.end_char}, "
                    f"{span.label_}) is annotated as correct, and stands in "
                    f"doc.spans[{self.key!r}], the incorrect ones. Remove one of the two"
                )
        aligned = eg.get_aligned_spans_y2x(negatives, allow_overlap=True)
        self._note_misaligned(len(negatives) - len(aligned))
        known = [(s.start, s.end, s.label_) for s in aligned if s.label_ in labels]
        return list(dict.fromkeys(known))

    def _note_misaligned(self, n: int) -> None:
        if n and not self.misaligned:
            logger.warning(
                "%s: %d spans of a doc's group %r begin or end within a token and are not learnt "
                "(counted in `negatives.misaligned`)",
                self.name,
                n,
                self.key,
            )
        self.misaligned += n
