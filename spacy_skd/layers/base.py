"""What every layer says of itself."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy
from spacy.language import Language
from spacy.tokens import Doc, Token
from spacy.training import Example

from ..arrays import Array, Bools
from ..transfer.beliefs import Belief
from . import LAYERS
from .confidences import Record, register_layer
from .facts import Fact
from .said import Annotation, LayerReader

Block = dict[str, Any]  # of a config
TRANSITIONS = "distilling_transitions"  # the factory of spaCy's own transition systems
LayerClass = TypeVar("LayerClass", bound="type[Layer]")


def register(name: str) -> Callable[[LayerClass], LayerClass]:
    """Return a decorator, typed, that does what `spacy.registry.skd_layers` does."""
    decorate: Callable[[LayerClass], LayerClass] = LAYERS.register(name)
    return decorate


@dataclass(frozen=True)
class Drawing:
    """How annotation is drawn from beliefs.

    temperature (float): divides the scores. projective (bool): whether trees are drawn given that
    no arcs cross. nlp (Language): the pipeline that is to learn what is drawn.
    """

    rng: numpy.random.Generator
    temperature: float
    projective: bool
    nlp: Language


class Layer(ABC):
    """One kind of annotation. Holds no weights and no labels.

    name (str): as it is registered, and in configs and manifests.
    order (float): its place among the components of a pipeline, lowest first.
    family (str): the kind of the component that learns it: "tokens", "spans" or "trees"; "" if no
        one component does.
    factory, architecture (str): of that component, and of its model in a student of `spacy skd
        init`; settings (dict): what else stands in that config.
    takes (tuple[str, ...]): the settings of the factory that are arguments of this class; keyed_by
        (str): the one that its `full_name` tells, "" if there is none.
    changeable (tuple[str, ...]): those of them that may be set at any time.
    assigns (tuple[str, ...]): what of docs and tokens it sets, for spaCy's analysis of pipelines.
    writes (tuple[str, ...]): the layers that are set with it, itself among them.
    stock_factory (str): of spaCy's own component that learns it; "" if there is none.
    answers (Mapping[type, str]): spaCy's components that can teach it, each with the suffix of the
        view that does.
    is_of_corpora (bool): whether `prepare` and `rehead` look for it in a corpus.
    is_basic (bool): whether `rehead` trains it where a pipeline has nothing to replace.
    sets_sentences, needs_sentences (bool): whether it says, or must know, where sentences start.
    lacking (str): why a treebank has no labels of it.
    of_spans, of_words, of_docs (bool): whether it is of spans, of words each on its own, of docs.
    token_confidence (str): the extension of tokens that says how probable what it says of a token
        is; "" if there is none.
    displacy (str): the style in which displaCy draws its facts, "" for none; lengths (str): what
        the length of one is called, "" where it says nothing.
    """

    name: ClassVar[str]
    order: ClassVar[float] = 100.0
    family: ClassVar[str] = ""
    factory: ClassVar[str] = "distilling_tagger"
    architecture: ClassVar[str] = ""
    settings: ClassVar[Block] = {}
    takes: ClassVar[tuple[str, ...]] = ()
    changeable: ClassVar[tuple[str, ...]] = ()
    keyed_by: ClassVar[str] = ""
    assigns: ClassVar[tuple[str, ...]] = ()
    stock_factory: ClassVar[str] = ""
    answers: ClassVar[Mapping[type, str]] = {}
    is_of_corpora: ClassVar[bool] = True
    is_basic: ClassVar[bool] = False
    sets_sentences: ClassVar[bool] = False
    needs_sentences: ClassVar[bool] = False
    lacking: ClassVar[str] = "no labels"
    of_spans: ClassVar[bool] = False
    of_words: ClassVar[bool] = False
    of_docs: ClassVar[bool] = False
    token_confidence: ClassVar[str] = ""

    def __init_subclass__(cls, **settings: Any):
        super().__init_subclass__(**settings)
        if "name" in vars(cls) and cls.token_confidence:
            register_layer(cls, cls.name, cls.token_confidence)

    displacy: ClassVar[str] = ""
    lengths: ClassVar[str] = ""

    @property
    def full_name(self) -> str:
        """Return the name, with the key of a layer that has several ("spans:sc")."""
        return self.name

    @property
    def writes(self) -> tuple[str, ...]:
        """Return the layers that are set with it."""
        return (self.full_name,)

    # Scores

    @property
    @abstractmethod
    def score_weights(self) -> dict[str, float]:
        """Return which of spaCy's scores count in a student's config, and how much beside those of
        other layers."""

    @property
    def default_weights(self) -> Mapping[str, float | None]:
        """Return the same of a component that is added to a pipeline, None for what is shown."""
        return self.score_weights

    @property
    def columns(self) -> dict[str, str]:
        """Return the titles of its scores in `spacy skd report`."""
        return {}

    @abstractmethod
    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Return spaCy's scores of this layer."""

    # Docs

    @abstractmethod
    def is_annotated(self, doc: Doc) -> bool:
        """Tell whether a doc says anything of this layer."""

    @abstractmethod
    def has_labels(self, doc: Doc) -> bool:
        """Tell whether a doc has labels to learn."""

    @abstractmethod
    def draw(self, doc: Doc, belief: Belief, how: Drawing) -> None:
        """Annotate a doc with what is drawn from a belief. RAISES (ValueError): if it is of another
        kind of annotation."""

    def check_said(self, labels: Sequence[str]) -> None:
        """Check that a classifier's labels of words can be this layer's.

        RAISES (ValueError): if they cannot.
        """
        raise ValueError(f"layer: expected one of labels of words, got {self.full_name!r}")

    def readers(self, annotation: Annotation) -> "list[LayerReader[Any]]":
        """Return what reads this kind of layer of an annotation in JSON, each layer that it has."""
        return []

    @property
    def said_under(self) -> tuple[str, ...]:
        """Return the keys of such an annotation under which it stands."""
        return ()

    # Confidences, of layers that have them

    def record(self, n_tokens: int, annotated: Array, confidences: Any) -> Record:
        """Return what is kept of a doc, see `Record`. confidences: one a row of `annotated`."""
        return {
            "layer": self.full_name,
            "order": self.order,
            "n_tokens": n_tokens,
            "of_spans": self.of_spans,
            "annotated": annotated,
            "confidences": numpy.asarray(confidences, dtype="float32"),
        }

    @classmethod
    def annotation_of(cls, token: Token) -> tuple[int, ...]:
        """Return what it says of a token now, as a row of `Record`."""
        raise NotImplementedError(f"layer {cls.name!r} has no confidences of tokens")

    def row_to_json(self, doc: Doc, place: int, row: Sequence[int]) -> Block:
        """Return start and end token and what is annotated. place (int): of the row in `Record`."""
        raise NotImplementedError(f"layer {self.name!r} has no confidences")

    def row_of_json(self, doc: Doc, entry: Block) -> tuple[int, ...]:
        """Return the row of which `row_to_json` made an entry."""
        raise NotImplementedError(f"layer {self.name!r} has no confidences")

    # Facts, which `spacy skd report` counts

    def variants(self, docs: Sequence[Doc]) -> "list[Layer]":
        """Return the layers of this kind that docs may have: one for each key."""
        return [self]

    def facts(self, doc: Doc) -> dict[str, list[Fact]]:
        """Return what a doc says, by the title of the score that counts it."""
        return {}

    def decisions(self, doc: Doc) -> list[Fact]:
        """Return the facts of which a component gives the confidence."""
        facts = [*self.facts(doc).values()]
        return facts[-1] if facts else []

    def of_labels(self, doc: Doc, labels: Sequence[str]) -> Doc:
        """Return a doc that says of this layer what a component of some labels may have said, where
        others write to the same place."""
        return doc

    def keep_labels(self, doc: Doc, labels: Collection[str]) -> None:
        """Take out of a doc what it says with other labels, where what is left says something: of
        spans, of docs. Else a wrong label is one of none."""

    def inspected(self, doc: Doc) -> list[Fact]:
        """Return the facts that `spacy skd inspect` shows."""
        return self.decisions(doc) if self.is_annotated(doc) else []

    def annotation_in(self, doc: Doc, start: int, end: int) -> Any:
        """Return what a doc says of a unit, as an `Analysis` has it."""
        raise NotImplementedError(f"layer {self.name!r} has no analyses of units of several words")

    def claims(self, doc: Doc, start: int, annotation: Any) -> list[str]:
        """Return in words what an analysis says. start (int): first token of its unit."""
        return [str(annotation)]

    def unknown(self, doc: Doc) -> Bools:
        """Return (tokens,) bool, the tokens of which a doc that is annotated says nothing."""
        return numpy.zeros(len(doc), dtype=bool)

    def says(self, doc: Doc, fact: Fact) -> bool:
        """Tell whether a doc that is annotated, and knows the tokens of a fact, says if it is
        so."""
        return True

    def confidences(
        self, doc: Doc, decisions: Sequence[Fact], kept: Mapping[str, Any]
    ) -> list[float] | None:
        """Return the probability of each decision, NaN where one has none; None where nothing says
        it.

        kept (Mapping[str, Any]): of `doc._.activations`, the component's, with its `labels`; {}
            where it keeps none.
        """
        chances = kept.get("confidences", ())
        if len(chances) != len(doc):
            return None
        return [float(chances[fact.tokens[0]]) for fact in decisions]

    # Configs

    def component(self, model: Block) -> Block:
        """Return the config of a student's component. model (Block): of its model."""
        return {
            "factory": self.factory,
            "layer": self.name,
            "distill_weight": 0.7,
            **self.settings,
            "model": model,
        }

    def settings_like(self, settings: Mapping[str, Any]) -> Block:
        """Return those settings of a teacher's component, ours or spaCy's, that a student needs to
        choose and be scored as it does, where they are not the default."""
        default = vars(type(self)())
        own = (key for key in self.takes if key != self.keyed_by and key in settings)
        return {key: settings[key] for key in own if settings[key] != default[key]}

    def settings_of_gold(self, docs: Sequence[Doc]) -> Block:
        """Return settings of a student's component that the annotation of docs asks for, where its
        teacher does not say; see `View`."""
        return {}

    def is_made_by(self, block: Block) -> bool:
        """Tell whether a component of a config annotates it, ours or stock."""
        factory = block.get("factory", "")
        if factory in (self.factory, TRANSITIONS):
            return bool(block["layer"] == self.name)
        return bool(factory and factory == self.stock_factory)

    # Stock components

    def of_stock_label(self, label: str, cfg: Block) -> str:
        """Return what of a stock teacher's label says this layer. cfg (dict): the component's."""
        return label

    def why_not_stock(self, labels: Sequence[str], *, overwrite: bool) -> str:
        """Return why a component of these labels cannot be a stock one; "" if it can."""
        return "" if self.stock_factory else f"there is no stock component of layer {self.name!r}"

    def stock_settings(self, exported: Collection[str]) -> Block:
        """Return settings of the stock component beside its model. exported (Collection[str]): the
        factories of stock components that are there already."""
        return {}

    @property
    def stock_difference(self) -> str:
        """Return in what a stock component predicts otherwise; "" for in nothing."""
        return ""
