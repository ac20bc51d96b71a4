"""Lemmas, `token.lemma`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from spacy.attrs import LEMMA, ORTH
from spacy.pipeline import EditTreeLemmatizer
from spacy.tokens import Doc
from spacy.training import Example

from ..arrays import Array
from ..models.words import words_of
from .base import register
from .facts import Fact
from .said import Annotation, LayerReader
from .said.tokens import LemmaReader
from .token_layer import TokenLayer


@register("lemma")
class LemmaLayer(TokenLayer):
    """Lemmas, `token.lemma`. That of whitespace is the whitespace.

    A component's labels are edit trees and cases (`codecs/lemma_labels`); what it is taught and
    what it writes are lemmas.
    """

    name = "lemma"
    order = 4.8
    family = "lemmas"
    attr = LEMMA
    assigns = ("token.lemma",)
    stock_factory = "trainable_lemmatizer"
    answers: ClassVar[Mapping[type, str]] = {EditTreeLemmatizer: ""}
    lacking = "LEMMA is _ throughout"

    def check_said(self, labels: Sequence[str]) -> None:
        raise ValueError("layer: a classifier's labels are no lemmas")

    @property
    def columns(self) -> dict[str, str]:
        """See `Layer.columns`. The report has one of lemmas, whatever sets them."""
        return {}

    def aligned(self, eg: Example) -> list[str | None]:
        """See `TokenLayer.aligned`. A token that is no token of the reference has no lemma: that of
        a longer or a shorter one is none of it."""
        lemmas: list[str | None] = [token.lemma_ for token in eg.reference]
        to, back = eg.alignment.x2y, eg.alignment.y2x
        if all((each.lengths == 1).all() for each in (to, back)):
            return lemmas
        aligned = (to[i] for i in range(len(eg.predicted)))
        return [lemmas[int(js[0])] if _is_one(js, back) else None for js in aligned]

    def readers(self, annotation: Annotation) -> list[LayerReader[Any]]:
        key = self.name
        return [LemmaReader(self, key)] if annotation.has_token_key(key) else []

    def facts(self, doc: Doc) -> dict[str, list[Fact]]:
        """See `Layer.facts`. Lemmas are too many to be labels."""
        of_words = super().facts(doc)
        return {title: [fact._replace(label="") for fact in of_words[title]] for title in of_words}

    @property
    def stock_difference(self) -> str:
        return (
            "a trainable_lemmatizer takes the likeliest tree, not the likeliest lemma; its trees "
            "are of forms as they are, so words in capitals, or that begin with a capital "
            "beyond A to Z, keep letters of their form; whitespace is a word to it; and it is "
            "slow, since it has a tree for each capital"
        )

    def _of_doc(self, doc: Doc, values: Array, labels: Sequence[str]) -> Array:
        (words,) = words_of([doc])
        filled: Array = words.to_tokens(values, fill=0)
        filled[words.spaces] = doc.to_array(ORTH)[words.spaces]
        return filled


def _is_one(tokens: Array, back: Any) -> bool:
    """Tell whether a token aligns with one, and this with no other."""
    return len(tokens) == 1 and len(back[int(tokens[0])]) == 1
