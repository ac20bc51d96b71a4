"""Layers of labelled spans: `doc.ents` and the groups of `doc.spans`."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy
from spacy.attrs import ENT_IOB, ENT_TYPE
from spacy.pipeline import EntityRecognizer, SpanCategorizer
from spacy.pipeline.spancat import spancat_score
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import filter_spans

from ..arrays import Array, Bools, Floats1d
from ..codecs.bioes import OUTSIDE, TypedSpan, encode_spans
from ..codecs.span_sets import KnownSpans
from ..models.words import words_of
from .base import Block, Layer, register
from .entity_tags import RepairedEntities
from .facts import Fact
from .known_labels import countable
from .span_layer import SpanLayer, independent_spans, joined

_FROM_BILUO = {
    "BIOES": {"B": "B", "I": "I", "L": "E", "U": "S"},
    "BIO": {"B": "B", "I": "I", "L": "I", "U": "B"},
}

_BEGINS = 3  # spaCy's number of B
_MOST = 0.98  # of annotated spans are not wider than a student's

logger = logging.getLogger("spacy.skd")


@register("ents")
class EntsLayer(SpanLayer):
    """Named entities, `doc.ents`. Illegal annotation is repaired in the reference."""

    name = "ents"
    order = 6
    assigns = ("doc.ents", "token.ent_iob", "token.ent_type")
    stock_factory = "ner"
    answers: ClassVar[Mapping[type, str]] = {EntityRecognizer: ""}
    lacking = "no entities"

    def __init__(self) -> None:
        super().__init__()
        self.repaired = RepairedEntities(self._called())

    def belong_to(self, component: str) -> None:
        super().belong_to(component)
        self.repaired.name = self._called()

    @property
    def score_weights(self) -> dict[str, float]:
        return {"ents_f": 0.5, "ents_p": 0.0, "ents_r": 0.0}

    @property
    def default_weights(self) -> Mapping[str, float | None]:
        return {"ents_f": 0.4, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None}

    @property
    def columns(self) -> dict[str, str]:
        return {"ents_f": "ENTS"}

    def is_annotated(self, doc: Doc) -> bool:
        return bool(doc.has_annotation(ENT_IOB))

    def has_labels(self, doc: Doc) -> bool:
        return bool(doc.ents)

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
        examples = countable(self, examples)
        for eg in examples:
            self.repaired(eg.reference)
        return get_ner_prf(examples, **kwargs)

    def unknown(self, doc: Doc) -> Bools:
        nothing: Bools = doc.to_array([ENT_IOB]).reshape(-1) == 0
        return nothing

    def write(self, doc: Doc, spans: Sequence[TypedSpan], *, overwrite: bool) -> None:
        new = _as_spans(doc, spans)
        blocked = [doc[i : i + 1] for i in numpy.flatnonzero(blocked_tokens(doc)).tolist()]
        kept = [] if overwrite else list(doc.ents)
        taken = {token.i for span in [*kept, *blocked] for token in span}
        new = [span for span in new if taken.isdisjoint(range(span.start, span.end))]
        doc.set_ents([*kept, *new], blocked=blocked)


@register("spans")
class SpansLayer(SpanLayer):
    """A group of `doc.spans`. Where its spans overlap, structures of flat spans learn the longest,
    then the first."""

    name = "spans"
    order = 7
    takes = ("spans_key",)
    keyed_by = "spans_key"
    answers: ClassVar[Mapping[type, str]] = {SpanCategorizer: ""}
    is_of_corpora = False
    may_overlap = True
    displacy = "span"

    def __init__(self, *, spans_key: str = "sc"):
        super().__init__()
        self.spans_key = spans_key
        self.overlapping = 0  # spans that were left out so far

    @property
    def full_name(self) -> str:
        return f"{self.name}:{self.spans_key}"

    @property
    def score_weights(self) -> dict[str, float]:
        key = f"spans_{self.spans_key}"
        return {f"{key}_f": 0.5, f"{key}_p": 0.0, f"{key}_r": 0.0}

    @property
    def default_weights(self) -> Mapping[str, float | None]:
        """See `Layer.default_weights`. A factory does not know the key."""
        return {}

    def component(self, model: Block) -> Block:
        block = super().component(model)
        del block["model"]  # to come last
        return {**block, "spans_key": self.spans_key, "model": model}

    def settings_of_gold(self, docs: Sequence[Doc]) -> Block:
        """Where spans overlap, those of a structure whose spans do, as wide as most."""
        groups = [self.spans(doc) for doc in docs]
        if all(len(filter_spans(group)) == len(group) for group in groups):
            return {}
        widths = [len(span) for group in groups for span in group]
        kinds = [{(s.start, s.end, s.label_) for s in group} for group in groups]
        one_label = all(len(kind) == len({edges[:2] for edges in kind}) for kind in kinds)
        return independent_spans(
            int(numpy.quantile(widths, _MOST, method="higher")),
            max_positive=1 if one_label else None,
            threshold=None,
        )

    def is_annotated(self, doc: Doc) -> bool:
        return self.spans_key in doc.spans

    def has_labels(self, doc: Doc) -> bool:
        return bool(self.spans(doc))

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

    def gold_spans(self, eg: Example) -> KnownSpans:
        n = len(eg.predicted)
        if self.spans_key not in eg.reference.spans:
            return KnownSpans(n)
        group = list(eg.reference.spans[self.spans_key])
        aligned = eg.get_aligned_spans_y2x(group, allow_overlap=True)
        unclear: list[TypedSpan] = []
        if len(aligned) < len(group):
            self._note_misaligned(len(group) - len(aligned))
            for span in group:
                if not eg.get_aligned_spans_y2x([span], allow_overlap=True):
                    unclear += _possible_spans(eg, span)
        spans = dict.fromkeys((s.start, s.end, s.label_) for s in aligned)
        return KnownSpans(n, list(spans), unclear)

    def _note_overlap(self, n: int) -> None:
        if n and not self.overlapping:
            logger.warning(
                "%sspans[%r]: %d annotated spans of a doc overlap longer ones and are not learnt "
                "(counted in `layer.overlapping`); spans do not overlap here",
                self.of_component,
                self.spans_key,
                n,
            )
        self.overlapping += n

    def variants(self, docs: Sequence[Doc]) -> list[Layer]:
        keys = sorted({key for doc in docs for key in doc.spans})
        return [SpansLayer(spans_key=key) for key in keys]

    def confidences(
        self, doc: Doc, decisions: Sequence[Fact], kept: Mapping[str, Any]
    ) -> list[float] | None:
        """See `Layer.confidences`. A stock `spancat` keeps them in the group."""
        scores = doc.spans[self.spans_key].attrs.get("scores", ()) if decisions else ()
        if kept or len(scores) != len(decisions):
            return super().confidences(doc, decisions, kept)
        return [float(score) for score in scores]

    def spans(self, doc: Doc) -> Sequence[Span]:
        return tuple(doc.spans.get(self.spans_key, ()))

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        return spancat_score(countable(self, examples), spans_key=self.spans_key, **kwargs)

    def write(self, doc: Doc, spans: Sequence[TypedSpan], *, overwrite: bool) -> None:
        new = _as_spans(doc, spans)
        doc.spans[self.spans_key] = new if overwrite else joined(self.spans(doc), new)

    def write_scores(self, doc: Doc, chances: Floats1d) -> None:
        """As spaCy's `spancat`; spans that were there before have no probability."""
        group = doc.spans[self.spans_key]
        before = numpy.full(len(group) - len(chances), numpy.nan)
        group.attrs["scores"] = numpy.concatenate([before, chances])


def _as_spans(doc: Doc, spans: Sequence[TypedSpan]) -> list[Span]:
    """spans (Sequence[TypedSpan]): start and end word, and label."""
    if not spans:
        return []
    (words,) = words_of([doc])
    return [Span(doc, *span[:2], label=span[2]) for span in words.spans_to_tokens(spans)]


def blocked_tokens(doc: Doc) -> Array:
    """Return (N,) bool, the tokens of `doc.set_ents(..., blocked=)`, which begin an entity of no
    label."""
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


def _possible_spans(eg: Example, span: Span) -> Iterator[TypedSpan]:
    """Yield the spans of predicted tokens that one of the reference could be, whose edges lie
    within tokens: with these tokens and without them."""
    inside = [
        token
        for token in eg.predicted
        if token.idx < span.end_char and span.start_char < token.idx + len(token)
    ]
    if not inside:
        return
    first, last = inside[0], inside[-1]
    starts = [first.i] if first.idx >= span.start_char else [first.i, first.i + 1]
    ends = [last.i + 1] if last.idx + len(last) <= span.end_char else [last.i, last.i + 1]
    yield from ((start, end, "") for start in starts for end in ends if start < end)


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
