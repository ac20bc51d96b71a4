"""Readers: annotated docs and stored beliefs as streams of examples."""
