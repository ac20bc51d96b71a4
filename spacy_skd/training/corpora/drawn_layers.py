"""What a teacher's component annotates, and writing what was drawn from its beliefs into a doc."""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Container, Mapping
from typing import Any

import numpy
from spacy.attrs import DEP, HEAD
from spacy.morphology import Morphology
from spacy.parts_of_speech import IDS as POS_IDS
from spacy.tokens import Doc

from ...codecs.words import SPACE_DEPREL
from ...errors import named
from ...models.words import words_of
from ...pipeline.layers import SENT_LABELS, make_layer
from ...pipeline.span_layers import SPAN_LAYERS, make_span_layer
from ...transfer.beliefs import Belief, Form

logger = logging.getLogger("spacy.skd")
TOKEN_LAYERS = ("tag", "pos", "morph", "sent")
MORPHOLOGIZER, TREES = "morphologizer", "parser"
_NAMES = {"tagger": "tag", "senter": "sent", MORPHOLOGIZER: MORPHOLOGIZER}
_POS = "POS"  # in a stock morphologizer's labels, beside the features


class DrawnLayer(ABC):
    """One kind of annotation. writes (tuple[str, ...]): what it sets, so that two that set the same
    are found."""

    writes: tuple[str, ...]

    @abstractmethod
    def draw(self, doc: Doc, belief: Belief, **settings: Any) -> None:
        """Annotate a doc. settings: rng and temperature of
        `Belief.draw_labels` and `Belief.draw_trees`."""


class DrawnTokens(DrawnLayer):
    """name (str): of `TOKEN_LAYERS`, or "morphologizer", whose labels join FEATS and POS."""

    def __init__(self, name: str):
        self.is_joint = name == MORPHOLOGIZER
        self.writes = ("pos", "morph") if self.is_joint else (name,)
        self._layers = [make_layer(part, max_length=0, threshold=0.5) for part in self.writes]

    def draw(
        self, doc: Doc, belief: Belief, known: Container[str] | None = None, **settings: Any
    ) -> None:
        with named(f"layer {self.writes[0]!r}"):
            labels = belief.draw_labels(known=known, **settings)
        if self.writes == ("sent",) and labels:
            labels[:1] = [SENT_LABELS[1]]
        columns = zip(*map(_split, labels)) if self.is_joint else [labels]
        for layer, column in zip(self._layers, columns):
            table = {label: layer.value(doc, label) if label else 0 for label in set(column)}
            values = numpy.asarray([table[label] for label in column], dtype="uint64")
            layer.write(doc, values, labels=belief.labels, overwrite=True)


class DrawnSpans(DrawnLayer):
    """name (str): "ents", "spans", or "spans:" and a key of `doc.spans`."""

    def __init__(self, name: str):
        kind, _, key = name.partition(":")
        self.writes = (name,)
        self._layer = make_span_layer(kind, spans_key=key or "sc")

    def draw(self, doc: Doc, belief: Belief, **settings: Any) -> None:
        with named(f"layer {self.writes[0]!r}"):
            spans = belief.draw_spans(**settings)
        self._layer.write(doc, spans, overwrite=True)


class DrawnParse(DrawnLayer):
    """Heads and deprels, and with them sentence starts: each unit of the trees is a sentence."""

    writes = (TREES, "sent")

    def draw(self, doc: Doc, belief: Belief, **settings: Any) -> None:
        if not len(doc):
            return
        (words,) = words_of([doc])
        with named(f"layer {TREES!r}"):
            drawn = belief.draw_trees(**settings)
        offsets = words.heads_to_tokens(drawn.heads - numpy.arange(len(words)))
        space, *deprels = (doc.vocab.strings.add(d) for d in (SPACE_DEPREL, *drawn.deprels))
        names = words.to_tokens(numpy.asarray(deprels, "uint64"), fill=space)
        values = numpy.stack([offsets.astype("int64").view("uint64"), names], axis=1)
        doc.from_array([HEAD, DEP], values)


def make_layers(
    forms: Mapping[str, Form],
    names: Mapping[str, str],
    *,
    noted: Mapping[str, str] | None = None,
) -> dict[str, DrawnLayer]:
    """The layer of each of a store's components, those of no use left out.

    forms (Mapping[str, Form]): by component. names (Mapping[str, str]): by component, the layer to
        draw; empty for all, each what is noted.
    noted (Mapping[str, str] | None): what the manifest says of each. An older one says nothing:
        its components' names and labels are all there is to tell by, and what is ambiguous is
        warned of.
    RAISES (ValueError): if a component is not stored, a layer does not exist, or two components
        would write the same.
    """
    missing = sorted(set(names) - set(forms))
    if missing:
        raise ValueError(f"layers: expected stored components ({', '.join(forms)}), got {missing}")
    chosen = dict(names) or _inferred(forms, noted or {})
    layers = {pipe: make_drawn_layer(name) for pipe, name in chosen.items()}
    writers: dict[str, str] = {}
    for pipe, layer in layers.items():
        for what in layer.writes:
            if what in writers:
                left = {other: name for other, name in chosen.items() if other != pipe}
                raise ValueError(
                    f"layers: the components {writers[what]!r} and {pipe!r} both say {what!r}; "
                    f"choose all that are to be drawn by `layers`, such as {json.dumps(left)}"
                )
            writers[what] = pipe
    return layers


def make_drawn_layer(name: str) -> DrawnLayer:
    """RAISES (ValueError): if there is no such layer."""
    if name == TREES:
        return DrawnParse()
    if name in (*TOKEN_LAYERS, MORPHOLOGIZER):
        return DrawnTokens(name)
    if name.partition(":")[0] in SPAN_LAYERS:
        return DrawnSpans(name)
    known = ", ".join((*TOKEN_LAYERS, MORPHOLOGIZER, *SPAN_LAYERS, TREES))
    raise ValueError(f"layers: expected one of {known}, got {name!r}")


def layer_of(pipe: str, form: Form) -> str:
    """What a component annotates, told by its form, its name and its labels."""
    if form.of_trees:
        return TREES
    if form.of_spans:
        return "spans" if pipe.startswith("span") else "ents"
    name = pipe.rpartition(".")[2]
    name = _NAMES.get(name, name)
    if set(form.labels) == set(SENT_LABELS):
        return "sent"
    if name in (*TOKEN_LAYERS, MORPHOLOGIZER):
        return name
    if all(label in POS_IDS for label in form.labels):
        return "pos"
    if all(label == "_" or "=" in label for label in form.labels):
        joint = any(f"{_POS}=" in label for label in form.labels)
        return MORPHOLOGIZER if joint else "morph"
    return "tag"


def _inferred(forms: Mapping[str, Form], noted: Mapping[str, str]) -> dict[str, str]:
    """A view says no more than its component, and sentences are those of the trees."""
    told = {pipe: layer_of(pipe, form) for pipe, form in forms.items() if not noted.get(pipe)}
    for pipe, name in told.items():
        if name.partition(":")[0] in SPAN_LAYERS:
            logger.warning(
                "The stored beliefs of %r are taken for the layer %r by its name, since the folder "
                "was annotated before layers were noted. If that is wrong, name it by `layers`.",
                pipe,
                name,
            )
    names = {pipe: told.get(pipe) or noted[pipe] for pipe in forms}
    has_trees = TREES in names.values()
    return {
        pipe: name
        for pipe, name in names.items()
        if not ("." in pipe and pipe.partition(".")[0] in forms)
        and not (has_trees and name == "sent")
    }


def _split(label: str) -> list[str]:
    """POS and FEATS of a stock morphologizer's label; "" twice where it is not known."""
    if not label:
        return ["", ""]
    feats = Morphology.feats_to_dict(label)
    pos = feats.pop(_POS, "")
    return [pos, Morphology.dict_to_feats(feats) or Morphology.EMPTY_MORPH]
