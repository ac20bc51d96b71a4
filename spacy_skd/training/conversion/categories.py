"""Categories of texts as a stock `textcat` learns them: each holds or does not."""

from typing import Any

import numpy
from spacy.language import Language
from spacy.pipeline import MultiLabel_TextCategorizer, TextCategorizer
from spacy.tokens import Doc


def decide_categories(nlp: Language, doc: Doc) -> None:
    """Replace probabilities in `doc.cats` by 1 and 0, as each `textcat` of the pipeline, spaCy's or
    ours, means them: 1 for the likeliest of exclusive labels, of others for those that reach the
    threshold. spaCy learns no other numbers (its E851), and as gold it counts all above 0."""
    pipes: list[Any] = [pipe for _, pipe in nlp.pipeline]
    for pipe in pipes:
        if isinstance(pipe, TextCategorizer) or _is_ours(pipe):
            chances = {label: doc.cats[label] for label in pipe.labels if label in doc.cats}
            doc.cats.update(_decided(pipe, chances))


def _is_ours(pipe: Any) -> bool:
    return bool(hasattr(pipe, "believe") and pipe.layer.of_docs)


def _decided(pipe: Any, chances: dict[str, float]) -> dict[str, float]:
    if _is_ours(pipe):
        held = pipe.layer.chosen(numpy.asarray([*chances.values()])) if chances else ()
        return {label: float(i in held) for i, label in enumerate(chances)}
    if isinstance(pipe, MultiLabel_TextCategorizer):
        least = pipe.cfg["threshold"]
        return {label: float(chance >= least) for label, chance in chances.items()}
    likeliest = max(chances, key=lambda label: chances[label], default="")
    return {label: float(label == likeliest) for label in chances}
