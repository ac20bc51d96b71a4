"""Annotated files of any kind to `.spacy`: `spacy skd convert`."""
