"""Layers: kinds of annotation of a doc. All that is known of one is in its class.

A plugin adds one by registering it, as an entry point of the group `spacy_skd_layers` or so:

    @spacy.registry.skd_layers("norm")
    class NormLayer(TokenLayer):
        name, attr = "norm", NORM
"""

import catalogue
from spacy import registry

LAYERS = catalogue.create("spacy", "skd_layers", entry_points=True)
registry.skd_layers = LAYERS  # type: ignore[attr-defined]
