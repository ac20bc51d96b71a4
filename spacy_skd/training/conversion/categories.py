"""Categories of texts as a stock `textcat` learns them: each holds or does not."""

from typing import Any

import numpy
from spacy.language import Language
from spacy.pipeline import MultiLabel_TextCategorizer, TextCategorizer
from spacy.tokens import Doc

from ...layers.known import stock_layers


def decide_categories(nlp: Language, doc: Doc) -> None:
    """Replace probabilities in `doc.cats` by 1 and 0, as each `textcat` of the pipeline, spaCy's or
    ours, means them: 1 for the likeliest of exclusive labels, of others for those that reach the
    threshold. spaCy learns no other numbers (its E851), and as gold it counts all above 0."""
    pipes: list[Any] = [pipe for _, pipe in nlp.pipeline]
    for pipe in pipes:
        layer = _layer_of(pipe)
        labels = [label for label in pipe.labels if label in doc.cats] if layer else []
        if layer and labels:
            held = layer.chosen(numpy.asarray([doc.cats[label] for label in labels]))
            doc.cats.update({label: float(i in held) for i, label in enumerate(labels)})


def _layer_of(pipe: Any) -> Any:
    """Return the layer of docs that decides what a component says; None of other components."""
    if hasattr(pipe, "believe"):
        return pipe.layer if pipe.layer.of_docs else None
    for stock in (MultiLabel_TextCategorizer, TextCategorizer):  # the former derives from this one
        if isinstance(pipe, stock):
            return stock_layers(stock, **pipe.cfg)[""]
    return None
