"""A stock `ner` as a teacher: sequences of tags of its beam."""

from collections.abc import Sequence

import numpy
from spacy.pipeline import EntityRecognizer
from spacy.tokens import Doc, Span

from ..arrays import Array, Floats1d, Ints2d
from ..codecs.bioes import OUTSIDE, decode_spans, encode_spans, span_tags
from ..layers.known import stock_layers
from ..models.words import words_of
from ..transfer.beliefs import Belief, LabelCandidates
from .beam import Hypothesis
from .transition import TransitionSource, bare_copy
from .views import View

_FROM_BILUO = {"B": "B", "I": "I", "L": "E", "U": "S", "O": OUTSIDE}


class EntitySource(TransitionSource):
    """spaCy's `EntityRecognizer`: candidates are tags (BIOES) of the doc."""

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.pipe.labels)

    @property
    def inventory(self) -> tuple[str, ...]:
        return span_tags(self.labels, scheme="BIOES")

    def views(self) -> dict[str, View]:
        return {"": View(self.labels, layer=stock_layers(EntityRecognizer)[""].name)}

    def write(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        for doc, belief, words in zip(docs, beliefs, words_of(docs)):
            listed = LabelCandidates.of(belief)
            tags = [listed.labels[i] for i in listed.rows[listed.weights.argmax()].tolist()]
            spans = words.spans_to_tokens(decode_spans(tags))
            doc.set_ents([Span(doc, *span[:2], label=span[2]) for span in spans])

    def _row(self, doc: Doc, hypothesis: Hypothesis) -> Ints2d:
        """Return tags: each move is that of a token."""
        return self._as_row([_tag(self.pipe.moves.get_class_name(m)) for m in hypothesis.moves])

    def _greedy(self, doc: Doc) -> Ints2d:
        copy = bare_copy(doc)
        if len(doc):
            self.pipe.set_annotations([copy], self.pipe.greedy_parse([doc]))
        spans = [(ent.start, ent.end, ent.label_) for ent in copy.ents]
        return self._as_row(encode_spans(spans, n=len(doc), scheme="BIOES"))

    def _as_row(self, tags: Sequence[str]) -> Ints2d:
        return numpy.asarray([[self._index[tag] for tag in tags]], dtype="int32").reshape(1, -1)

    def _candidates(self, doc: Doc, rows: Array, weights: Floats1d) -> Belief:
        return LabelCandidates(tuple(self._index), rows[:, 0], weights)


def _tag(move: str) -> str:
    """Return the tag of a move. "U-" without a label is how spaCy keeps a token out of all
    entities."""
    return OUTSIDE if len(move) < 3 else _FROM_BILUO[move[0]] + move[1:]
