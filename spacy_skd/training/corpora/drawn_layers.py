"""Which layers are drawn from the beliefs of a store's components."""

import json
import logging
from collections.abc import Mapping

from ...layers.base import Layer
from ...layers.guesses import guess_layer, is_ambiguous
from ...layers.known import find_layer
from ...shards.store import BeliefStore
from ...transfer.beliefs import Form

logger = logging.getLogger("spacy.skd")


def layers_of(
    stores: Mapping[str, BeliefStore], names: Mapping[str, str]
) -> dict[str, dict[str, Layer]]:
    """Return `make_layers` of each of several stores. names: as there, of the components of any.
    RAISES (ValueError): as there; if no store has a component that is named."""
    stored = {pipe for store in stores.values() for pipe in store.forms}
    if missing := sorted(set(names) - stored):
        known = ", ".join(sorted(stored))
        raise ValueError(f"layers: expected stored components ({known}), got {missing}")
    found = {}
    for row, store in stores.items():
        own = {pipe: layer for pipe, layer in names.items() if pipe in store.forms}
        noted = store.manifest.layers
        found[row] = make_layers(store.forms, own, noted=noted) if own or not names else {}
    return found


def make_layers(
    forms: Mapping[str, Form],
    names: Mapping[str, str],
    *,
    noted: Mapping[str, str] | None = None,
) -> dict[str, Layer]:
    """Return the layer of each of a store's components, those of no use left out.

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
    told = dict(names) or _told(forms, noted or {})
    layers = {pipe: find_layer(name, setting="layers") for pipe, name in told.items()}
    chosen = layers if names else _useful(layers)
    writers: dict[str, str] = {}
    for pipe, layer in chosen.items():
        for what in layer.writes:
            if what in writers:
                others = {other: told[other] for other in chosen if other != pipe}
                raise ValueError(
                    f"layers: the components {writers[what]!r} and {pipe!r} both say {what!r}; "
                    f"choose all that are to be drawn by `layers`, such as {json.dumps(others)}"
                )
            writers[what] = pipe
    return chosen


def _told(forms: Mapping[str, Form], noted: Mapping[str, str]) -> dict[str, str]:
    """Return the layer of each component, noted or guessed."""
    guessed = {pipe: guess_layer(pipe, form) for pipe, form in forms.items() if not noted.get(pipe)}
    for pipe, name in guessed.items():
        if is_ambiguous(name):
            logger.warning(
                "The stored beliefs of %r are taken for the layer %r by its name, since the folder "
                "was annotated before layers were noted. If that is wrong, name it by `layers`.",
                pipe,
                name,
            )
    return {pipe: guessed.get(pipe) or noted[pipe] for pipe in forms}


def _useful(layers: Mapping[str, Layer]) -> dict[str, Layer]:
    """Leave out what says nothing more: a view beside its component, and sentences beside trees."""
    has_trees = any(layer.needs_sentences for layer in layers.values())
    return {
        pipe: layer
        for pipe, layer in layers.items()
        if not ("." in pipe and pipe.partition(".")[0] in layers)
        and not (has_trees and layer.sets_sentences)
    }
