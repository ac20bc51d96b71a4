"""What a stock morphologizer annotates: labels that join FEATS and POS."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from spacy.morphology import Morphology
from spacy.pipeline import Morphologizer
from spacy.tokens import Doc
from spacy.training import Example

from ..transfer.beliefs import Belief
from .base import Drawing, Layer, register
from .token_layer import drawn_labels
from .tokens import MorphLayer, PosLayer

_POS = "POS"  # in a label, beside the features


@register("morphologizer")
class MorphologizerLayer(Layer):
    """POS and FEATS at once, which no one component of this package learns."""

    name = "morphologizer"
    order = 4.5
    answers: ClassVar[Mapping[type, str]] = {Morphologizer: ""}
    is_of_corpora = False

    def __init__(self) -> None:
        self.parts = (PosLayer(), MorphLayer())

    @property
    def writes(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)

    @property
    def score_weights(self) -> dict[str, float]:
        return {score: w for part in self.parts for score, w in part.score_weights.items()}

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        examples = list(examples)
        return {k: v for part in self.parts for k, v in part.score(examples, **kwargs).items()}

    def is_annotated(self, doc: Doc) -> bool:
        return any(part.is_annotated(doc) for part in self.parts)

    def has_labels(self, doc: Doc) -> bool:
        return any(part.has_labels(doc) for part in self.parts)

    def draw(self, doc: Doc, belief: Belief, how: Drawing) -> None:
        labels, inventory = drawn_labels(belief, how, layer=self.writes[0])
        for part, column in zip(self.parts, zip(*map(_split, labels))):
            part.write_labels(doc, column, inventory=inventory)


def _split(label: str) -> tuple[str, str]:
    """POS and FEATS of a label; "" twice where it is not known."""
    if not label:
        return "", ""
    feats = Morphology.feats_to_dict(label)
    pos = feats.pop(_POS, "")
    return pos, Morphology.dict_to_feats(feats) or Morphology.EMPTY_MORPH
