"""Structural knowledge distillation for spaCy."""

from . import layers as layers  # makes `spacy.registry.skd_layers`
from .layers import confidences_json as _confidences  # noqa: F401  # registers the extensions
