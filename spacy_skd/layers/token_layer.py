"""What layers of independent labels of tokens share."""

from collections.abc import Container, Iterable, Sequence
from typing import Any, ClassVar

import numpy
from spacy.language import Language
from spacy.morphology import Morphology
from spacy.scorer import Scorer
from spacy.tokens import Doc, Token
from spacy.training import Example

from ..arrays import Array, Bools, Floats2d, Ints1d
from ..codecs.units import split_by_lengths
from ..codecs.words import Words
from ..errors import named
from ..models.words import words_of
from ..transfer.beliefs import Belief
from .base import Block, Drawing, Layer
from .facts import Fact
from .said import Annotation, LayerReader
from .said.tokens import TokenReader


class TokenLayer(Layer):
    """A label for each token, by default in an attribute of spaCy's, as a string of the vocab.

    attr (int): that attribute, of `spacy.attrs`.
    fixed_labels (tuple[str, ...] | None): all its labels, where these are always the same.
    no_label (str): the label that an empty string of spaCy's stands for, "" for none.
    """

    family = "tokens"
    architecture = "spacy-skd.TokenScorer.v1"
    attr: ClassVar[int]
    fixed_labels: ClassVar[tuple[str, ...] | None] = None
    of_words: ClassVar[bool] = True
    no_label: ClassVar[str] = ""

    def __init_subclass__(cls, **settings: Any):
        if "name" in vars(cls) and "token_confidence" not in vars(cls):
            cls.token_confidence = f"{cls.name}_confidence"
        super().__init_subclass__(**settings)

    # Scores

    @property
    def score_weights(self) -> dict[str, float]:
        return {f"{self.name}_acc": 0.2}

    @property
    def columns(self) -> dict[str, str]:
        return {f"{self.name}_acc": self.name.upper()}

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        return Scorer.score_token_attr(examples, self.name, **kwargs)

    # Gold

    def aligned(self, eg: Example) -> list[str | None]:
        """Return the annotation of each predicted token, None or "" where there is none."""
        aligned: Any = eg  # its type has strings alone
        labels: list[str | None] = aligned.get_aligned(self.attr, as_string=True)
        return labels

    def gold(self, eg: Example) -> list[str | None]:
        """Return the annotation of each predicted word, None or "" where there is none."""
        (words,) = words_of([eg.predicted])
        return words.items_of_tokens(self.aligned(eg))

    def is_annotated(self, doc: Doc) -> bool:
        return bool(doc.has_annotation(self.attr))

    def has_labels(self, doc: Doc) -> bool:
        return bool(self._values(doc).any())

    def check(self, labels: Sequence[str]) -> None:
        """Check that labels can be written. RAISES (ValueError): if one cannot."""

    def check_said(self, labels: Sequence[str]) -> None:
        if self.fixed_labels and not set(labels) <= set(self.fixed_labels):
            raise ValueError(f"{self.name}: expected labels {self.fixed_labels}, got {[*labels]}")
        self.check(labels)

    def spelled(self, label: str) -> str:
        """Return a label of somebody else's as gold spells it."""
        return label

    # Prediction

    def choose(self, scores: Floats2d) -> Ints1d:
        """Return the label of each word of one doc. scores: (words, labels)."""
        best: Ints1d = scores.argmax(axis=-1)
        return best

    def choose_all(self, scores: Floats2d, lengths: Sequence[int]) -> list[Ints1d]:
        """Return `choose` of each doc of a batch. scores: (words of the batch, labels)."""
        return split_by_lengths(scores.argmax(axis=-1), lengths)

    # Writing

    def value(self, doc: Doc, label: str) -> int:
        """Return what is written for a label."""
        return int(doc.vocab.strings.add(label))

    def space_label(self, labels: Sequence[str]) -> str:
        """Return what whitespace is annotated with. labels (Sequence[str]): of the words."""
        return ""

    def write(self, doc: Doc, values: Array, *, labels: Sequence[str], overwrite: bool) -> None:
        """Annotate a doc.

        values: (words,) uint64, as made by `value`. labels (Sequence[str]): see `space_label`.
        """
        if not len(doc):
            return
        values = self.on_tokens(doc, values, labels=labels)
        if not overwrite and self.is_annotated(doc):
            current = self._values(doc)
            values = numpy.where(current == 0, values, current)
        self._set(doc, values)

    def on_tokens(self, doc: Doc, values: Array, *, labels: Sequence[str]) -> Array:
        """Return (tokens,), with what whitespace is annotated with. values, labels: see `write`."""
        return self._of_doc(doc, values, labels) if len(values) < len(doc) else values

    def write_labels(self, doc: Doc, labels: Sequence[str], *, inventory: Sequence[str]) -> None:
        """Annotate a doc anew. labels (Sequence[str]): of each word, "" for none.
        inventory (Sequence[str]): all there are, see `space_label`."""
        table = {label: self.value(doc, label) if label else 0 for label in set(labels)}
        values = numpy.asarray([table[label] for label in labels], dtype="uint64")
        self.write(doc, values, labels=inventory, overwrite=True)

    def _values(self, doc: Doc) -> Array:
        """(tokens,) as made by `value`, 0 where there is no label."""
        values: Array = doc.to_array([self.attr]).reshape(-1)
        return values

    def _set(self, doc: Doc, values: Array) -> None:
        doc.from_array([self.attr], values.reshape(-1, 1))

    def _of_doc(self, doc: Doc, values: Array, labels: Sequence[str]) -> Array:
        """(words,) to (tokens,). labels (Sequence[str]): see `space_label`."""
        (words,) = words_of([doc])
        return self._on_tokens(words, values, self.value(doc, self.space_label(labels)))

    def _on_tokens(self, words: Words, values: Array, space: int) -> Array:
        """(words,) to (tokens,)."""
        return words.to_tokens(values, fill=space)

    @property
    def said_under(self) -> tuple[str, ...]:
        return ("tokens",)

    def readers(self, annotation: Annotation) -> list[LayerReader[Any]]:
        key = self.name
        empty = self.no_label
        return [TokenReader(self, key, empty=empty)] if annotation.has_token_key(key) else []

    # Confidences

    @classmethod
    def annotation_of(cls, token: Token) -> tuple[int, ...]:
        span: Any = token.doc[token.i : token.i + 1]  # its type has no to_array
        values: Array = span.to_array([cls.attr])
        return (int(values.ravel()[0]),)

    def label_of(self, doc: Doc, value: int) -> str:
        """Return the label of which `value` is made. RAISES (KeyError): if the vocab of the doc
        does not know it."""
        return str(doc.vocab.strings[value])

    def row_to_json(self, doc: Doc, place: int, row: Sequence[int]) -> Block:
        return {"start": place, "end": place + 1, "label": self.label_of(doc, row[0])}

    def row_of_json(self, doc: Doc, entry: Block) -> tuple[int, ...]:
        return (self.value(doc, entry["label"]),)

    # Facts

    def facts(self, doc: Doc) -> dict[str, list[Fact]]:
        strings, values = doc.vocab.strings, self._values(doc).tolist()
        labels = [strings[value] if value else "" for value in values]
        return {self.name.upper(): facts_of_words(doc, labels)}

    def unknown(self, doc: Doc) -> Bools:
        nothing: Bools = self._values(doc) == 0
        return nothing

    # Draws

    def known(self, nlp: Language) -> Container[str] | None:
        """Return the labels that a pipeline can learn, which alone are drawn; None for all."""
        return None

    def draw(self, doc: Doc, belief: Belief, how: Drawing) -> None:
        labels, inventory = drawn_labels(belief, how, layer=self.name, known=self.known(how.nlp))
        self.write_labels(doc, labels, inventory=inventory)

    # Export

    def stock_label(self, label: str) -> str:
        """Return what a label is called in the stock component; "" if that knows it."""
        return label

    def stock_shift(self, n_labels: int) -> Array:
        """Return (labels,) float32, nats that a stock component's scores have beside ours."""
        return numpy.zeros(n_labels, dtype="float32")


def drawn_labels(
    belief: Belief, how: Drawing, *, layer: str, known: Container[str] | None = None
) -> tuple[list[str], Sequence[str]]:
    """Return a label of each word, drawn from a belief, and all the belief's labels.

    RAISES (ValueError): if it is no belief of labels.
    """
    with named(f"layer {layer!r}"):
        labels = belief.draw_labels(known=known, rng=how.rng, temperature=how.temperature)
    return labels, belief.labels


def facts_of_words(doc: Doc, labels: Sequence[str]) -> list[Fact]:
    """Return what is said of a doc's words. labels (Sequence[str]): of each token, "" for none."""
    return [
        Fact((t.idx, t.idx + len(t)), (t.i, t.i + 1), label, label=label, text=t.text)
        for t, label in zip(doc, labels)
        if label and not t.is_space
    ]


def same_feats(labels: Sequence[str]) -> bool:
    """Tell whether some labels are the same features in another order."""
    normal = {Morphology.dict_to_feats(Morphology.feats_to_dict(label)) for label in labels}
    return len(normal) < len(labels)
