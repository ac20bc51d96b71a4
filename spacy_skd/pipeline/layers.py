"""Layers that a distilling tagger can annotate: where gold is read and predictions are written."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy
from spacy.attrs import MORPH, POS, SENT_START, TAG
from spacy.parts_of_speech import IDS as POS_IDS
from spacy.scorer import Scorer
from spacy.tokens import Doc, Token
from spacy.training import Example

from ..arrays import Array, Floats2d, Ints1d
from ..codecs.tags import split_by_lengths
from ..codecs.words import SPACE_FEATS, SPACE_POS, Words, space_tag
from ..errors import check_between
from ..models.words import words_of
from .sentences import aligned_starts, units_from_starts

SENT_LABELS = ("I", "S")
CERTAIN = 1e4  # nats; finite, since an exported component has it among its weights


class Layer(ABC):
    """One kind of token annotation. Holds no weights and no labels."""

    name: ClassVar[str]
    attr: ClassVar[int]
    fixed_labels: ClassVar[tuple[str, ...] | None] = None

    @abstractmethod
    def aligned(self, eg: Example) -> list[str | None]:
        """The annotation of each predicted token, None or "" where there is none."""

    def gold(self, eg: Example) -> list[str | None]:
        """The annotation of each predicted word, None or "" where there is none."""
        (words,) = words_of([eg.predicted])
        return words.items_of_tokens(self.aligned(eg))

    @abstractmethod
    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """spaCy's scores of this layer."""

    @abstractmethod
    def value(self, doc: Doc, label: str) -> int:
        """What is written into the doc's array for a label."""

    @abstractmethod
    def space_label(self, labels: Sequence[str]) -> str:
        """What whitespace is annotated with. labels (Sequence[str]): of the words."""

    def choose(self, scores: Floats2d) -> Ints1d:
        """Label of each word of one doc. scores: (words, labels)."""
        return scores.argmax(axis=-1)

    def choose_all(self, scores: Floats2d, lengths: Sequence[int]) -> list[Ints1d]:
        """`choose` for each doc of a batch. scores: (words of the batch, labels)."""
        return split_by_lengths(scores.argmax(axis=-1), lengths)

    def check(self, labels: Sequence[str]) -> None:
        """RAISES (ValueError): if a label cannot be written."""

    def write(self, doc: Doc, values: Array, *, labels: Sequence[str], overwrite: bool) -> None:
        """values: (words,) uint64, as made by `value`. labels (Sequence[str]): see
        `space_label`."""
        if not len(doc):
            return
        if len(values) < len(doc):
            (words,) = words_of([doc])
            values = self._on_tokens(words, values, self.value(doc, self.space_label(labels)))
        if not overwrite and doc.has_annotation(self.attr):
            current = doc.to_array([self.attr]).reshape(-1)
            values = numpy.where(current == 0, values, current)
        doc.from_array([self.attr], values.reshape(-1, 1))

    def _on_tokens(self, words: Words, values: Array, space: int) -> Array:
        """(words,) to (tokens,)."""
        return words.to_tokens(values, fill=space)


class TagLayer(Layer):
    """Fine-grained tags, `token.tag`."""

    name = "tag"
    attr = TAG

    def aligned(self, eg: Example) -> list[str | None]:
        return eg.get_aligned("TAG", as_string=True)

    def space_label(self, labels: Sequence[str]) -> str:
        return space_tag(labels)

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        return Scorer.score_token_attr(examples, "tag", **kwargs)

    def value(self, doc: Doc, label: str) -> int:
        return int(doc.vocab.strings.add(label))


class PosLayer(Layer):
    """Coarse universal tags, `token.pos`."""

    name = "pos"
    attr = POS

    def aligned(self, eg: Example) -> list[str | None]:
        return eg.get_aligned("POS", as_string=True)

    def space_label(self, labels: Sequence[str]) -> str:
        return SPACE_POS

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        return Scorer.score_token_attr(examples, "pos", **kwargs)

    def value(self, doc: Doc, label: str) -> int:
        return int(POS_IDS[label])

    def check(self, labels: Sequence[str]) -> None:
        wrong = [label for label in labels if label not in POS_IDS]
        if wrong:
            known = ", ".join(sorted(filter(None, POS_IDS)))
            raise ValueError(
                f"layer 'pos': expected universal POS tags ({known}),"
                f" got {wrong}; use layer 'tag' for a tag set of your own"
            )


class MorphLayer(Layer):
    """Morphological features in UD's format, `token.morph`; "_" for none."""

    name = "morph"
    attr = MORPH

    def aligned(self, eg: Example) -> list[str | None]:
        return eg.get_aligned("MORPH", as_string=True)

    def space_label(self, labels: Sequence[str]) -> str:
        return SPACE_FEATS

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        examples = list(examples)
        kwargs["getter"] = _morph_key
        return {
            **Scorer.score_token_attr(examples, "morph", **kwargs),
            **Scorer.score_token_attr_per_feat(examples, "morph", **kwargs),
        }

    def value(self, doc: Doc, label: str) -> int:
        return int(doc.vocab.morphology.add(label))


def _morph_key(token: Token, attr: str) -> Any:
    return getattr(token, attr).key


class SentLayer(Layer):
    """Sentence starts, `token.is_sent_start`: "S" starts a sentence, "I" does not.

    A word starts a sentence if its probability of that exceeds `threshold`: 0 makes all start one,
    1 none but the first of a doc, as `spacy find-threshold` tries them. A missed start costs a
    parser more than one too many: its single-rooted tree then spans two sentences.
    A sentence of more than `max_length` words is cut at its likeliest start that leaves pieces of
    at least half that length.
    """

    name = "sent"
    attr = SENT_START
    fixed_labels = SENT_LABELS

    def __init__(self, *, max_length: int, threshold: float = 0.5):
        self.max_length = max_length
        self.threshold = check_between("threshold", threshold, low=0, high=1)

    @property
    def least_margin(self) -> float:
        """What the score of "S" must exceed that of "I" by, nats: the log odds of `threshold`."""
        if self.threshold in (0, 1):
            return math.copysign(CERTAIN, self.threshold - 0.5)
        return math.log(self.threshold / (1 - self.threshold))

    def aligned(self, eg: Example) -> list[str | None]:
        if not eg.reference.has_annotation("SENT_START"):
            return [None] * len(eg.predicted)
        return [SENT_LABELS[int(start)] for start in aligned_starts(eg)]

    def gold(self, eg: Example) -> list[str | None]:
        """See `Layer.gold`. A sentence that starts with whitespace starts with the next word."""
        (words,) = words_of([eg.predicted])
        if not eg.reference.has_annotation("SENT_START"):
            return [None] * len(words)
        return [SENT_LABELS[int(start)] for start in words.starts_of_tokens(aligned_starts(eg))]

    def space_label(self, labels: Sequence[str]) -> str:
        return SENT_LABELS[0]

    def _on_tokens(self, words: Words, values: Array, space: int) -> Array:
        starts = words.starts_to_tokens(values != space)
        return numpy.where(starts, numpy.uint64(1), numpy.uint64(space))

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        def has_sents(doc: Doc) -> bool:
            return doc.has_annotation("SENT_START")

        results = Scorer.score_spans(examples, "sents", has_annotation=has_sents, **kwargs)
        results.pop("sents_per_type", None)
        return results

    def value(self, doc: Doc, label: str) -> int:
        # "not a start" is -1, which spaCy's arrays hold as an unsigned number
        return 1 if label == SENT_LABELS[1] else 2**64 - 1

    def choose_all(self, scores: Floats2d, lengths: Sequence[int]) -> list[Ints1d]:
        return [self.choose(some) for some in split_by_lengths(scores, lengths)]

    def choose(self, scores: Floats2d) -> Ints1d:
        margin = scores[:, 1] - scores[:, 0]
        starts = margin > self.least_margin
        starts[:1] = True
        if self.max_length and len(starts) > self.max_length:
            starts = _cut_long(starts, margin, max_length=self.max_length)
        return starts.astype("int64")


def _cut_long(starts: Array, margin: Array, *, max_length: int) -> Array:
    """Left to right, each cut in the second half of what is allowed: linear in the tokens."""
    starts = starts.copy()
    for first, end in units_from_starts(starts).tolist():
        while end - first > max_length:
            low = first + max(1, max_length // 2)
            first = low + int(margin[low : first + max_length + 1].argmax())
            starts[first] = True
    return starts


def make_layer(name: str, *, max_length: int, threshold: float) -> Layer:
    """RAISES (ValueError): if there is no such layer."""
    if name == SentLayer.name:
        return SentLayer(max_length=max_length, threshold=threshold)
    layers = {layer.name: layer for layer in (TagLayer, PosLayer, MorphLayer)}
    if name not in layers:
        known = "tag, pos, morph, sent, ents, spans"
        raise ValueError(f"layer: expected one of {known}, got {name!r}")
    return layers[name]()
