"""What layers of categories of docs share, `doc.cats`."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example

from ..arrays import Floats1d
from ..errors import named
from ..transfer.beliefs import Belief
from .base import Block, Drawing, Layer
from .facts import Fact
from .known_labels import countable, known_labels

_SHOWN = ("score_desc", "micro_p", "micro_r", "micro_f", "macro_p", "macro_r", "macro_f",
          "macro_auc", "f_per_type")  # fmt: skip

_ROUNDED = 0.01  # that a sum of probabilities may be off


class DocLayer(Layer):
    """Categories, with the probability of each. One that is not there is unknown.

    pipe (str): the component whose categories these are: those of several stand side by side in
        `doc.cats`.
    exclusive (bool): whether one of the component's labels holds, or each does or not on its own.
    """

    order = 8
    family = "docs"
    factory = "distilling_textcat"
    architecture = "spacy-skd.DocScorer.v1"
    keyed_by = "pipe"
    assigns = ("doc.cats",)
    is_of_corpora = False
    of_docs: ClassVar[bool] = True
    exclusive: ClassVar[bool]

    def __init__(self, *, pipe: str = ""):
        self.pipe = pipe

    @property
    def full_name(self) -> str:
        return f"{self.name}:{self.pipe}" if self.pipe else self.name

    def check(self, labels: Sequence[str]) -> None:
        """Check a component's labels. RAISES (ValueError): if they are none of this layer."""

    @abstractmethod
    def gold(self, doc: Doc, labels: Sequence[str]) -> Floats1d:
        """Return (labels,) float32, the probability of each, NaN where nothing is known.

        RAISES (ValueError): naming the doc, if a number is no probability, or together they are no
            distribution.
        """

    @abstractmethod
    def chosen(self, chances: Floats1d) -> list[int]:
        """Return which labels hold. chances: (labels,)."""

    # Scores

    @property
    def score_weights(self) -> dict[str, float]:
        return {"cats_score": 0.5}

    @property
    def default_weights(self) -> Mapping[str, float | None]:
        return {"cats_score": 1.0, **{f"cats_{score}": None for score in _SHOWN}}

    @property
    @abstractmethod
    def how_scored(self) -> Block:
        """Return settings of spaCy's score."""

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """See `Layer.score`. Labels that the corpus of a reference does not know, see `note_known`,
        do not count on it. There is no score of a component of whose labels gold has none, but
        others: those of another component."""
        examples = countable(self, examples)
        said = {label for eg in examples for label in eg.reference.cats}
        labels = kwargs.get("labels") or sorted(said)
        noted = [known_labels(eg.reference, self.full_name) for eg in examples]
        if noted and None not in noted:
            known = {label for of_doc in noted for label in of_doc or ()}
            labels = [label for label in labels if label in known]
        if said and said.isdisjoint(labels):
            return {}
        kwargs = {**kwargs, "labels": labels, "multi_label": not self.exclusive, **self.how_scored}
        scores: dict[str, Any] = Scorer.score_cats(examples, "cats", **kwargs)
        return scores

    # Docs

    def is_annotated(self, doc: Doc) -> bool:
        return bool(doc.cats)

    def has_labels(self, doc: Doc) -> bool:
        return any(doc.cats.values())

    def keep_labels(self, doc: Doc, labels: Collection[str]) -> None:
        doc.cats = {label: value for label, value in doc.cats.items() if label in labels}

    def write(self, doc: Doc, chances: Mapping[str, float]) -> None:
        """Set categories; those of others stay."""
        doc.cats = {**doc.cats, **chances}

    def draw(self, doc: Doc, belief: Belief, how: Drawing) -> None:
        with named(f"layer {self.full_name!r}"):
            drawn = belief.draw_categories(rng=how.rng, temperature=how.temperature)
        self.write(doc, drawn)

    # Facts

    def variants(self, docs: Sequence[Doc]) -> list[Layer]:
        """See `Layer.variants`: whether one label holds is a matter of all docs."""
        sums = [total for doc in docs if (total := sum(doc.cats.values())) > _ROUNDED]
        one_holds = all(abs(total - 1) <= _ROUNDED for total in sums)
        return [self] if sums and one_holds == self.exclusive else []

    def facts(self, doc: Doc) -> dict[str, list[Fact]]:
        labels = [*doc.cats]
        chances = numpy.asarray([doc.cats[label] for label in labels])
        held = [labels[i] for i in self.chosen(chances) if chances[i] > 0] if labels else []
        of_doc = (0, doc[:].end_char if len(doc) else 0), (0, len(doc))
        return {"CATS": [Fact(*of_doc, label, label=label) for label in held]}

    def of_labels(self, doc: Doc, labels: Sequence[str]) -> Doc:
        """See `Layer.of_labels`: categories of other components stand beside."""
        if doc.cats.keys() <= set(labels):
            return doc
        own = doc.copy()
        own.cats = {label: value for label, value in doc.cats.items() if label in labels}
        return own

    def inspected(self, doc: Doc) -> list[Fact]:
        """See `Layer.inspected`: all labels, the likeliest first."""
        of_doc = (0, len(doc.text)), (0, len(doc))
        labels = sorted(doc.cats, key=lambda label: -doc.cats[label])
        return [Fact(*of_doc, label, label=label) for label in labels]

    def annotation_in(self, doc: Doc, start: int, end: int) -> Any:
        return {fact.label: 1.0 for facts in self.facts(doc).values() for fact in facts}

    def claims(self, doc: Doc, start: int, annotation: Any) -> list[str]:
        return [label for label, holds in annotation.items() if holds]

    def says(self, doc: Doc, fact: Fact) -> bool:
        """See `Layer.says`: not if none of several categories holds."""
        return self.has_labels(doc)

    def confidences(
        self, doc: Doc, decisions: Sequence[Fact], kept: Mapping[str, Any]
    ) -> list[float] | None:
        """See `Layer.confidences`. Where nothing is kept, `doc.cats` are probabilities."""
        chances = dict(doc.cats)
        if "marginals" in kept:
            chances = dict(zip(kept["labels"], numpy.asarray(kept["marginals"]).tolist()))
        return [chances.get(fact.label, numpy.nan) for fact in decisions]

    # Configs

    def component(self, model: Block) -> Block:
        return {
            "factory": self.factory,
            "exclusive": self.exclusive,
            "distill_weight": 0.7,
            "model": model,
        }

    def is_made_by(self, block: Block) -> bool:
        if block.get("factory") == self.factory:
            return bool(block.get("exclusive", True) == self.exclusive)
        return block.get("factory") == self.stock_factory


def numbers_of(doc: Doc, labels: Sequence[str]) -> Floats1d:
    """Return (labels,) float32, NaN where there is no number. RAISES (ValueError): if one is not 0
    to 1."""
    for label in labels:
        if label in doc.cats and not 0 <= doc.cats[label] <= 1:
            raise ValueError(
                f"expected categories of the doc {short(doc)} from 0 to 1, got {label!r}: "
                f"{doc.cats[label]}; correct doc.cats"
            )
    return numpy.asarray([doc.cats.get(label, numpy.nan) for label in labels], dtype="float32")


def short(doc: Doc) -> str:
    """Return the beginning of a doc's text, quoted."""
    return repr(doc.text if len(doc.text) <= 40 else doc.text[:37] + "...")
