"""Structural knowledge distillation for spaCy."""

from . import layers as layers  # makes `spacy.registry.skd_layers`
