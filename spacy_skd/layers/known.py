"""The layers that there are, and which of them is meant."""

from collections.abc import Iterable
from typing import Any

from spacy.tokens import Doc

from . import LAYERS
from .base import Block, Layer
from .categories import CatsLayer, MultilabelCatsLayer
from .joint import MorphologizerLayer
from .lemmas import LemmaLayer
from .spans import EntsLayer, SpansLayer
from .tokens import MorphLayer, PosLayer, SentLayer, TagLayer
from .trees import TreeLayer

ENTITIES = EntsLayer.name  # of what labels named entities

# In the order in which they are named to users.
OWN: tuple[type[Layer], ...] = (
    TagLayer, PosLayer, MorphLayer, LemmaLayer, SentLayer, MorphologizerLayer, TreeLayer, EntsLayer,
    SpansLayer, CatsLayer, MultilabelCatsLayer,
)  # fmt: skip


def layer_classes() -> dict[str, type[Layer]]:
    """Return all layers by name: the package's, then those of plugins.

    RAISES (ValueError): if one has another `name` than it is registered by.
    """
    registered: dict[str, type[Layer]] = LAYERS.get_all()
    for name, layer in registered.items():
        own = getattr(layer, "name", None)
        if own != name:
            raise ValueError(
                f"the layer {layer.__name__} is registered as {name!r}, but its `name` is {own!r}; "
                f"give it the name that it is registered by"
            )
    names = [layer.name for layer in OWN]
    names += sorted(set(registered) - set(names))
    return {name: registered[name] for name in names}


def known_layers() -> list[Layer]:
    """Return one of each layer, with the default settings, see `layer_classes`."""
    return [layer() for layer in layer_classes().values()]


def taught_layers(factory: str) -> dict[str, type[Layer]]:
    """Return the layers that a factory of components can learn, by name."""
    return {
        name: layer
        for name, layer in layer_classes().items()
        if layer.family and layer.factory == factory
    }


def corpus_layers() -> list[Layer]:
    """Return the layers that a corpus may have, in the order in which components annotate."""
    layers = [layer for layer in known_layers() if layer.is_of_corpora]
    return sorted(layers, key=lambda layer: (layer.order, layer.name))


def corpus_names() -> list[str]:
    """Return the names of `corpus_layers`."""
    return [layer.name for layer in corpus_layers()]


def find_layer(name: str, *, setting: str = "layer", **settings: Any) -> Layer:
    """Return the layer of a name.

    name (str): with or without a key ("spans:sc"), which is a setting of its own.
    setting (str): what is wrong if there is none. settings: of factories; those count that the
        layer takes.
    RAISES (ValueError): if there is no such layer, or a setting is out of range.
    """
    classes = layer_classes()
    kind, _, key = name.partition(":")
    layer = classes.get(kind)
    if layer is None or (key and not layer.keyed_by):
        known = ", ".join(classes)
        raise ValueError(f"{setting}: expected one of {known}, got {name!r}")
    if key:
        settings[layer.keyed_by] = key
    return layer(**{name: value for name, value in settings.items() if name in layer.takes})


def stock_layers(component: type, **settings: Any) -> dict[str, Layer]:
    """Return the layers that a stock component can teach, by the suffix of the view that does.

    component (type): its class. settings: see `find_layer`.
    RAISES (ValueError): if it can teach none.
    """
    classes = layer_classes()
    by_suffix = {
        layer.answers[component]: find_layer(name, **settings)
        for name, layer in classes.items()
        if component in layer.answers
    }
    if not by_suffix:
        raise ValueError(
            f"{component.__name__}: expected a layer with this class in its `answers`, found none "
            f"among {', '.join(classes)}"
        )
    return by_suffix


def layers_of(block: Block) -> tuple[str, ...]:
    """Return the names of what a component of a config annotates, ours or stock."""
    return tuple(layer.name for layer in known_layers() if layer.is_made_by(block))


def annotated_layers(docs: Iterable[Doc], names: Iterable[str]) -> list[str]:
    """Return those of some layers that some doc has. names (Iterable[str]): with keys."""
    layers = {name: find_layer(name) for name in names}
    annotated: set[str] = set()
    for doc in docs:
        annotated |= {name for name, layer in layers.items() if layer.is_annotated(doc)}
    return [name for name in layers if name in annotated]


def labelled_layers(docs: Iterable[Doc]) -> list[str]:
    """Return those of `corpus_layers` that docs have labels of: what a component can learn.

    Sentences count where a doc has their starts. A tree cannot be learnt without its sentence, so
    trees come with them.
    """
    layers, labelled = corpus_layers(), set[str]()
    for doc in docs:
        labelled |= {la.name for la in layers if la.name not in labelled and la.has_labels(doc)}
    return [layer.name for layer in layers if layer.name in labelled]
