"""Layers of independent labels of tokens: `token.tag`, `token.pos`, `token.morph`, sentences."""

import math
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy
from spacy.attrs import MORPH, POS, SENT_START, TAG
from spacy.language import Language
from spacy.morphology import Morphology
from spacy.parts_of_speech import IDS as POS_IDS
from spacy.parts_of_speech import NAMES as POS_NAMES
from spacy.pipeline import DependencyParser, Morphologizer, SentenceRecognizer, Tagger
from spacy.scorer import Scorer
from spacy.tokens import Doc, Token
from spacy.training import Example

from ..arrays import Array, Bools, Floats2d, Ints1d
from ..codecs.units import split_by_lengths
from ..codecs.words import SPACE_FEATS, SPACE_POS, Words, space_tag
from ..errors import check_between
from ..models.words import START_LABELS, aligned_starts, units_from_starts, words_of
from .base import Block, register
from .facts import Fact
from .said import Annotation, LayerReader
from .said.trees import HEAD, SENTS, SentenceReader
from .token_layer import TokenLayer, facts_of_words, same_feats

CERTAIN = 1e4  # nats; finite, since an exported component has it among its weights


@register("tag")
class TagLayer(TokenLayer):
    """Fine-grained tags, `token.tag`."""

    name = "tag"
    order = 2
    attr = TAG
    assigns = ("token.tag",)
    stock_factory = "tagger"
    answers: ClassVar[Mapping[type, str]] = {Tagger: ""}
    is_basic = True
    lacking = "XPOS is _ throughout"

    def space_label(self, labels: Sequence[str]) -> str:
        return space_tag(labels)

    def known(self, nlp: Language) -> Container[str] | None:
        """See `TokenLayer.known`. A stock tagger cannot learn tags that it was not initialized
        with."""
        pipes: list[Any] = [pipe for _, pipe in nlp.components]
        inventories = [frozenset(p.labels) for p in pipes if type(p) is Tagger and p.labels]
        return frozenset.intersection(*inventories) if inventories else None


@register("pos")
class PosLayer(TokenLayer):
    """Coarse universal tags, `token.pos`."""

    name = "pos"
    order = 3
    attr = POS
    assigns = ("token.pos",)
    stock_factory = "morphologizer"
    answers: ClassVar[Mapping[type, str]] = {Morphologizer: ".pos"}
    is_basic = True
    lacking = "UPOS is _ throughout"

    def space_label(self, labels: Sequence[str]) -> str:
        return SPACE_POS

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

    def label_of(self, doc: Doc, value: int) -> str:
        return str(POS_NAMES[value])

    def stock_label(self, label: str) -> str:
        return f"POS={label}"

    def of_stock_label(self, label: str, cfg: Block) -> str:
        return str(POS_NAMES[cfg["labels_pos"][label]])

    def stock_settings(self, exported: Collection[str]) -> Block:
        """See `Layer.stock_settings`. A morphologizer of POS alone sets empty FEATS too, and must
        not clear or bar others."""
        return {"extend": True}


@register("morph")
class MorphLayer(TokenLayer):
    """Morphological features in UD's format, `token.morph`; "_" for none."""

    name = "morph"
    order = 4
    attr = MORPH
    no_label = Morphology.EMPTY_MORPH
    assigns = ("token.morph",)
    stock_factory = "morphologizer"
    answers: ClassVar[Mapping[type, str]] = {Morphologizer: ".morph"}
    lacking = "FEATS are _ throughout"

    @property
    def default_weights(self) -> Mapping[str, float | None]:
        return {"morph_acc": 0.1, "morph_per_feat": None}

    def space_label(self, labels: Sequence[str]) -> str:
        return SPACE_FEATS

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        examples = list(examples)
        kwargs["getter"] = _morph_key
        return {
            **Scorer.score_token_attr(examples, "morph", **kwargs),
            **Scorer.score_token_attr_per_feat(examples, "morph", **kwargs),
        }

    def spelled(self, label: str) -> str:
        return str(Morphology.dict_to_feats(Morphology.feats_to_dict(label)) or label)

    def value(self, doc: Doc, label: str) -> int:
        return int(doc.vocab.morphology.add(label))

    def has_labels(self, doc: Doc) -> bool:
        return any(str(token.morph) for token in doc)

    @classmethod
    def annotation_of(cls, token: Token) -> tuple[int, ...]:
        """See `Layer.annotation_of`. No features are what no annotation is, as in JSON."""
        (key,) = super().annotation_of(token)
        return (key or int(token.vocab.strings[Morphology.EMPTY_MORPH]),)

    def of_stock_label(self, label: str, cfg: Block) -> str:
        return str(cfg["labels_morph"][label] or Morphology.EMPTY_MORPH)

    def why_not_stock(self, labels: Sequence[str], *, overwrite: bool) -> str:
        if overwrite:
            return "a morphologizer that overwrites FEATS would overwrite POS too"
        if same_feats(labels):
            return "some of its labels are the same FEATS in another order"
        return ""

    def stock_settings(self, exported: Collection[str]) -> Block:
        return {"extend": self.stock_factory in exported}


def _morph_key(token: Token, attr: str) -> Any:
    return getattr(token, attr).key


@register("sent")
class SentLayer(TokenLayer):
    """Sentence starts, `token.is_sent_start`: "S" starts a sentence, "I" does not.

    A word starts a sentence if its probability of that exceeds `threshold`: 0 makes all start one,
    1 none but the first of a doc, as `spacy find-threshold` tries them. A missed start costs a
    parser more than one too many: its single-rooted tree then spans two sentences.
    A sentence of more than `max_length` words is cut at its likeliest start that leaves pieces of
    at least half that length.
    """

    name = "sent"
    order = 1
    attr = SENT_START
    fixed_labels = START_LABELS
    settings: ClassVar[Block] = {"threshold": 0.35}  # a missed start costs the parser more
    takes = changeable = ("max_length", "threshold")
    token_confidence = "sent_start_confidence"
    assigns = ("token.is_sent_start", "doc.sents")
    stock_factory = "senter"
    answers: ClassVar[Mapping[type, str]] = {SentenceRecognizer: "", DependencyParser: ".sent"}
    is_basic = True
    sets_sentences = True
    lacking = "no sentences"

    def __init__(self, *, max_length: int = 0, threshold: float = 0.5):
        self.max_length = max_length
        self.threshold = check_between("threshold", threshold, low=0, high=1)

    @property
    def score_weights(self) -> dict[str, float]:
        return {"sents_f": 0.1}

    @property
    def columns(self) -> dict[str, str]:
        return {"sents_f": "SENTS"}

    @property
    def least_margin(self) -> float:
        """Return what the score of "S" must exceed that of "I" by, nats: the log odds of
        `threshold`."""
        if self.threshold in (0, 1):
            return math.copysign(CERTAIN, self.threshold - 0.5)
        return math.log(self.threshold / (1 - self.threshold))

    def readers(self, annotation: Annotation) -> list[LayerReader[Any]]:
        has_sentences = SENTS in annotation.data or annotation.has_token_key(HEAD)
        return [SentenceReader(self)] if has_sentences else []

    def aligned(self, eg: Example) -> list[str | None]:
        if not self.is_annotated(eg.reference):
            return [None] * len(eg.predicted)
        return [START_LABELS[int(start)] for start in aligned_starts(eg)]

    def gold(self, eg: Example) -> list[str | None]:
        """See `TokenLayer.gold`. A sentence that starts with whitespace starts with the next
        word."""
        (words,) = words_of([eg.predicted])
        if not self.is_annotated(eg.reference):
            return [None] * len(words)
        return [START_LABELS[int(start)] for start in words.starts_of_tokens(aligned_starts(eg))]

    def space_label(self, labels: Sequence[str]) -> str:
        return START_LABELS[0]

    def has_labels(self, doc: Doc) -> bool:
        return self.is_annotated(doc)

    def _on_tokens(self, words: Words, values: Array, space: int) -> Array:
        starts = words.starts_to_tokens(values != space)
        return numpy.where(starts, numpy.uint64(1), numpy.uint64(space))

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        results = Scorer.score_spans(examples, "sents", has_annotation=self.is_annotated, **kwargs)
        results.pop("sents_per_type", None)
        return results

    def facts(self, doc: Doc) -> dict[str, list[Fact]]:
        """See `Layer.facts`: whole sentences."""
        sents = doc.sents if self.is_annotated(doc) else ()
        facts = [Fact((s.start_char, s.end_char), (s.start, s.end), "") for s in sents]
        return dict.fromkeys(self.columns.values(), facts)

    def decisions(self, doc: Doc) -> list[Fact]:
        """See `Layer.decisions`: what starts one. The first word must, and needs no decision."""
        starts = [START_LABELS[1] if t.i and t.is_sent_start else "" for t in doc]
        return facts_of_words(doc, starts)

    def unknown(self, doc: Doc) -> Bools:
        return numpy.zeros(len(doc), dtype=bool)

    def value(self, doc: Doc, label: str) -> int:
        # "not a start" is -1, which spaCy's arrays hold as an unsigned number
        return 1 if label == START_LABELS[1] else 2**64 - 1

    def label_of(self, doc: Doc, value: int) -> str:
        return START_LABELS[value == 1]

    def write_labels(self, doc: Doc, labels: Sequence[str], *, inventory: Sequence[str]) -> None:
        """See `TokenLayer.write_labels`. The first word of a doc starts a sentence."""
        first = START_LABELS[1:] if labels else ()
        super().write_labels(doc, [*first, *labels[1:]], inventory=inventory)

    def choose_all(self, scores: Floats2d, lengths: Sequence[int]) -> list[Ints1d]:
        return [self.choose(of_doc) for of_doc in split_by_lengths(scores, lengths)]

    def choose(self, scores: Floats2d) -> Ints1d:
        margin = scores[:, 1] - scores[:, 0]
        starts = margin > self.least_margin
        starts[:1] = True
        if self.max_length and len(starts) > self.max_length:
            starts = _cut_long(starts, margin, max_length=self.max_length)
        return starts.astype("int64")

    def stock_label(self, label: str) -> str:
        """See `TokenLayer.stock_label`. A senter has its labels."""
        return ""

    def stock_shift(self, n_labels: int) -> Array:
        """See `TokenLayer.stock_shift`: the threshold."""
        shift: Array = numpy.zeros(n_labels, dtype="float32")
        shift[1] = -self.least_margin
        return shift

    @property
    def stock_difference(self) -> str:
        if not self.max_length:
            return ""
        return f"a senter does not cut sentences of more than {self.max_length} tokens"


def _cut_long(starts: Array, margin: Array, *, max_length: int) -> Array:
    """Left to right, each cut in the second half of what is allowed: linear in the tokens."""
    starts = starts.copy()
    for first, end in units_from_starts(starts).tolist():
        while end - first > max_length:
            low = first + max(1, max_length // 2)
            first = low + int(margin[low : first + max_length + 1].argmax())
            starts[first] = True
    return starts
