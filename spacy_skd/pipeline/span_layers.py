"""Layers of labelled spans that a distilling tagger can annotate: `doc.ents` and `doc.spans`."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy
from spacy.attrs import ENT_IOB, ENT_TYPE
from spacy.pipeline.spancat import spancat_score
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import filter_spans

from ..arrays import Array
from ..codecs.bioes import OUTSIDE, TypedSpan, encode_spans
from ..codecs.words import Words
from ..models.words import words_of
from .entity_tags import RepairedEntities

_FROM_BILUO = {
    "BIOES": {"B": "B", "I": "I", "L": "E", "U": "S"},
    "BIO": {"B": "B", "I": "I", "L": "I", "U": "B"},
}

_BEGINS = 3  # spaCy's number of B

logger = logging.getLogger("spacy.skd")


class SpanLayer(ABC):
    """One kind of spans that do not overlap. Holds no weights and no labels.

    misaligned (int): annotated spans that no tokens of the predicted doc spell, each time that they
        were met. Their tokens are unknown.
    """

    name: ClassVar[str]

    def __init__(self) -> None:
        self.misaligned = 0

    def _note_misaligned(self, n: int) -> None:
        if n and not self.misaligned:
            logger.warning(
                "layer %r: %d annotated spans of a doc begin or end within a token and are not "
                "learnt (counted in `layer.misaligned`); does the tokenizer fit the annotation?",
                self.name,
                n,
            )
        self.misaligned += n

    @abstractmethod
    def gold(self, eg: Example, *, scheme: str) -> list[str | None]:
        """The tag of each predicted token, None where nothing is known."""

    @abstractmethod
    def spans(self, doc: Doc) -> Sequence[Span]:
        """A doc's spans."""

    def labels(self, doc: Doc) -> Iterable[str]:
        """The labels of a doc's spans."""
        return (span.label_ for span in self.spans(doc))

    def blocked(self, doc: Doc) -> Array:
        """(N,) bool: the tokens of which no span may be predicted."""
        return numpy.zeros(len(doc), dtype=bool)

    def blocked_words(self, docs: Sequence[Doc], words: Sequence[Words]) -> list[Array]:
        """Per doc, (words,) bool: `blocked` of its words."""
        return [each.of_tokens(self.blocked(doc)) for doc, each in zip(docs, words)]

    @abstractmethod
    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """spaCy's scores of this layer."""

    @abstractmethod
    def write(self, doc: Doc, spans: Sequence[TypedSpan], *, overwrite: bool) -> None:
        """Set the doc's spans. spans (Sequence[TypedSpan]): start and end word, and label."""


class EntsLayer(SpanLayer):
    """Named entities, `doc.ents`. Illegal annotation is repaired in the reference."""

    name = "ents"

    def __init__(self) -> None:
        super().__init__()
        self.repaired = RepairedEntities("layer 'ents'")

    def gold(self, eg: Example, *, scheme: str) -> list[str | None]:
        self.repaired(eg.reference)
        table = _FROM_BILUO[scheme]
        tags = [_translate(tag, table) for tag in eg.get_aligned_ner()]
        for i in _aligned_blocked(eg):  # which spaCy's `ner` takes as unknown in training
            tags[i] = tags[i] or OUTSIDE
        ents = eg.reference.ents if None in tags else ()
        if ents:
            self._note_misaligned(len(ents) - len(eg.get_aligned_spans_y2x(ents)))
        return tags

    def spans(self, doc: Doc) -> Sequence[Span]:
        return self.repaired(doc).ents

    def blocked(self, doc: Doc) -> Array:
        return blocked_tokens(doc)

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        examples = list(examples)
        for eg in examples:
            self.repaired(eg.reference)
        return get_ner_prf(examples, **kwargs)

    def write(self, doc: Doc, spans: Sequence[TypedSpan], *, overwrite: bool) -> None:
        found = _as_spans(doc, spans)
        blocked = [doc[i : i + 1] for i in numpy.flatnonzero(blocked_tokens(doc)).tolist()]
        kept = [] if overwrite else list(doc.ents)
        taken = {token.i for span in [*kept, *blocked] for token in span}
        found = [span for span in found if taken.isdisjoint(range(span.start, span.end))]
        doc.set_ents([*kept, *found], blocked=blocked)


class SpansLayer(SpanLayer):
    """A group of `doc.spans`. Where its spans overlap, the longest, then the first, is learnt."""

    name = "spans"

    def __init__(self, *, spans_key: str):
        super().__init__()
        self.spans_key = spans_key
        self.overlapping = 0  # spans that were left out so far

    def gold(self, eg: Example, *, scheme: str) -> list[str | None]:
        n = len(eg.predicted)
        if self.spans_key not in eg.reference.spans:
            return [None] * n
        kept = filter_spans(eg.reference.spans[self.spans_key])
        self._note_overlap(len(eg.reference.spans[self.spans_key]) - len(kept))
        aligned = eg.get_aligned_spans_y2x(kept, allow_overlap=False)
        tags: list[str | None] = list(
            encode_spans([(s.start, s.end, s.label_) for s in aligned], n=n, scheme=scheme)
        )
        self._note_misaligned(len(kept) - len(aligned))
        if len(aligned) < len(kept):  # what is not aligned is not known
            for i in _misaligned_tokens(eg, kept, aligned):
                tags[i] = None
        return tags

    def _note_overlap(self, n: int) -> None:
        if n and not self.overlapping:
            logger.warning(
                "spans[%r]: %d annotated spans of a doc overlap longer ones and are not learnt "
                "(counted in `layer.overlapping`); spans do not overlap here",
                self.spans_key,
                n,
            )
        self.overlapping += n

    def spans(self, doc: Doc) -> Sequence[Span]:
        return tuple(doc.spans.get(self.spans_key, ()))

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        return spancat_score(examples, spans_key=self.spans_key, **kwargs)

    def write(self, doc: Doc, spans: Sequence[TypedSpan], *, overwrite: bool) -> None:
        found = _as_spans(doc, spans)
        if not overwrite and self.spans_key in doc.spans:
            found = [*doc.spans[self.spans_key], *found]
        doc.spans[self.spans_key] = found


def _as_spans(doc: Doc, spans: Sequence[TypedSpan]) -> list[Span]:
    """spans (Sequence[TypedSpan]): start and end word, and label."""
    if not spans:
        return []
    (words,) = words_of([doc])
    return [Span(doc, *span[:2], label=span[2]) for span in words.spans_to_tokens(spans)]


def blocked_tokens(doc: Doc) -> Array:
    """(N,) bool: the tokens of `doc.set_ents(..., blocked=)`, which begin an entity of no label."""
    if not doc.has_annotation(ENT_IOB):  # mostly, and much faster than arrays
        return numpy.zeros(len(doc), dtype=bool)
    tags, labels = doc.to_array([ENT_IOB, ENT_TYPE]).reshape(-1, 2).T
    blocked: numpy.ndarray = (tags == _BEGINS) & (labels == 0)
    return blocked


def _aligned_blocked(eg: Example) -> list[int]:
    """Predicted tokens whose reference tokens are all blocked."""
    blocked = blocked_tokens(eg.reference)
    if not blocked.any():
        return []
    aligned = (eg.alignment.x2y[i] for i in range(len(eg.predicted)))
    return [i for i, tokens in enumerate(aligned) if len(tokens) and blocked[tokens].all()]


def _translate(tag: str | None, table: dict[str, str]) -> str | None:
    if not tag or tag == "-":
        return None
    return tag if tag == OUTSIDE else f"{table[tag[0]]}-{tag[2:]}"


def _misaligned_tokens(eg: Example, kept: Sequence[Span], aligned: Sequence[Span]) -> list[int]:
    """Predicted tokens outside the aligned spans that share characters with a reference span."""
    clear = {i for span in aligned for i in range(span.start, span.end)}
    chars: list[tuple[int, int]] = [(span.start_char, span.end_char) for span in kept]
    return [
        token.i
        for token in eg.predicted
        if token.i not in clear
        and any(token.idx < end and start < token.idx + len(token) for start, end in chars)
    ]


def make_span_layer(name: str, *, spans_key: str) -> SpanLayer:
    """name (str): "ents" or "spans"."""
    return EntsLayer() if name == EntsLayer.name else SpansLayer(spans_key=spans_key)


SPAN_LAYERS = (EntsLayer.name, SpansLayer.name)
