"""Layers: kinds of annotation of a doc. All that is known of one is in its class.

A plugin adds one by registering it, as an entry point of the group `spacy_skd_layers` or so:

    @spacy.registry.skd_layers("norm")
    class NormLayer(TokenLayer):
        name, attr = "norm", NORM
"""

from typing import Any

import catalogue
from spacy import registry


class LayerRegistry(catalogue.Registry):
    """A registry that is asked again and again. The entry points are those that were installed when
    the process began, to catalogue, too, and are looked up once; what is registered later counts
    from then on."""

    _of_entry_points: dict[str, Any] | None = None

    def get_all(self) -> dict[str, Any]:
        """Return all layers by name."""
        if self._of_entry_points is None:
            self._of_entry_points = self.get_entry_points()
        namespace = tuple(self.namespace)
        registered = catalogue.REGISTRY.copy().items()
        own = {keys[-1]: layer for keys, layer in registered if keys[:-1] == namespace}
        return {**self._of_entry_points, **own}


LAYERS = LayerRegistry(("spacy", "skd_layers"), entry_points=True)
registry.skd_layers = LAYERS  # type: ignore[attr-defined]
