"""Layers of labels in a custom attribute of tokens, `token._.NAME`."""

from collections.abc import Iterable
from typing import Any

import numpy
from spacy.scorer import Scorer
from spacy.tokens import Doc, Token
from spacy.training import Example

from ..arrays import Array
from .token_layer import TokenLayer


class ExtensionLayer(TokenLayer):
    """Strings in `token._.NAME`, "" for none; NAME is the layer's. A plugin derives from it:

    @spacy.registry.skd_layers("sense")
    class SenseLayer(ExtensionLayer):
        name = "sense"
    """

    def __init__(self) -> None:
        if not Token.has_extension(self.name):
            Token.set_extension(self.name, default="")

    def aligned(self, eg: Example) -> list[str | None]:
        """See `TokenLayer.aligned`. A token that aligns with tokens of several labels has none."""
        labels = self._labels(eg.reference)
        aligned = (eg.alignment.x2y[i] for i in range(len(eg.predicted)))
        of_tokens = [{labels[int(j)] for j in tokens} for tokens in aligned]
        return [next(iter(each)) if len(each) == 1 else None for each in of_tokens]

    @classmethod
    def annotation_of(cls, token: Token) -> tuple[int, ...]:
        return (int(token.vocab.strings[token._.get(cls.name)]),)

    def is_annotated(self, doc: Doc) -> bool:
        return any(self._labels(doc))

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        kwargs["getter"] = lambda token, name: token._.get(name)
        return Scorer.score_token_attr(examples, self.name, missing_values={"", None}, **kwargs)

    def _labels(self, doc: Doc) -> list[str]:
        return [token._.get(self.name) for token in doc]

    def _values(self, doc: Doc) -> Array:
        values = [self.value(doc, label) if label else 0 for label in self._labels(doc)]
        return numpy.asarray(values, dtype="uint64")

    def _set(self, doc: Doc, values: Array) -> None:
        for token, value in zip(doc, values.tolist()):
            token._.set(self.name, doc.vocab.strings[value])
