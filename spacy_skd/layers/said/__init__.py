"""What a file says of texts, layer by layer, in the spelling of `Doc.to_json`."""

from .annotation import Annotation, Tally
from .reader import LayerReader

__all__ = ["Annotation", "LayerReader", "Tally"]
