"""The layers of beliefs in folders that were annotated before manifests told them."""

from spacy.parts_of_speech import IDS as POS_IDS

from ..models.words import START_LABELS
from ..transfer.beliefs import Form
from .joint import MorphologizerLayer
from .spans import EntsLayer, SpansLayer
from .tokens import MorphLayer, PosLayer, SentLayer, TagLayer
from .trees import TreeLayer

_BY_NAME: dict[str, str] = {
    **{layer.name: layer.name for layer in (TagLayer, PosLayer, MorphLayer, SentLayer)},
    **{layer.stock_factory: layer.name for layer in (TagLayer, SentLayer)},
    MorphologizerLayer.name: MorphologizerLayer.name,
}


def guess_layer(pipe: str, form: Form) -> str:
    """Return what a component annotates, told by its form, its name and its labels."""
    if form.of_trees:
        return TreeLayer.name
    if form.of_spans:
        return SpansLayer.name if pipe.startswith("span") else EntsLayer.name
    if set(form.labels) == set(START_LABELS):
        return SentLayer.name
    name = pipe.rpartition(".")[2]
    if name in _BY_NAME:
        return _BY_NAME[name]
    if all(label in POS_IDS for label in form.labels):
        return PosLayer.name
    if all(label == "_" or "=" in label for label in form.labels):
        joint = any("POS=" in label for label in form.labels)
        return MorphologizerLayer.name if joint else MorphLayer.name
    return TagLayer.name


def is_ambiguous(layer: str) -> bool:
    """Tell whether a layer that was guessed may be another: spans of two kinds look alike."""
    return layer in (EntsLayer.name, SpansLayer.name)
