"""Which components of a pipeline can teach, by class."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from spacy.language import Language
from spacy.pipeline import (
    DependencyParser,
    EditTreeLemmatizer,
    EntityRecognizer,
    Lemmatizer,
    Morphologizer,
    MultiLabel_TextCategorizer,
    SentenceRecognizer,
    SpanCategorizer,
    Tagger,
    TextCategorizer,
)
from spacy.tokens import Doc
from spacy.ty import ListenedToComponent
from thinc.api import Model

from .beam import Beam
from .lemmatizer import EditTreeSource, LemmatizerSource
from .merging import mergers
from .morphologizer import MorphologizerSource
from .ner import EntitySource
from .parser import ParserSource
from .spancat import SpancatSource
from .tagger import SenterSource, TaggerSource
from .textcat import TextcatSource
from .transition import TransitionSource
from .views import DistillingSource, Source

# By the very class: what derives from one of these may mean something else by its scores, unless
# it names one as its `stock_class`.
STOCK: dict[type, Callable[[Any], Source]] = {
    Tagger: TaggerSource,
    SentenceRecognizer: SenterSource,
    Morphologizer: MorphologizerSource,
    SpanCategorizer: SpancatSource,
    EditTreeLemmatizer: EditTreeSource,
    TextCategorizer: TextcatSource,
    MultiLabel_TextCategorizer: TextcatSource,
}
SEARCHED: dict[type, type[TransitionSource]] = {
    EntityRecognizer: EntitySource,
    DependencyParser: ParserSource,
}
CAN_TEACH = (
    "distilling_tagger, distilling_parser, distilling_textcat, distilling_transitions, tagger, "
    "morphologizer, senter, parser, ner, spancat, spancat_singlelabel, trainable_lemmatizer, "
    "lemmatizer, textcat, textcat_multilabel"
)


def as_source(pipe: Any, *, beam: Beam | None = None) -> Source | None:
    """Make what asks a component.

    beam (Beam | None): of components that search; `Beam()` if not given.
    RETURNS (Source | None): None if the component cannot teach.
    """
    if hasattr(pipe, "believe"):
        return DistillingSource(pipe)
    if searched := SEARCHED.get(getattr(pipe, "stock_class", type(pipe))):
        return searched(pipe, beam or Beam())
    if isinstance(pipe, Lemmatizer):
        return LemmatizerSource(pipe)
    make = STOCK.get(type(pipe))
    return None if make is None else make(pipe)


def find_sources(nlp: Language, *, beam: Beam | None = None) -> dict[str, Source]:
    """Return the components that can teach, in the pipeline's order, but for those that have not
    been trained. A disabled one counts: it is run for the students that ask it (the `senter` of
    spaCy's own pipelines is disabled)."""
    sources = {name: as_source(pipe, beam=beam) for name, pipe in nlp.components}
    for name, pipe in nlp.components:
        if isinstance(pipe, Lemmatizer):
            sources[name] = LemmatizerSource(pipe, partial(_annotate, nlp, before=name))
    return {
        name: source
        for name, source in sources.items()
        if source is not None and is_trained(nlp.get_pipe(name))
    }


def is_trained(pipe: Any) -> bool:
    """Tell whether a component's model has all of its parameters, if it has a model: one that was
    disabled when its pipeline was trained has none."""
    model = getattr(pipe, "model", None)
    nodes = model.walk() if isinstance(model, Model) else ()
    return all(node.has_param(name) is not None for node in nodes for name in node.param_names)


def _annotate(nlp: Language, docs: Iterable[Doc], *, before: str) -> Iterable[Doc]:
    """Run the components before one over docs on which those that embed have run, but for those
    that merge tokens: beliefs are of the docs' own."""
    aside = {*nlp.disabled, *mergers(nlp)}
    for name, pipe in nlp.components[: nlp.component_names.index(before)]:
        if name not in aside and not isinstance(pipe, ListenedToComponent):
            docs = [pipe(doc) for doc in docs]
    return docs


def component_of(pipe: str) -> str:
    """Return the component's name in that of a view: "morphologizer" of "morphologizer.pos"."""
    return pipe.partition(".")[0]
