"""What layers of labelled spans share."""

import logging
from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..arrays import Array, Floats1d
from ..codecs.bioes import TypedSpan
from ..codecs.span_sets import KnownSpans
from ..codecs.words import Words
from ..errors import named
from ..models.words import words_of
from ..structures import IndependentSpans
from ..transfer.beliefs import Belief
from .base import Block, Drawing, Layer
from .facts import Fact
from .said import Annotation, LayerReader
from .said.annotation import SCORE
from .said.spans import SpanReader

logger = logging.getLogger("spacy.skd")


def independent_spans(
    max_width: int, *, max_positive: int | None, threshold: float | None
) -> Block:
    """Return the settings of a student's component of spans that may overlap, its model's among
    them. threshold (float | None): None for the component's default."""
    return {
        "structure": IndependentSpans.name,
        "max_positive": max_positive,
        **({} if threshold is None else {"threshold": threshold}),
        "model": {"@architectures": "spacy-skd.SegmentScorer.v1", "max_width": max_width,
                  "dropout": 0.0},
    }  # fmt: skip


class SpanLayer(Layer):
    """One kind of spans.

    may_overlap (bool): whether spans may nest and cross, where a structure has such.
    misaligned (int): annotated spans that no tokens of the predicted doc spell, each time that they
        were met. Their tokens are unknown.
    of_component (str): how a warning begins that names the component whose layer it is.
    """

    family = "spans"
    architecture = "spacy-skd.ChainScorer.v1"
    settings: ClassVar[Block] = {"structure": "linear_chain"}
    may_overlap: ClassVar[bool] = False
    of_spans: ClassVar[bool] = True
    displacy = "ent"
    lengths = "length of span"

    def __init__(self) -> None:
        self.misaligned = 0
        self.of_component = ""

    def belong_to(self, component: str) -> None:
        """Let warnings name a component."""
        self.of_component = f"{component}: "

    def _called(self) -> str:
        return f"{self.of_component}layer {self.name!r}"

    def _note_misaligned(self, n: int) -> None:
        if n and not self.misaligned:
            logger.warning(
                "%s: %d annotated spans of a doc begin or end within a token and are not "
                "learnt (counted in `layer.misaligned`); does the tokenizer fit the annotation?",
                self._called(),
                n,
            )
        self.misaligned += n

    @abstractmethod
    def gold(self, eg: Example, *, scheme: str) -> list[str | None]:
        """Return the tag of each predicted token, None where nothing is known. Of spans that
        overlap, one is left."""

    def gold_spans(self, eg: Example) -> KnownSpans:
        """Return all spans of predicted tokens, of a layer whose spans may overlap."""
        raise NotImplementedError(f"{self._called()}: spans do not overlap")

    @abstractmethod
    def spans(self, doc: Doc) -> Sequence[Span]:
        """Return a doc's spans."""

    def labels(self, doc: Doc) -> Iterable[str]:
        """Return the labels of a doc's spans."""
        return (span.label_ for span in self.spans(doc))

    def keep_labels(self, doc: Doc, labels: Collection[str]) -> None:
        spans = self.spans(doc)
        kept = [(each.start, each.end, each.label_) for each in spans if each.label_ in labels]
        if len(kept) < len(spans):
            (words,) = words_of([doc])
            self.write(doc, words.spans_of_tokens(kept), overwrite=True)

    @property
    def said_under(self) -> tuple[str, ...]:
        return (self.name,)

    def readers(self, annotation: Annotation) -> list[LayerReader[Any]]:
        """See `Layer.readers`: of groups one each; a list without a key is the default group."""
        said = annotation.data.get(self.name)
        if isinstance(said, dict) and self.keyed_by:
            groups = [(type(self)(**{self.keyed_by: key}), key, said[key]) for key in said]
            return [_reader(annotation, spans, of, self.name, key) for of, key, spans in groups]
        return [] if said is None else [_reader(annotation, said, type(self)(), self.name)]

    def settings_of_said(self, widest: int) -> Block:
        """Return settings of a student's component where a file has spans that are independent of
        each other. widest (int): words."""
        if not self.may_overlap:
            return {}
        return independent_spans(widest, max_positive=None, threshold=None)

    def facts(self, doc: Doc) -> dict[str, list[Fact]]:
        """See `Layer.facts`. What a group holds twice, it says once."""
        name, _, key = self.full_name.partition(":")
        facts = [
            Fact(
                (s.start_char, s.end_char), (s.start, s.end), s.label_, label=s.label_, text=s.text
            )
            for s in self.spans(doc)
        ]
        facts = [*dict.fromkeys(facts)]
        return {f"{name.upper()}:{key}" if key else name.upper(): facts}

    def annotation_in(self, doc: Doc, start: int, end: int) -> Any:
        return [span for span in self.spans(doc) if start <= span.start and span.end <= end]

    def claims(self, doc: Doc, start: int, annotation: Any) -> list[str]:
        return [f"{span.text} {span.label_}" for span in annotation]

    def confidences(
        self, doc: Doc, decisions: Sequence[Fact], kept: Mapping[str, Any]
    ) -> list[float] | None:
        if "spans" not in kept:
            return None
        rows = [(start, end, kept["labels"][label]) for start, end, label in kept["spans"].tolist()]
        chances = dict(zip(rows, numpy.asarray(kept["confidences"]).tolist()))
        return [chances.get((*fact.tokens, fact.label), numpy.nan) for fact in decisions]

    def blocked(self, doc: Doc) -> Array:
        """Return (N,) bool, the tokens of which no span may be predicted."""
        return numpy.zeros(len(doc), dtype=bool)

    def blocked_words(self, docs: Sequence[Doc], words: Sequence[Words]) -> list[Array]:
        """Return per doc, (words,) bool, `blocked` of its words."""
        return [each.of_tokens(self.blocked(doc)) for doc, each in zip(docs, words)]

    @abstractmethod
    def write(self, doc: Doc, spans: Sequence[TypedSpan], *, overwrite: bool) -> None:
        """Set the doc's spans. spans (Sequence[TypedSpan]): start and end word, and label."""

    def write_scores(self, doc: Doc, chances: Floats1d) -> None:
        """Set the probabilities of the spans that were written last, (S,), where docs hold such."""

    # Confidences

    def rows(self, doc: Doc, spans: Sequence[TypedSpan]) -> Array:
        """Return (S, 3) uint64, see `Record`. spans (Sequence[TypedSpan]): start and end word, and
        label."""
        if not spans:
            return numpy.zeros((0, 3), dtype="uint64")
        (words,) = words_of([doc])
        strings = doc.vocab.strings
        rows = [
            (start, end, strings.add(label)) for start, end, label in words.spans_to_tokens(spans)
        ]
        return numpy.asarray(rows, dtype="uint64")

    def row_to_json(self, doc: Doc, place: int, row: Sequence[int]) -> Block:
        return {"start": row[0], "end": row[1], "label": str(doc.vocab.strings[row[2]])}

    def row_of_json(self, doc: Doc, entry: Block) -> tuple[int, ...]:
        return int(entry["start"]), int(entry["end"]), int(doc.vocab.strings.add(entry["label"]))

    def draw(self, doc: Doc, belief: Belief, how: Drawing) -> None:
        belief = belief if self.may_overlap else belief.without_overlap()
        with named(f"layer {self.full_name!r}"):
            drawn = belief.draw_spans(rng=how.rng, temperature=how.temperature)
        self.write(doc, drawn, overwrite=True)


def joined(there: Sequence[Span], new: Sequence[Span]) -> list[Span]:
    """Return spans that are there already, then new ones; of what is both, that which is there in
    the place of the new one."""
    kept = {(span.start, span.end, span.label): span for span in there}
    own = [kept.pop((span.start, span.end, span.label), span) for span in new]
    return [*kept.values(), *own]


def _reader(annotation: Annotation, said: Any, of: SpanLayer, *keys: str) -> SpanReader:
    """said: the list of spans, which may be malformed; empty, it may be one of scores, too."""
    items = said if isinstance(said, list) else []
    scored = None if not items else any(isinstance(each, dict) and SCORE in each for each in items)
    return SpanReader(of, *keys, has_scores=False if annotation.is_listed else scored)
